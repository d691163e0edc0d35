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

}  // namespace moenda::ops
