// SPDX-License-Identifier: Apache-2.0
#pragma once
#include "moenda/core/context.hpp"
#include "moenda/ops/shapes.hpp"

namespace moenda::ops {

/// y = 1 / (1 + exp(-x)).
template <class B>
Tensor<B> sigmoid(Context<B>& ctx, Tensor<B> x) {
  auto y = ctx.tensor(x.rows, x.cols);  // as x
  sigmoid_forward(ctx.backend, y.data, x.data, x.size());
  return y;
}
/// dx = dy y (1 - y).
template <class B>
Tensor<B> sigmoid_backward(Context<B>& ctx, Tensor<B> dy, Tensor<B> y) {
  require_same_shape(dy, y, "sigmoid_backward: dy and y");
  auto dx = ctx.tensor(y.rows, y.cols);  // as y
  sigmoid_backward(ctx.backend, dx.data, dy.data, y.data, y.size());
  return dx;
}

/// y = log(1 + exp(x)).
template <class B>
Tensor<B> softplus(Context<B>& ctx, Tensor<B> x) {
  auto y = ctx.tensor(x.rows, x.cols);  // as x
  softplus_forward(ctx.backend, y.data, x.data, x.size());
  return y;
}
/// dx = dy sigmoid(x).
template <class B>
Tensor<B> softplus_backward(Context<B>& ctx, Tensor<B> dy, Tensor<B> x) {
  require_same_shape(dy, x, "softplus_backward: dy and x");
  auto dx = ctx.tensor(x.rows, x.cols);  // as x
  softplus_backward(ctx.backend, dx.data, dy.data, x.data, x.size());
  return dx;
}

/// y = a b, element by element. Its backward is this with dy: da = dy b, db = dy a.
template <class B>
Tensor<B> multiply(Context<B>& ctx, Tensor<B> a, Tensor<B> b) {
  require_same_shape(a, b, "multiply: both");
  auto y = ctx.tensor(a.rows, a.cols);  // as a
  multiply_forward(ctx.backend, y.data, a.data, b.data, a.size());
  return y;
}

/// y = factor x + shift. Its backward is this with shift 0.
template <class B>
Tensor<B> scale(Context<B>& ctx, Tensor<B> x, double factor, double shift = 0) {
  using Scalar = typename B::Scalar;
  auto y = ctx.tensor(x.rows, x.cols);  // as x
  scale_forward(ctx.backend, y.data, x.data, Scalar(factor), Scalar(shift), x.size());
  return y;
}

/// y = min(max(x, -limit), limit).
template <class B>
Tensor<B> clip(Context<B>& ctx, Tensor<B> x, double limit) {
  auto y = ctx.tensor(x.rows, x.cols);  // as x
  clip_forward(ctx.backend, y.data, x.data, typename B::Scalar(limit), x.size());
  return y;
}
/// dx = dy where |x| <= limit, else 0.
template <class B>
Tensor<B> clip_backward(Context<B>& ctx, Tensor<B> dy, Tensor<B> x, double limit) {
  require_same_shape(dy, x, "clip_backward: dy and x");
  auto dx = ctx.tensor(x.rows, x.cols);  // as x
  clip_backward(ctx.backend, dx.data, dy.data, x.data, typename B::Scalar(limit), x.size());
  return dx;
}

/// y = x + row, the same row everywhere.   x [rows, cols], row [1, cols] -> y [rows, cols].
template <class B>
Tensor<B> add_row(Context<B>& ctx, Tensor<B> x, Weight<B> const& row) {
  require(row.rows == 1 && row.cols == x.cols, "add_row: the row must be as wide as x", row.cols,
          x.cols);
  auto y = ctx.tensor(x.rows, x.cols);  // as x
  add_row_forward(ctx.backend, y.data, x.data, row.plain("add_row: row"), x.rows, x.cols);
  return y;
}
/// drow += sum of the rows of dy; dx is dy. Also counts: the sum of the rows of a selection is how
/// many items each expert got.
template <class B>
void add_row_backward(Context<B>& ctx, Tensor<B> dy, Weight<B> const& drow) {
  require(drow.rows == 1 && drow.cols == dy.cols, "add_row_backward: the row must be as wide as dy",
          drow.cols, dy.cols);
  sum_of_rows(ctx.backend, drow.data, dy.data, dy.rows, dy.cols);
}

}  // namespace moenda::ops
