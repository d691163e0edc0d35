// SPDX-License-Identifier: Apache-2.0
#pragma once
#include "moenda/core/context.hpp"
#include "moenda/ops/linear/matmul.hpp"
#include "moenda/ops/shapes.hpp"

namespace moenda::ops {

/// What unit_rows keeps for its backward.
template <class B>
struct UnitRows {
  Tensor<B> y;               // [rows, cols]
  Tensor<B> inverse_length;  // [rows, 1]
};

/// y[r] = x[r] / |x[r]|; 0 for a row without a direction.   x [rows, cols] -> y [rows, cols].
template <class B>
UnitRows<B> unit_rows(Context<B>& ctx, Tensor<B> x) {
  UnitRows<B> unit{ctx.tensor(x.rows, x.cols), ctx.tensor(x.rows, 1)};
  unit_rows_forward(ctx.backend, unit.y.data, unit.inverse_length.data, x.data, x.rows, x.cols);
  return unit;
}
/// dx = (dy - y <y, dy>) / |x|.
template <class B>
Tensor<B> unit_rows_backward(Context<B>& ctx, Tensor<B> dy, UnitRows<B> const& unit) {
  require_same_shape(dy, unit.y, "unit_rows_backward: dy and y");
  auto dx = ctx.tensor(dy.rows, dy.cols);  // [rows, cols]
  unit_rows_backward(ctx.backend, dx.data, dy.data, unit.y.data, unit.inverse_length.data, dy.rows,
                     dy.cols);
  return dx;
}

/// The cosine of the angle between every row of x and every row of w, exact to the scalar: a router
/// decides by it.   x [rows, in], w [out, in] -> [rows, out].
template <class B>
Tensor<B> cosines(Context<B>& ctx, UnitRows<B> const& x, UnitRows<B> const& w) {
  return matmul(ctx, x.y, Weight<B>{w.y.rows, w.y.cols, WeightKind::router, w.y.data});
}
/// dw += d^T x.y and returns d w.y, both of unit rows.   d [rows, out], dw [out, in] -> [rows, in].
template <class B>
Tensor<B> cosines_backward(Context<B>& ctx, Tensor<B> d, UnitRows<B> const& x, UnitRows<B> const& w,
                           Tensor<B> dw) {
  return matmul_backward(ctx, d, x.y, Weight<B>{w.y.rows, w.y.cols, WeightKind::router, w.y.data},
                         Weight<B>{dw.rows, dw.cols, WeightKind::router, dw.data});
}

}  // namespace moenda::ops
