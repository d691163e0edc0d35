// SPDX-License-Identifier: Apache-2.0
#pragma once
#include "moenda/core/concepts.hpp"
#include "moenda/core/fields.hpp"
#include "moenda/norm/identity.hpp"
#include "moenda/norm/rms.hpp"
#include "moenda/ops/add.hpp"
#include "moenda/ops/attention.hpp"
#include "moenda/ops/matmul.hpp"
#include "moenda/position/rope.hpp"

namespace moenda::attention {

/// RMS norm of every query and key head before positions are applied: Henry et al. 2020; Qwen3.
using QkNorm = norm::Rms;

/// Causal self-attention whose query heads share key/value heads in groups: Ainslie et al. 2023.
///   q, k, v = x Wq^T, x Wk^T, x Wv^T;  q, k = rotate(norm(q)), rotate(norm(k))
///   y = concat_h softmax(q_h k_g(h)^T / sqrt(head_dim)) v_g(h)  Wo^T
template <PositionLike PositionScheme = position::Rope, NormLike HeadNorm = norm::Identity>
struct GroupedQuery {
  static constexpr char const* name = "grouped_query";
  using Position = PositionScheme;
  static constexpr int max_heads = 1 << 15;  // so that widths fit an int
  struct Config {
    int num_heads = 0, num_kv_heads = 0, head_dim = 0;
    typename Position::Config position{};
    typename HeadNorm::Config head_norm{};
    MOENDA_FIELDS(Config, num_heads, num_kv_heads, head_dim, position, head_norm);
  };
  template <class B>
  struct Params {
    Weight<B> query;   // [num_heads * head_dim, d_model]
    Weight<B> key;     // [num_kv_heads * head_dim, d_model]
    Weight<B> value;   // [num_kv_heads * head_dim, d_model]
    Weight<B> output;  // [d_model, num_heads * head_dim]
    typename HeadNorm::template Params<B> query_norm, key_norm;
    MOENDA_FIELDS(Params, query, key, value, output, query_norm, key_norm);
  };
  template <class B>
  struct Cache {
    Tensor<B> x;  // [tokens, d_model]
    ops::AttentionCache<B> attention;
    typename HeadNorm::template Cache<B> query_norm, key_norm;
  };

  /// Without the weights of the position scheme, which are the model's.
  static constexpr void parts(auto&& f, Setting const&, Config const& c, auto&... of) {
    if constexpr (sizeof...(of) == 0) f(part<Position>("position"), c.position);
    f(part<HeadNorm>("head_norm"), c.head_norm, of.query_norm...);
    f(part<HeadNorm>("head_norm"), c.head_norm, of.key_norm...);
  }
  static constexpr Setting inside(Config const& c, Setting at) {
    at.head_dim = c.head_dim;
    return at;
  }
  static void check(Config const& c, Setting const&, Problems& problems) {
    auto const expect_count = [&](char const* key, int value) {
      problems.expect(value >= 1 && value <= max_heads, key, "in 1.." + std::to_string(max_heads),
                      value);
    };
    expect_count("num_heads", c.num_heads);
    expect_count("num_kv_heads", c.num_kv_heads);
    expect_count("head_dim", c.head_dim);
    if (c.num_kv_heads >= 1 && c.num_heads % c.num_kv_heads != 0) {
      problems.add("num_kv_heads", "num_kv_heads must divide num_heads, got " +
                                       std::to_string(c.num_kv_heads) + " and " +
                                       std::to_string(c.num_heads));
    }
  }
  template <class B>
  static constexpr Params<B> params(Config const& c, int d_model) {
    int const width = c.num_heads * c.head_dim, kv_width = c.num_kv_heads * c.head_dim;
    auto const head_norm = HeadNorm::template params<B>(c.head_norm, c.head_dim);
    return {{width, d_model},    {kv_width, d_model},
            {kv_width, d_model}, {d_model, width, WeightKind::residual},
            head_norm,           head_norm};
  }
  template <class B>
  static Tensor<B> forward(Context<B>& ctx, Config const& c, Params<B> const& p, Cache<B>& cache,
                           Tensor<B> x) {
    auto q = ops::matmul(ctx, x, p.query);  // [tokens, num_heads * head_dim]
    auto k = ops::matmul(ctx, x, p.key);    // [tokens, num_kv_heads * head_dim]
    auto v = ops::matmul(ctx, x, p.value);  // [tokens, num_kv_heads * head_dim]
    q = norm_heads(ctx, c, p.query_norm, cache.query_norm, q);
    k = norm_heads(ctx, c, p.key_norm, cache.key_norm, k);
    Position::rotate(ctx, c.position, q, c.head_dim, +1);
    Position::rotate(ctx, c.position, k, c.head_dim, +1);
    cache.x = x;
    auto y = ops::attention(ctx, q, k, v, heads(c), cache.attention);  // as q
    return ops::matmul(ctx, y, p.output);                              // [tokens, d_model]
  }
  template <class B>
  static Tensor<B> backward(Context<B>& ctx, Config const& c, Params<B> const& p,
                            Params<B> const& grads, Cache<B>& cache, Tensor<B> dy) {
    auto dheads = ops::matmul_backward(ctx, dy, cache.attention.y, p.output, grads.output);
    auto [dq, dk, dv] = ops::attention_backward(ctx, dheads, cache.attention, heads(c));
    Position::rotate(ctx, c.position, dq, c.head_dim, -1);
    Position::rotate(ctx, c.position, dk, c.head_dim, -1);
    dq = norm_heads_backward(ctx, c, p.query_norm, grads.query_norm, cache.query_norm, dq);
    dk = norm_heads_backward(ctx, c, p.key_norm, grads.key_norm, cache.key_norm, dk);
    auto dx = ops::matmul_backward(ctx, dq, cache.x, p.query, grads.query);  // [tokens, d_model]
    ops::accumulate(ctx, dx, ops::matmul_backward(ctx, dk, cache.x, p.key, grads.key));
    ops::accumulate(ctx, dx, ops::matmul_backward(ctx, dv, cache.x, p.value, grads.value));
    return dx;
  }

 private:
  static constexpr ops::Heads heads(Config const& c) {
    return {c.num_heads, c.num_kv_heads, c.head_dim};
  }
  template <class B>
  static Tensor<B> norm_heads(Context<B>& ctx, Config const& c,
                              typename HeadNorm::template Params<B> const& p, auto& cache,
                              Tensor<B> x) {
    auto heads =
        x.reshape(x.rows * (x.cols / c.head_dim), c.head_dim);  // [tokens * heads, head_dim]
    return HeadNorm::forward(ctx, c.head_norm, p, cache, heads).reshape(x.rows, x.cols);
  }
  template <class B>
  static Tensor<B> norm_heads_backward(Context<B>& ctx, Config const& c,
                                       typename HeadNorm::template Params<B> const& p,
                                       typename HeadNorm::template Params<B> const& grads,
                                       auto& cache, Tensor<B> dy) {
    auto dheads = dy.reshape(dy.rows * (dy.cols / c.head_dim), c.head_dim);
    return HeadNorm::backward(ctx, c.head_norm, p, grads, cache, dheads).reshape(dy.rows, dy.cols);
  }
};

}  // namespace moenda::attention
