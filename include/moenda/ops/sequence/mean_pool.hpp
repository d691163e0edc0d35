// SPDX-License-Identifier: Apache-2.0
#pragma once
// One row for each sequence of the batch, and back. Padding (Batch::lengths) is not read, and gets
// 0.
#include "moenda/core/context.hpp"

namespace moenda::ops {

/// How many sequences there are to pool; without a row there is none.
template <class B>
int sequences_of(Context<B> const& ctx) {
  return ctx.batch.rows() == 0 ? 0 : ctx.batch.batch_size;
}

/// y[b] = mean of the rows of sequence b, 0 if it has none.   x [batch_size * seq_len, cols] ->
/// y [batch_size, cols].
template <class B>
Tensor<B> mean_pool(Context<B>& ctx, Tensor<B> x) {
  auto const& batch = ctx.batch;
  require(x.rows == batch.rows(), "mean_pool: x.rows must be batch_size * seq_len", x.rows,
          batch.rows());
  auto y = ctx.tensor(sequences_of(ctx), x.cols);  // [batch_size, cols]
  mean_pool_forward(ctx.backend, y.data, x.data, batch.lengths, y.rows, batch.seq_len, x.cols);
  return y;
}
/// dx[b, t] = dy[b] / rows of sequence b.
template <class B>
Tensor<B> mean_pool_backward(Context<B>& ctx, Tensor<B> dy) {
  auto const& batch = ctx.batch;
  require(dy.rows == sequences_of(ctx), "mean_pool_backward: dy.rows must be batch_size", dy.rows,
          sequences_of(ctx));
  auto dx = ctx.tensor(batch.rows(), dy.cols);  // [batch_size * seq_len, cols]
  mean_pool_backward(ctx.backend, dx.data, dy.data, batch.lengths, dy.rows, batch.seq_len, dy.cols);
  return dx;
}

/// y[b, t] = x[b].   x [batch_size, cols] -> y [batch_size * seq_len, cols].
template <class B>
Tensor<B> repeat_rows(Context<B>& ctx, Tensor<B> x) {
  auto const& batch = ctx.batch;
  require(x.rows == sequences_of(ctx), "repeat_rows: x.rows must be batch_size", x.rows,
          sequences_of(ctx));
  auto y = ctx.tensor(batch.rows(), x.cols);  // [batch_size * seq_len, cols]
  repeat_rows_forward(ctx.backend, y.data, x.data, batch.lengths, x.rows, batch.seq_len, x.cols);
  return y;
}
/// dx[b] = sum_t dy[b, t].
template <class B>
Tensor<B> repeat_rows_backward(Context<B>& ctx, Tensor<B> dy) {
  auto const& batch = ctx.batch;
  require(dy.rows == batch.rows(), "repeat_rows_backward: dy.rows must be batch_size * seq_len",
          dy.rows, batch.rows());
  auto dx = ctx.tensor(sequences_of(ctx), dy.cols);  // [batch_size, cols]
  repeat_rows_backward(ctx.backend, dx.data, dy.data, batch.lengths, dx.rows, batch.seq_len,
                       dy.cols);
  return dx;
}

}  // namespace moenda::ops
