// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <string>

#include "moenda/core/context.hpp"
#include "moenda/ops/shapes.hpp"

namespace moenda::ops {

/// Throws DataError unless every id lies in 0 .. vocab_size - 1.   ids [tokens].
inline void check_ids(int const* ids, int tokens, int vocab_size) {
  for (int t = 0; t < tokens; ++t) {
    if (ids[t] < 0 || ids[t] >= vocab_size) {
      throw DataError("Batch: token " + std::to_string(t) + " has id " + std::to_string(ids[t]) +
                      ", but ids must lie in 0.." + std::to_string(vocab_size - 1));
    }
  }
}

/// y[t] = table[ids[t]].   ids [tokens], table [vocab_size, d_model] -> y [tokens, d_model].
/// The ids must lie in 0 .. vocab_size - 1: check_ids sees to it where they enter.
template <class B>
Tensor<B> embedding(Context<B>& ctx, int const* ids, int tokens, Weight<B> const& table) {
  auto y = ctx.tensor(tokens, table.cols);  // [tokens, d_model]
  embedding_forward(ctx.backend, y.data, table.view(), ids, tokens, table.cols);
  return y;
}

/// dtable[ids[t]] += dy[t], unless the table is frozen.   dy [tokens, d_model], ids [tokens].
/// Throws ConfigError when the sizes differ.
template <class B>
void embedding_backward(Context<B>& ctx, Tensor<B> dy, int const* ids, Weight<B> const& table,
                        Weight<B> const& dtable) {
  require(dy.cols == table.cols, "embedding_backward: dy.cols must equal d_model", dy.cols,
          table.cols);
  require_same_shape(dtable, table, "embedding_backward: dtable and table");
  if (table.frozen) return;
  embedding_backward(ctx.backend, dtable.data, dy.data, ids, dy.rows, dy.cols, dtable.rows);
}

}  // namespace moenda::ops
