// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <span>

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

/// The same by position * frequencies[i], and longer by the factor `amplitude`. `sign` -1 is the
/// backward, which turns back and lengthens too.   x [tokens, heads * head_dim], frequencies
/// [head_dim / 2] on the host.
template <class B>
void rope_scaled(Context<B>& ctx, Tensor<B> x, int head_dim, std::span<double const> frequencies,
                 double amplitude, int sign) {
  require(head_dim >= 2 && head_dim % 2 == 0, "rope_scaled: head_dim must be even", head_dim, 2);
  require(x.cols % head_dim == 0, "rope_scaled: head_dim must divide the row width", x.cols,
          head_dim);
  require(std::ptrdiff_t(frequencies.size()) == head_dim / 2,
          "rope_scaled: there must be a frequency for every pair",
          static_cast<long long>(frequencies.size()), head_dim / 2);
  rope_rotate_scaled(ctx.backend, x.data, ctx.on_backend(frequencies).data(), amplitude, x.rows,
                     x.cols / head_dim, head_dim, ctx.batch.seq_len, ctx.batch.position, sign,
                     ctx.batch.positions);
}

}  // namespace moenda::ops
