// SPDX-License-Identifier: Apache-2.0
#pragma once
#include "moenda/core/context.hpp"
#include "moenda/ops/shapes.hpp"

namespace moenda::ops {

/// y = a + b. Its backward is dy for both. Throws ConfigError when the shapes differ.
template <class B>
Tensor<B> add(Context<B>& ctx, Tensor<B> a, Tensor<B> b) {
  require_same_shape(a, b, "add: both");
  auto y = ctx.tensor(a.rows, a.cols);  // [rows, cols]
  add_forward(ctx.backend, y.data, a.data, b.data, a.size());
  return y;
}

}  // namespace moenda::ops
