// SPDX-License-Identifier: Apache-2.0
#pragma once
// One column per row, and what depends on which one it is.
#include <span>

#include "moenda/core/context.hpp"
#include "moenda/ops/shapes.hpp"

namespace moenda::ops {

/// mask = 1 at one column of every row, else 0: column c with probability probs[r, c], decided by
/// draws, uniform in [0, 1). It has no gradient.   probs [rows, cols], draws [rows, 1] -> mask
/// [rows, cols].
template <class B>
Tensor<B> choose_at_random(Context<B>& ctx, Tensor<B> probs, Tensor<B> draws) {
  require(draws.rows == probs.rows && draws.cols == 1,
          "choose_at_random: draws must be one per row", draws.rows, probs.rows);
  require(probs.cols >= 1, "choose_at_random: there must be a column to choose", probs.cols, 1);
  auto mask = ctx.tensor(probs.rows, probs.cols);  // [rows, cols]
  choose_at_random(ctx.backend, mask.data, probs.data, draws.data, probs.rows, probs.cols);
  return mask;
}

/// The column of every row where the mask is not 0, the first one.   mask [rows, cols] -> [rows].
template <class B>
std::span<int> chosen_columns(Context<B>& ctx, Tensor<B> mask) {
  auto const columns = ctx.template numbers<int>(mask.rows);  // [rows]
  chosen_columns(ctx.backend, columns.data(), mask.data, mask.rows, mask.cols);
  return columns;
}

/// y[r] += table[columns[r]].   y [rows, cols], table [choices, cols], columns [rows], in 0 ..
/// choices - 1. dy is its own gradient.
template <class B>
void add_chosen_row(Context<B>& ctx, Tensor<B> y, Weight<B> const& table,
                    std::span<int const> columns) {
  require(y.cols == table.cols, "add_chosen_row: the table must be as wide as y", table.cols,
          y.cols);
  require(std::ptrdiff_t(columns.size()) == y.rows, "add_chosen_row: columns must be one per row",
          static_cast<long long>(columns.size()), y.rows);
  add_chosen_row(ctx.backend, y.data, table.plain("add_chosen_row: table"), columns.data(), y.rows,
                 y.cols);
}
/// dtable[columns[r]] += dy[r].
template <class B>
void add_chosen_row_backward(Context<B>& ctx, Tensor<B> dy, std::span<int const> columns,
                             Weight<B> const& dtable) {
  require(dy.cols == dtable.cols, "add_chosen_row_backward: the table must be as wide as dy",
          dtable.cols, dy.cols);
  require(std::ptrdiff_t(columns.size()) == dy.rows,
          "add_chosen_row_backward: columns must be one per row",
          static_cast<long long>(columns.size()), dy.rows);
  embedding_backward(ctx.backend, dtable.data, dy.data, columns.data(), dy.rows, dy.cols,
                     dtable.rows);
}

/// y[r] = factors[r, columns[r]] x[r], also the gradient in x, with dy for x.
/// x [rows, cols], factors [rows, choices], columns [rows] -> y [rows, cols].
template <class B>
Tensor<B> scale_by_chosen(Context<B>& ctx, Tensor<B> x, Tensor<B> factors,
                          std::span<int const> columns) {
  require(factors.rows == x.rows, "scale_by_chosen: factors and x must have equally many rows",
          factors.rows, x.rows);
  require(std::ptrdiff_t(columns.size()) == x.rows, "scale_by_chosen: columns must be one per row",
          static_cast<long long>(columns.size()), x.rows);
  auto y = ctx.tensor(x.rows, x.cols);  // [rows, cols]
  scale_by_chosen(ctx.backend, y.data, x.data, factors.data, columns.data(), x.rows, x.cols,
                  factors.cols);
  return y;
}
/// dfactors[r, columns[r]] += <dy[r], x[r]>.   dfactors [rows, choices].
template <class B>
void scale_by_chosen_backward(Context<B>& ctx, Tensor<B> dy, Tensor<B> x,
                              std::span<int const> columns, Tensor<B> dfactors) {
  require_same_shape(dy, x, "scale_by_chosen_backward: dy and x");
  require(dfactors.rows == x.rows,
          "scale_by_chosen_backward: dfactors and x must have equally many rows", dfactors.rows,
          x.rows);
  require(std::ptrdiff_t(columns.size()) == x.rows,
          "scale_by_chosen_backward: columns must be one per row",
          static_cast<long long>(columns.size()), x.rows);
  scale_by_chosen_backward(ctx.backend, dfactors.data, dy.data, x.data, columns.data(), x.rows,
                           x.cols, dfactors.cols);
}

}  // namespace moenda::ops
