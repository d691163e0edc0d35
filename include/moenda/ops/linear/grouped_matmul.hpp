// SPDX-License-Identifier: Apache-2.0
#pragma once
// The same products with the weights of many experts: a module that calls ops::matmul runs one
// expert or a whole group, depending on the weights it is given.
#include "moenda/ops/linear/matmul.hpp"

namespace moenda::ops {

/// Throws ConfigError unless `w` meets `rows` rows, and, where the host can tell, its groups share
/// out exactly these.
template <class B>
void require_all_rows(Weight<PerExpert<B>> const& w, int rows, char const* what) {
  int covered = w.num_rows;
  if constexpr (B::Space::is_host) covered = w.begin.empty() ? 0 : w.begin.back();
  require(rows == covered, what, rows, covered);
}

/// y = x w^T, each row with the weight of its group.   x [rows, in], w[g] [out, in] -> y [rows,
/// out]. Throws ConfigError when the sizes differ.
template <class B>
Tensor<B> matmul(Context<B>& ctx, Rows<B> x, Weight<PerExpert<B>> const& w) {
  require(x.cols == w.cols, "matmul: x.cols must equal w.cols", x.cols, w.cols);
  require_all_rows(w, x.rows, "matmul: x.rows must be those of the groups");
  auto y = ctx.tensor(x.rows, w.rows);  // [rows, out]
  grouped_matmul_forward(ctx.backend, y.data, x.data, x.row_of, w.view(), w.begin.data(),
                         w.groups(), w.rows, w.cols, precision_of(ctx.backend, w));
  return y;
}

/// dw[g] += dy^T x over the rows of group g, unless all of w is frozen, and returns dx = dy w.
/// dy [rows, out], x [rows, in] -> dx [rows, in].
template <class B>
Tensor<B> matmul_backward(Context<B>& ctx, Tensor<B> dy, Rows<B> x, Weight<PerExpert<B>> const& w,
                          Weight<PerExpert<B>> const& dw) {
  require_matmul_shapes(dy, x, w, dw);
  require_all_rows(w, x.rows, "matmul_backward: x.rows must be those of the groups");
  require(dw.groups() == w.groups(), "matmul_backward: dw and w must have equally many groups",
          dw.groups(), w.groups());
  auto const* const plain = w.plain("matmul_backward: w");
  auto const precision = precision_of(ctx.backend, w);
  auto const* const begin = w.begin.data();
  if (!w.frozen) {
    grouped_matmul_backward_weight(ctx.backend, dw.data, dy.data, x.data, x.row_of, begin,
                                   w.groups(), w.rows, w.cols, precision);
  }
  auto dx = ctx.tensor(x.rows, w.cols);  // [rows, in]
  grouped_matmul_backward_input(ctx.backend, dx.data, dy.data, plain, begin, w.groups(), w.rows,
                                w.cols, precision);
  return dx;
}

}  // namespace moenda::ops
