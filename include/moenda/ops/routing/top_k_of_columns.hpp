// SPDX-License-Identifier: Apache-2.0
#pragma once
#include "moenda/core/context.hpp"

namespace moenda::ops {

/// Rows that compete with each other: member i of group g is row g * group_step + i * member_step.
struct RowGroups {
  int count = 1, members = 0;
  int group_step = 0, member_step = 1;
};

/// mask = 1 at the k largest of every column within each group of rows, else 0; equal values go to
/// the lower row. x [rows, cols] -> mask [rows, cols]. It has no gradient. Throws ConfigError
/// unless k >= 1 and the groups hold all rows.
template <class B>
Tensor<B> top_k_of_columns(Context<B>& ctx, Tensor<B> x, int k, RowGroups const& groups) {
  require(k >= 1, "top_k_of_columns: k must be at least 1", k, 1);
  require(std::ptrdiff_t(groups.count) * groups.members == x.rows,
          "top_k_of_columns: the groups must hold all rows",
          std::ptrdiff_t(groups.count) * groups.members, x.rows);
  auto mask = ctx.tensor(x.rows, x.cols);  // [rows, cols]
  top_k_of_columns(ctx.backend, mask.data, x.data, k, groups.count, groups.members,
                   groups.group_step, groups.member_step, x.cols);
  return mask;
}

}  // namespace moenda::ops
