// SPDX-License-Identifier: Apache-2.0
#pragma once
#include "moenda/core/context.hpp"

namespace moenda::ops {

/// 1 for every item that is there, 0 for padding: [items, 1]; empty where nothing is padding. An
/// item is a token, or a whole sequence, which is padding when it has no token. Throws ConfigError
/// for items of another kind, of which the batch's lengths say nothing.
template <class B>
Tensor<B> present_items(Context<B>& ctx, int items) {
  auto const& batch = ctx.batch;
  if (batch.lengths == nullptr) return {};
  require(items == batch.rows() || items == batch.batch_size,
          "present_items: with padding, items must be the batch's tokens or its sequences", items,
          batch.rows());
  auto mask = ctx.tensor(items, 1);  // [items, 1]
  mark_present(ctx.backend, mask.data, batch.lengths, batch.batch_size,
               items == batch.rows() ? batch.seq_len : 1);
  return mask;
}

/// `table` with the rows of padding set to 0: the table itself where nothing is padding.
/// table [items, cols] -> [items, cols].
template <class B>
Tensor<B> without_padding(Context<B>& ctx, Tensor<B> table) {
  auto const present = present_items(ctx, table.rows);  // [items, 1]
  if (present.data == nullptr) return table;
  auto y = ctx.tensor(table.rows, table.cols);  // [items, cols]
  scale_rows(ctx.backend, y.data, table.data, present.data, table.rows, table.cols);
  return y;
}

}  // namespace moenda::ops
