// SPDX-License-Identifier: Apache-2.0
#pragma once
#include "moenda/ops/sequence/padding.hpp"

namespace moenda::ops {

/// selected: every item to one column, every column the same number of items (one more for items %
/// cols of them), with nearly the largest sum of affinities; padding to no column.
/// affinity [items, cols] -> selected [items, cols]. It has no gradient.
template <class B>
Tensor<B> balanced_assignment(Context<B>& ctx, Tensor<B> affinity) {
  auto const present = present_items(ctx, affinity.rows);    // [items, 1]
  auto selected = ctx.tensor(affinity.rows, affinity.cols);  // [items, cols]
  balanced_assignment(ctx.backend, selected.data, affinity.data, present.data, affinity.rows,
                      affinity.cols);
  return selected;
}

}  // namespace moenda::ops
