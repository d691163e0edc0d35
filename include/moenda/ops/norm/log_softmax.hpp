// SPDX-License-Identifier: Apache-2.0
#pragma once
#include "moenda/core/context.hpp"
#include "moenda/ops/shapes.hpp"

namespace moenda::ops {

/// y = x - log sum exp x, row by row, over the entries where mask != 0 (all of them without a
/// mask); the others get -infinity, and so does every entry of a row where nothing takes part. x,
/// mask [rows, cols] -> y [rows, cols].
template <class B>
Tensor<B> log_softmax(Context<B>& ctx, Tensor<B> x, Tensor<B> mask = {}) {
  if (mask.data != nullptr) require_same_shape(mask, x, "log_softmax: mask and x");
  auto y = ctx.tensor(x.rows, x.cols);  // [rows, cols]
  log_softmax_forward(ctx.backend, y.data, x.data,
                      static_cast<typename B::Scalar const*>(mask.data), x.rows, x.cols);
  return y;
}

/// dx = dy - exp(y) sum dy. dy must be 0 where the mask was.
template <class B>
Tensor<B> log_softmax_backward(Context<B>& ctx, Tensor<B> dy, Tensor<B> y) {
  require_same_shape(dy, y, "log_softmax_backward: dy and y");
  auto dx = ctx.tensor(y.rows, y.cols);  // [rows, cols]
  log_softmax_backward(ctx.backend, dx.data, dy.data, y.data, y.rows, y.cols);
  return dx;
}

}  // namespace moenda::ops
