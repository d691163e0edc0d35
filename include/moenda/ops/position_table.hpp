// SPDX-License-Identifier: Apache-2.0
#pragma once
#include "moenda/core/context.hpp"

namespace moenda::ops {

/// y[b, t] = x[b, t] + table[position + t].
/// x [tokens, d_model], table [context_length, d_model] -> y [tokens, d_model].
/// Throws ConfigError when position + seq_len exceeds context_length.
template <class B>
Tensor<B> add_positions(Context<B>& ctx, Tensor<B> x, Weight<B> const& table) {
  auto const& batch = ctx.batch;
  require(batch.position + batch.seq_len <= table.rows,
          "add_positions: position + seq_len must fit context_length",
          batch.position + batch.seq_len, table.rows);
  auto y = ctx.tensor(x.rows, x.cols);  // [tokens, d_model]
  auto const count = std::ptrdiff_t(batch.seq_len) * x.cols;
  copy_blocks(ctx.backend, y.data, table.data + std::ptrdiff_t(batch.position) * x.cols,
              batch.batch_size, count, count, std::ptrdiff_t(0));
  add_forward(ctx.backend, y.data, y.data, x.data, y.size());
  return y;
}

/// dtable[position + t] += sum_b dy[b, t].
template <class B>
void add_positions_backward(Context<B>& ctx, Tensor<B> dy, Weight<B> const& dtable) {
  auto const& batch = ctx.batch;
  auto* rows = dtable.data + std::ptrdiff_t(batch.position) * dy.cols;
  for (int b = 0; b < batch.batch_size; ++b) {
    auto const part = dy.slice(b * batch.seq_len, batch.seq_len);
    add_forward(ctx.backend, rows, rows, part.data, part.size());
  }
}

}  // namespace moenda::ops
