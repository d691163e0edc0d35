// SPDX-License-Identifier: Apache-2.0
#pragma once
#include "moenda/core/context.hpp"

namespace moenda::ops {

/// [rows, cols] uniform in [0, 1). The same in every run of the same seed, step and layer.
template <class B>
Tensor<B> uniform(Context<B>& ctx, std::string_view purpose, int rows, int cols) {
  auto y = ctx.tensor(rows, cols);  // [rows, cols]
  draw_uniform(ctx.backend, y.data, ctx.random(purpose), y.size());
  return y;
}
/// [rows, cols] standard normal.
template <class B>
Tensor<B> normal(Context<B>& ctx, std::string_view purpose, int rows, int cols) {
  auto y = ctx.tensor(rows, cols);  // [rows, cols]
  draw_normal(ctx.backend, y.data, ctx.random(purpose), y.size());
  return y;
}
/// [rows, cols] standard Gumbel, -log(-log(u)): the largest of logits plus such draws is a draw
/// from their softmax.
template <class B>
Tensor<B> gumbel(Context<B>& ctx, std::string_view purpose, int rows, int cols) {
  auto y = ctx.tensor(rows, cols);  // [rows, cols]
  draw_gumbel(ctx.backend, y.data, ctx.random(purpose), y.size());
  return y;
}
/// [rows, cols]: every column holds the standard Gumbel quantiles of (i + 0.5) / rows, each once,
/// in an order that the column's number and `purpose` decide; seed, step and layer do not.
template <class B>
Tensor<B> gumbel_strata(Context<B>& ctx, std::string_view purpose, int rows, int cols) {
  auto y = ctx.tensor(rows, cols);  // [rows, cols]
  draw_gumbel_strata(ctx.backend, y.data, Random(0, stream_of(purpose)), rows, cols);
  return y;
}

}  // namespace moenda::ops
