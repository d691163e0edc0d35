// SPDX-License-Identifier: Apache-2.0
#pragma once
#include "moenda/core/context.hpp"

namespace moenda::ops {

/// y = a + b. Its backward is dy for both. Throws ConfigError when the shapes differ.
template <class B>
Tensor<B> add(Context<B>& ctx, Tensor<B> a, Tensor<B> b) {
  require(a.rows == b.rows, "add: both must have equally many rows", a.rows, b.rows);
  require(a.cols == b.cols, "add: both must have equally many columns", a.cols, b.cols);
  auto y = ctx.tensor(a.rows, a.cols);  // [rows, cols]
  add_forward(ctx.backend, y.data, a.data, b.data, a.size());
  return y;
}

}  // namespace moenda::ops
