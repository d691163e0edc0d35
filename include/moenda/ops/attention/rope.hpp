// SPDX-License-Identifier: Apache-2.0
#pragma once
#include "moenda/core/context.hpp"

namespace moenda::ops {

/// Turns the pair (i, i + head_dim/2) of every head by position * base^(-2i/head_dim), in place.
/// Su et al. 2021, eq. 15, in the split-half layout of GPT-NeoX. `sign` -1 turns back: the
/// backward. x [tokens, heads * head_dim]. Throws ConfigError unless head_dim is even and divides
/// x.cols.
template <class B>
void rope(Context<B>& ctx, Tensor<B> x, int head_dim, double base, int sign) {
  require(head_dim >= 2 && head_dim % 2 == 0, "rope: head_dim must be even", head_dim, 2);
  require(x.cols % head_dim == 0, "rope: head_dim must divide the row width", x.cols, head_dim);
  rope_rotate(ctx.backend, x.data, x.rows, x.cols / head_dim, head_dim, ctx.batch.seq_len,
              ctx.batch.position, base, sign, ctx.batch.positions);
}

}  // namespace moenda::ops
