// SPDX-License-Identifier: Apache-2.0
#pragma once
#include "moenda/core/context.hpp"

namespace moenda::ops {

/// selected: every row to one column, every column the same number of rows (one more for rows %
/// cols of them), with nearly the largest sum of affinities. affinity [rows, cols] -> selected
/// [rows, cols]. It has no gradient.
template <class B>
Tensor<B> balanced_assignment(Context<B>& ctx, Tensor<B> affinity) {
  auto selected = ctx.tensor(affinity.rows, affinity.cols);  // [rows, cols]
  balanced_assignment(ctx.backend, selected.data, affinity.data, affinity.rows, affinity.cols);
  return selected;
}

}  // namespace moenda::ops
