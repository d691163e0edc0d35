// SPDX-License-Identifier: Apache-2.0
#pragma once
#include "moenda/core/context.hpp"

namespace moenda::ops {

/// The batch's real-valued channels, 0 in padding, whatever is written there.
/// -> [batch_size * seq_len, channels].
template <class B>
Tensor<B> features(Context<B>& ctx, int channels) {
  auto const& batch = ctx.batch;
  require((batch.features != nullptr && batch.channels == channels) || batch.rows() == 0,
          "features: the batch must have features of as many channels (its own vs wanted)",
          batch.channels, channels);
  auto y = ctx.tensor(batch.rows(), channels);  // [batch_size * seq_len, channels]
  read_features(ctx.backend, y.data, batch.features, batch.lengths, batch.batch_size, batch.seq_len,
                channels);
  return y;
}

}  // namespace moenda::ops
