// SPDX-License-Identifier: Apache-2.0
#pragma once
// Ways to narrow a choice, and choices without content. None has a gradient.
#include "moenda/core/context.hpp"
#include "moenda/ops/shapes.hpp"

namespace moenda::ops {

/// The columns stand in `groups` groups of neighbours; a group is worth the sum of its `best`
/// largest entries. y = x in the `top_groups` best groups, -infinity elsewhere; inside, y is never
/// -infinity, so that a choice of the largest stays inside whatever x holds.
/// x [rows, cols] -> y [rows, cols]. Throws ConfigError unless groups divides cols.
template <class B>
Tensor<B> keep_best_groups(Context<B>& ctx, Tensor<B> x, int groups, int top_groups, int best) {
  require(groups >= 1 && x.cols % groups == 0, "keep_best_groups: groups must divide the columns",
          groups, x.cols);
  require(top_groups >= 1 && best >= 1, "keep_best_groups: top_groups and best must be at least 1",
          top_groups, best);
  auto y = ctx.tensor(x.rows, x.cols);  // [rows, cols]
  keep_best_groups(ctx.backend, y.data, x.data, groups, top_groups, best, x.rows, x.cols);
  return y;
}

/// kept = mask where always != 0 or x > limit of the row, else 0.
/// mask, always, x [rows, cols], limits [rows, 1] -> kept [rows, cols].
template <class B>
Tensor<B> keep_above(Context<B>& ctx, Tensor<B> mask, Tensor<B> always, Tensor<B> x,
                     Tensor<B> limits) {
  require_same_shape(mask, x, "keep_above: mask and x");
  require_same_shape(always, x, "keep_above: always and x");
  require(limits.rows == x.rows && limits.cols == 1, "keep_above: limits must be [rows, 1]",
          limits.rows, x.rows);
  auto kept = ctx.tensor(x.rows, x.cols);  // [rows, cols]
  keep_above(ctx.backend, kept.data, mask.data, always.data, x.data, limits.data, x.rows, x.cols);
  return kept;
}

/// Whether the rows of a table are the tokens of the batch; else each stands for several of them.
template <class B>
bool rows_are_tokens(Context<B> const& ctx, int rows) {
  return rows == ctx.batch.rows();
}

/// mask = 1 at k neighbouring columns of every row, else 0; the next position takes the next k, and
/// the last column is followed by the first.   -> mask [rows, cols].
template <class B>
Tensor<B> round_robin(Context<B>& ctx, int k, int rows, int cols) {
  require(k >= 0 && k <= cols, "round_robin: k must be in 0..cols", k, cols);
  bool const tokens = rows_are_tokens(ctx, rows);
  auto mask = ctx.tensor(rows, cols);  // [rows, cols]
  round_robin(ctx.backend, mask.data, tokens ? ctx.batch.position : 0,
              tokens ? ctx.batch.seq_len : rows, k, rows, cols,
              tokens ? ctx.batch.positions : nullptr);
  return mask;
}

}  // namespace moenda::ops
