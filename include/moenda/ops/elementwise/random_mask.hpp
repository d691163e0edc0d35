// SPDX-License-Identifier: Apache-2.0
#pragma once
#include "moenda/core/context.hpp"

namespace moenda::ops {

/// [rows, cols] of 1 / (1 - p), or 0 with probability p: what dropout multiplies with, so that the
/// mean stays what it was. The same in every run of the same seed, step and layer. Throws
/// ConfigError unless 0 <= p < 1.
template <class B>
Tensor<B> random_mask(Context<B>& ctx, std::string_view purpose, double p, int rows, int cols) {
  using Scalar = typename B::Scalar;
  if (!(p >= 0 && p < 1)) {
    throw ConfigError("random_mask: p must be at least 0 and below 1, got " + std::to_string(p));
  }
  auto y = ctx.tensor(rows, cols);  // [rows, cols]
  draw_mask(ctx.backend, y.data, ctx.random(purpose), p, Scalar(1 / (1 - p)), y.size());
  return y;
}

}  // namespace moenda::ops
