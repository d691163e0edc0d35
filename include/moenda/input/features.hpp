// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <cmath>
#include <string>

#include "moenda/core/fields.hpp"
#include "moenda/core/weights.hpp"
#include "moenda/module/rules.hpp"
#include "moenda/ops/elementwise/pointwise.hpp"
#include "moenda/ops/linear/matmul.hpp"
#include "moenda/ops/sequence/features.hpp"

namespace moenda::input {

/// x_t = weight f_t + bias: real-valued channels, such as those of a sensor, to d_model. Channels
/// should be of order 1. First values are those of input::Tokens.
struct Features {
  static constexpr char const* name = "features";
  struct Config {
    int channels = 0;
    MOENDA_FIELDS(Config, channels);
  };
  template <class B>
  struct Params {
    Weight<B> weight, bias;  // [d_model, channels], [1, d_model]
    MOENDA_FIELDS(Params, weight, bias);
  };
  template <class B>
  struct Cache {
    Tensor<B> features;  // [tokens, channels]
  };

  static void check(Config const& c, Setting const&, Problems& problems) {
    problems.expect(c.channels >= 1 && c.channels <= 1 << 20, "channels",
                    "in 1.." + std::to_string(1 << 20), c.channels);
  }
  /// Throws DataError unless there are features, of as many channels, and finite ones where they
  /// are no padding.
  static void check_batch(Config const& c, Batch const& batch) {
    if (batch.rows() == 0) return;
    if (batch.features == nullptr) {
      throw DataError("Batch: the model reads features, but the batch has none");
    }
    if (batch.channels != c.channels) {
      throw DataError("Batch: the model reads " + std::to_string(c.channels) +
                      " channels, but the batch has " + std::to_string(batch.channels));
    }
    for (int b = 0; b < batch.batch_size; ++b) {
      int const there = batch.lengths == nullptr ? batch.seq_len : batch.lengths[b];
      auto const first = std::ptrdiff_t(b) * batch.seq_len * c.channels;
      check_finite(c, batch.features, first, first + std::ptrdiff_t(there) * c.channels);
    }
  }
  template <class B>
  static constexpr Params<B> params(Config const& c, int d_model) {
    return {weights::matrix(d_model, c.channels, 50), weights::bias(d_model)};
  }
  template <class B>
  static Tensor<B> forward(Context<B>& ctx, Config const& c, Params<B> const& p, Cache<B>& cache) {
    cache.features = ops::features(ctx, c.channels);
    return ops::add_row(ctx, ops::matmul(ctx, cache.features, p.weight), p.bias);
  }
  /// Returns the gradient of the features, which nobody needs.
  template <class B>
  static Tensor<B> backward(Context<B>& ctx, Config const&, Params<B> const& p,
                            Params<B> const& grads, Cache<B>& cache, Tensor<B> dy) {
    ops::add_row_backward(ctx, dy, grads.bias);
    return ops::matmul_backward(ctx, dy, cache.features, p.weight, grads.weight);
  }

 private:
  static void check_finite(Config const& c, float const* features, std::ptrdiff_t begin,
                           std::ptrdiff_t end) {
    for (std::ptrdiff_t i = begin; i < end; ++i) {
      if (std::isfinite(features[i])) continue;
      throw DataError("Batch: features must be finite, got " + std::to_string(features[i]) +
                      " in row " + std::to_string(i / c.channels) + ", channel " +
                      std::to_string(i % c.channels));
    }
  }
};

}  // namespace moenda::input
