// SPDX-License-Identifier: Apache-2.0
#pragma once
#include "moenda/ops/memory.hpp"
#include "moenda/ops/shapes.hpp"

namespace moenda::ops {

/// How many heads, how wide, and what a query sees. Query head h reads key/value head
/// h / (num_heads / num_kv_heads).
struct Heads {
  int num_heads = 0, num_kv_heads = 0, head_dim = 0;
  bool causal = true;  ///< a query sees no later key
  int window = 0;      ///< it sees keys nearer than this; 0: however far
};

/// What attention keeps for its backward.
template <class B>
struct AttentionCache {
  Tensor<B> q, k, v, y;  // [tokens, heads * head_dim] or [tokens, kv_heads * head_dim]
  Tensor<B> logsumexp;   // [batch_size * num_heads, seq_len]
};
template <class B>
struct AttentionGrad {
  Tensor<B> dq, dk, dv;
};

/// Throws ConfigError unless q, k and v are the batch's tokens, as wide as the heads say.
template <class B>
void require_attention_shapes(Batch const& batch, Tensor<B> q, Tensor<B> k, Tensor<B> v,
                              Heads heads) {
  require(q.rows == batch.rows(), "attention: q.rows must be batch_size * seq_len", q.rows,
          batch.rows());
  require(k.rows == q.rows, "attention: k.rows must equal q.rows", k.rows, q.rows);
  require(q.cols == heads.num_heads * heads.head_dim, "attention: q.cols must be heads * head_dim",
          q.cols, heads.num_heads * heads.head_dim);
  require(k.cols == heads.num_kv_heads * heads.head_dim,
          "attention: k.cols must be kv_heads * head_dim", k.cols,
          heads.num_kv_heads * heads.head_dim);
  require_same_shape(k, v, "attention: k and v");
}

/// y = softmax(q k^T / sqrt(head_dim), seen keys) v, head by head: Vaswani et al. 2017, eq. 1, with
/// grouped keys and values (Ainslie et al. 2023), tile by tile (Dao et al. 2022).
/// q [tokens, num_heads * head_dim]; k, v [tokens, num_kv_heads * head_dim] -> y as q.
/// In decoding, k and v are remembered and earlier ones are seen too. Keys of padding are seen by
/// nobody: behind every other key where attention is causal, and masked where it is not. Throws
/// ConfigError for a memory where attention is not causal.
template <class B>
Tensor<B> attention(Context<B>& ctx, Tensor<B> q, Tensor<B> k, Tensor<B> v, Heads heads,
                    AttentionCache<B>& cache) {
  auto const& batch = ctx.batch;
  require_attention_shapes(batch, q, k, v, heads);
  if (!heads.causal && ctx.memory != nullptr) {
    throw ConfigError(
        "attention: where it is not causal nothing can be remembered, as an earlier "
        "token would have to see the later ones; read the whole sequence at once");
  }
  auto const keys = remember(ctx, k), values = remember(ctx, v);
  auto y = ctx.tensor(q.rows, q.cols);  // [tokens, num_heads * head_dim]
  cache = {q, k, v, y, ctx.tensor(batch.batch_size * heads.num_heads, batch.seq_len)};
  attention_forward(ctx.backend, y.data, cache.logsumexp.data, q.data, keys.rows.data,
                    values.rows.data,
                    {batch.batch_size, batch.seq_len, keys.len, keys.stride, heads.num_heads,
                     heads.num_kv_heads, heads.head_dim, heads.causal, heads.window,
                     ctx.memory == nullptr ? nullptr : batch.positions,
                     heads.causal && ctx.memory == nullptr ? nullptr : batch.lengths});
  return y;
}

/// Recomputes every tile's probabilities from logsumexp: Dao et al. 2022, algorithm 4.
template <class B>
AttentionGrad<B> attention_backward(Context<B>& ctx, Tensor<B> dy, AttentionCache<B> const& cache,
                                    Heads heads) {
  auto const& batch = ctx.batch;
  require_attention_shapes(batch, cache.q, cache.k, cache.v, heads);
  require_same_shape(dy, cache.y, "attention_backward: dy and y");
  AttentionGrad<B> d{ctx.tensor(cache.q.rows, cache.q.cols),   // [tokens, num_heads * head_dim]
                     ctx.tensor(cache.k.rows, cache.k.cols),   // [tokens, num_kv_heads * head_dim]
                     ctx.tensor(cache.v.rows, cache.v.cols)};  // [tokens, num_kv_heads * head_dim]
  attention_backward(ctx.backend, d.dq.data, d.dk.data, d.dv.data, dy.data, cache.y.data,
                     cache.logsumexp.data, cache.q.data, cache.k.data, cache.v.data,
                     {batch.batch_size, batch.seq_len, batch.seq_len, batch.seq_len,
                      heads.num_heads, heads.num_kv_heads, heads.head_dim, heads.causal,
                      heads.window, nullptr, heads.causal ? nullptr : batch.lengths});
  return d;
}

}  // namespace moenda::ops
