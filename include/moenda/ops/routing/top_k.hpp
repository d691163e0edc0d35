// SPDX-License-Identifier: Apache-2.0
#pragma once
#include "moenda/core/context.hpp"
#include "moenda/ops/shapes.hpp"

namespace moenda::ops {

/// mask = 1 at the k largest of every row, else 0; equal values go to the lower column.
/// x [rows, cols] -> mask [rows, cols]. It has no gradient. Throws ConfigError unless k >= 1.
template <class B>
Tensor<B> top_k_of_rows(Context<B>& ctx, Tensor<B> x, int k) {
  require(k >= 1, "top_k_of_rows: k must be at least 1", k, 1);
  auto mask = ctx.tensor(x.rows, x.cols);  // [rows, cols]
  top_k_of_rows(ctx.backend, mask.data, x.data, k, x.rows, x.cols);
  return mask;
}

/// What select keeps for its backward.
template <class B>
struct SelectCache {
  Tensor<B> y, mask;  // [rows, cols]
  Tensor<B> sums;     // [rows, 1]
  bool renormalise = false;
};

/// y = x where mask != 0, else 0; with `renormalise` divided by the row's sum.
/// x, mask [rows, cols] -> y [rows, cols].
template <class B>
Tensor<B> select(Context<B>& ctx, Tensor<B> x, Tensor<B> mask, bool renormalise,
                 SelectCache<B>& cache) {
  require_same_shape(mask, x, "select: mask and x");
  auto y = ctx.tensor(x.rows, x.cols);  // [rows, cols]
  cache = {y, mask, ctx.tensor(x.rows, 1), renormalise};
  select_forward(ctx.backend, y.data, cache.sums.data, x.data, mask.data, renormalise, x.rows,
                 x.cols);
  return y;
}

/// dx = dy mask, or with `renormalise` mask (dy - sum(dy y)) / sums.
template <class B>
Tensor<B> select_backward(Context<B>& ctx, Tensor<B> dy, SelectCache<B> const& cache) {
  require_same_shape(dy, cache.y, "select_backward: dy and y");
  auto dx = ctx.tensor(dy.rows, dy.cols);  // [rows, cols]
  select_backward(ctx.backend, dx.data, dy.data, cache.y.data, cache.sums.data, cache.mask.data,
                  cache.renormalise, dy.rows, dy.cols);
  return dx;
}

}  // namespace moenda::ops
