// SPDX-License-Identifier: Apache-2.0
#pragma once
#include "moenda/core/context.hpp"

namespace moenda::ops {

/// y[b] = mean of rows b * seq_len .. (b + 1) * seq_len of x.   x [batch_size * seq_len, cols] ->
/// y [batch_size, cols]. Throws ConfigError unless seq_len divides the rows.
template <class B>
Tensor<B> mean_pool(Context<B>& ctx, Tensor<B> x, int seq_len) {
  if (x.rows == 0) return ctx.tensor(0, x.cols);  // no sequence at all
  require(seq_len >= 1, "mean_pool: seq_len must be at least 1", seq_len, 1);
  require(x.rows % seq_len == 0, "mean_pool: seq_len must divide the rows", x.rows, seq_len);
  auto y = ctx.tensor(x.rows / seq_len, x.cols);  // [batch_size, cols]
  mean_pool_forward(ctx.backend, y.data, x.data, y.rows, seq_len, x.cols);
  return y;
}

/// dx[b, t] = dy[b] / seq_len.
template <class B>
Tensor<B> mean_pool_backward(Context<B>& ctx, Tensor<B> dy, int seq_len) {
  auto dx = ctx.tensor(dy.rows * seq_len, dy.cols);  // [batch_size * seq_len, cols]
  mean_pool_backward(ctx.backend, dx.data, dy.data, dy.rows, seq_len, dy.cols);
  return dx;
}

}  // namespace moenda::ops
