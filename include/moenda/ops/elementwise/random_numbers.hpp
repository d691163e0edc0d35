// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <cstdint>
#include <span>
#include <string_view>

#include "moenda/core/context.hpp"

namespace moenda::ops {

/// [rows, cols] uniform in [0, 1). The same in every run of the same seed, step and layer.
template <class B>
Tensor<B> uniform(Context<B>& ctx, std::string_view purpose, int rows, int cols) {
  auto y = ctx.tensor(rows, cols);  // [rows, cols]
  draw_uniform(ctx.backend, y.data, ctx.random(purpose), y.size());
  return y;
}
/// [keys, cols] uniform in [0, 1), of which row r is a function of keys[r], seed, step and layer.
template <class B>
Tensor<B> uniform_of_keys(Context<B>& ctx, std::string_view purpose,
                          std::span<std::uint64_t const> keys, int cols) {
  auto y = ctx.tensor(int(keys.size()), cols);  // [keys, cols]
  draw_uniform_of_keys(ctx.backend, y.data, ctx.random(purpose), keys.data(), y.rows, cols);
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
