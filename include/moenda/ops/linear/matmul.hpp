// SPDX-License-Identifier: Apache-2.0
#pragma once
#include "moenda/core/context.hpp"
#include "moenda/core/precision.hpp"
#include "moenda/ops/routing/gather.hpp"
#include "moenda/ops/shapes.hpp"

namespace moenda::ops {

/// A router's logits decide by small differences: its products are always exact to the scalar.
template <class B, class W>
Precision precision_of(B const& backend, Weight<W> const& w) {
  return w.kind == WeightKind::router ? Precision::fp32 : backend.precision;
}

/// y = x w^T.   x [rows, in], w [out, in] -> y [rows, out].
/// Throws ConfigError when the inner sizes differ.
template <class B>
Tensor<B> matmul(Context<B>& ctx, Rows<B> rows, Weight<B> const& w) {
  require(rows.cols == w.cols, "matmul: x.cols must equal w.cols", rows.cols, w.cols);
  auto const x = gather(ctx, rows);     // [rows, in]
  auto y = ctx.tensor(x.rows, w.rows);  // [rows, out]
  matmul_forward(ctx.backend, y.data, x.data, w.view(), x.rows, w.rows, w.cols,
                 precision_of(ctx.backend, w));
  return y;
}

/// Throws ConfigError unless dy, x and dw have the shapes of y = x w^T.
template <class B, class W>
void require_matmul_shapes(Tensor<B> dy, PickedRows<B> const& x, Weight<W> const& w,
                           Weight<W> const& dw) {
  require(dy.cols == w.rows, "matmul_backward: dy.cols must equal w.rows", dy.cols, w.rows);
  require(dy.rows == x.rows, "matmul_backward: dy.rows must equal x.rows", dy.rows, x.rows);
  require(x.cols == w.cols, "matmul_backward: x.cols must equal w.cols", x.cols, w.cols);
  require_same_shape(dw, w, "matmul_backward: dw and w");
}

/// dw += dy^T x, unless w is frozen, and returns dx = dy w.   dy [rows, out], x [rows, in] -> dx
/// [rows, in]. Throws ConfigError when the sizes differ or w is not plain.
template <class B>
Tensor<B> matmul_backward(Context<B>& ctx, Tensor<B> dy, Rows<B> rows, Weight<B> const& w,
                          Weight<B> const& dw) {
  require_matmul_shapes(dy, rows, w, dw);
  auto const* const plain = w.plain("matmul_backward: w");
  auto const x = gather(ctx, rows);  // [rows, in]
  auto const precision = precision_of(ctx.backend, w);
  if (!w.frozen) {
    matmul_backward_weight(ctx.backend, dw.data, dy.data, x.data, x.rows, w.rows, w.cols,
                           precision);
  }
  auto dx = ctx.tensor(x.rows, w.cols);  // [rows, in]
  matmul_backward_input(ctx.backend, dx.data, dy.data, plain, x.rows, w.rows, w.cols, precision);
  return dx;
}

}  // namespace moenda::ops
