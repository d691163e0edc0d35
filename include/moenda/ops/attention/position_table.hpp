// SPDX-License-Identifier: Apache-2.0
#pragma once
#include "moenda/core/context.hpp"

namespace moenda::ops {

/// Throws ConfigError unless x is the batch's tokens, as wide as the table, at positions inside it.
/// Positions of each sequence's own are not looked at here: row_positions keeps inside the table.
template <class B>
void require_positions(Batch const& batch, Tensor<B> x, Weight<B> const& table) {
  bool const own = batch.positions != nullptr;
  require(own || batch.position >= 0, "add_positions: position must be at least 0", batch.position,
          0);
  require(own || batch.position + batch.seq_len <= table.rows,
          "add_positions: position + seq_len must fit context_length",
          batch.position + batch.seq_len, table.rows);
  require(x.rows == batch.rows(), "add_positions: x.rows must be batch_size * seq_len", x.rows,
          batch.rows());
  require(x.cols == table.cols, "add_positions: x.cols must equal table.cols", x.cols, table.cols);
}

/// Which row of a table of `table_rows` each token reads: its position, or where padding lies
/// behind the table its last row.   -> [tokens].
template <class B>
std::span<int const> row_positions(Context<B>& ctx, int table_rows) {
  auto const& batch = ctx.batch;
  auto const rows = ctx.template numbers<int>(batch.rows());  // [tokens]
  row_positions(ctx.backend, rows.data(), batch.positions, batch.lengths, batch.batch_size,
                batch.seq_len, table_rows);
  return rows;
}

/// y[b, t] = x[b, t] + table[position of b + t].
/// x [tokens, d_model], table [context_length, d_model] -> y [tokens, d_model].
template <class B>
Tensor<B> add_positions(Context<B>& ctx, Tensor<B> x, Weight<B> const& table) {
  auto const& batch = ctx.batch;
  require_positions(batch, x, table);
  auto const* const rows = table.plain("add_positions: table");
  auto y = ctx.tensor(x.rows, x.cols);  // [tokens, d_model]
  if (batch.positions != nullptr) {
    embedding_forward(ctx.backend, y.data, rows, row_positions(ctx, table.rows).data(), x.rows,
                      x.cols);
  } else {
    auto const count = std::ptrdiff_t(batch.seq_len) * x.cols;
    copy_blocks(ctx.backend, y.data, rows + std::ptrdiff_t(batch.position) * x.cols,
                batch.batch_size, count, count, std::ptrdiff_t(0));
  }
  add_forward(ctx.backend, y.data, y.data, x.data, y.size());
  return y;
}

/// dtable[position of b + t] += sum_b dy[b, t].
template <class B>
void add_positions_backward(Context<B>& ctx, Tensor<B> dy, Weight<B> const& dtable) {
  auto const& batch = ctx.batch;
  require_positions(batch, dy, dtable);
  if (batch.positions != nullptr) {
    embedding_backward(ctx.backend, dtable.data, dy.data, row_positions(ctx, dtable.rows).data(),
                       dy.rows, dy.cols, dtable.rows);
    return;
  }
  auto* rows = dtable.data + std::ptrdiff_t(batch.position) * dy.cols;
  for (int b = 0; b < batch.batch_size; ++b) {
    auto const part = dy.slice(b * batch.seq_len, batch.seq_len);
    add_forward(ctx.backend, rows, rows, part.data, part.size());
  }
}

}  // namespace moenda::ops
