// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <array>
#include <cmath>
#include <string>
#include <vector>

#include "moenda/core/fields.hpp"
#include "moenda/core/weights.hpp"
#include "moenda/module/concepts.hpp"
#include "moenda/norm/identity.hpp"
#include "moenda/norm/rms.hpp"
#include "moenda/ops/attention/attention.hpp"
#include "moenda/ops/elementwise/add.hpp"
#include "moenda/ops/elementwise/pointwise.hpp"
#include "moenda/ops/linear/matmul.hpp"
#include "moenda/position/rope.hpp"

namespace moenda::attention {

/// RMS norm of every query and key head before positions are applied: Henry et al. 2020; Qwen3.
using QkNorm = norm::Rms;

/// Which products of an attention add a bias: those that make queries, keys and values (Qwen2), or
/// the one behind the heads as well (GPT-2).
enum class Bias { none, qkv, all };
constexpr auto enum_names(Bias) { return std::array{"none", "qkv", "all"}; }

/// What a norm of queries and keys sees as one: each head (Qwen3), or all heads of a token before
/// they are cut apart (OLMoE, Muennighoff et al. 2024).
enum class NormOver { head, all_heads };
constexpr auto enum_names(NormOver) { return std::array{"head", "all_heads"}; }

/// Self-attention whose query heads share key/value heads in groups: Ainslie et al. 2023.
///   q, k, v = x Wq^T + bq, x Wk^T + bk, x Wv^T + bv;  q, k = norm(q), norm(k)
///   q, k, v = clip(q), clip(k), clip(v), where asked for;  q, k = rotate(q), rotate(k)
///   y = concat_h softmax(q_h k_g(h)^T / sqrt(head_dim)) v_g(h)  Wo^T + bo
/// The softmax runs over the keys that a query sees: those not behind it where attention is causal,
/// and with a window (Beltagy et al. 2020) those nearer than `window`.
template <PositionLike PositionScheme = position::Rope, NormLike HeadNorm = norm::Identity>
struct GroupedQuery {
  static constexpr char const* name = "grouped_query";
  using Position = PositionScheme;
  static constexpr int max_heads = 1 << 15;  // so that widths fit an int
  struct Config {
    int num_heads = 0, num_kv_heads = 0, head_dim = 0;
    typename Position::Config position{};
    typename HeadNorm::Config head_norm{};
    Bias bias = Bias::none;
    bool causal = true;  ///< a token sees no later one; a language model needs that
    int window = 0;      ///< it sees tokens at a distance below this, itself included; 0: all
    /// Empty, or a window for every layer of the model in place of `window`.
    std::vector<int> window_per_layer{};
    NormOver head_norm_over = NormOver::head;
    double clip = 0;  ///< queries, keys and values lie in -clip .. clip; 0: anywhere
    MOENDA_FIELDS(Config, num_heads, num_kv_heads, head_dim, position, head_norm, bias, causal,
                  window, window_per_layer, head_norm_over, clip);
  };
  template <class B>
  struct Params {
    Weight<B> query;   // [num_heads * head_dim, d_model]
    Weight<B> key;     // [num_kv_heads * head_dim, d_model]
    Weight<B> value;   // [num_kv_heads * head_dim, d_model]
    Weight<B> output;  // [d_model, num_heads * head_dim]
    typename HeadNorm::template Params<B> query_norm, key_norm;
    Weight<B> query_bias, key_bias, value_bias;  // [1, rows of the matrix], or [0, ..] without bias
    Weight<B> output_bias;                       // [1, d_model], or [0, d_model]
    MOENDA_FIELDS(Params, query, key, value, output, query_norm, key_norm, query_bias, key_bias,
                  value_bias, output_bias);
  };
  template <class B>
  struct Cache {
    Tensor<B> x;  // [tokens, d_model]
    ops::AttentionCache<B> attention;
    typename HeadNorm::template Cache<B> query_norm, key_norm;
    Tensor<B> q, k, v;  // before they were clipped
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
  static void check(Config const& c, Setting const& setting, Problems& problems) {
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
    if (setting.causal && !c.causal) problems.add("causal", MOENDA_RULE_CAUSAL_ATTENTION);
    problems.expect(c.window >= 0, "window", "0 (sees all) or above", c.window);
    auto const num_windows = int(c.window_per_layer.size());
    problems.expect(
        num_windows == 0 || setting.num_layers == 0 || num_windows == setting.num_layers,
        "window_per_layer", "empty or as long as the model has layers", num_windows);
    for (int const window : c.window_per_layer) {
      problems.expect(window >= 0, "window_per_layer", "windows of 0 (sees all) or above", window);
    }
    problems.expect(c.clip >= 0 && std::isfinite(c.clip), "clip", "0 (none) or above", c.clip);
  }
  template <class B>
  static constexpr Params<B> params(Config const& c, int d_model) {
    int const width = c.num_heads * c.head_dim, kv_width = c.num_kv_heads * c.head_dim;
    bool const qkv = c.bias != Bias::none;
    auto const head_norm = [&](int all_heads) {
      bool const each = c.head_norm_over == NormOver::head;
      return HeadNorm::template params<B>(c.head_norm, each ? c.head_dim : all_heads);
    };
    return {weights::matrix(width, d_model),
            weights::matrix(kv_width, d_model),
            weights::matrix(kv_width, d_model),
            weights::residual(d_model, width),
            head_norm(width),
            head_norm(kv_width),
            weights::bias(width, qkv),
            weights::bias(kv_width, qkv),
            weights::bias(kv_width, qkv),
            weights::bias(d_model, c.bias == Bias::all)};
  }
  template <class B>
  static Tensor<B> forward(Context<B>& ctx, Config const& c, Params<B> const& p, Cache<B>& cache,
                           Tensor<B> x) {
    auto q = product(ctx, x, p.query, p.query_bias);  // [tokens, num_heads * head_dim]
    auto k = product(ctx, x, p.key, p.key_bias);      // [tokens, num_kv_heads * head_dim]
    auto v = product(ctx, x, p.value, p.value_bias);  // [tokens, num_kv_heads * head_dim]
    q = norm_heads(ctx, c, p.query_norm, cache.query_norm, q);
    k = norm_heads(ctx, c, p.key_norm, cache.key_norm, k);
    q = clipped(ctx, c, q, cache.q), k = clipped(ctx, c, k, cache.k);
    v = clipped(ctx, c, v, cache.v);
    Position::rotate(ctx, c.position, q, c.head_dim, +1);
    Position::rotate(ctx, c.position, k, c.head_dim, +1);
    cache.x = x;
    auto y = ops::attention(ctx, q, k, v, heads(ctx, c), cache.attention);  // as q
    return product(ctx, y, p.output, p.output_bias);                        // [tokens, d_model]
  }
  template <class B>
  static Tensor<B> backward(Context<B>& ctx, Config const& c, Params<B> const& p,
                            Params<B> const& grads, Cache<B>& cache, Tensor<B> dy) {
    bias_backward(ctx, dy, grads.output_bias);
    auto dheads = ops::matmul_backward(ctx, dy, cache.attention.y, p.output, grads.output);
    auto [dq, dk, dv] = ops::attention_backward(ctx, dheads, cache.attention, heads(ctx, c));
    Position::rotate(ctx, c.position, dq, c.head_dim, -1);
    Position::rotate(ctx, c.position, dk, c.head_dim, -1);
    if (c.clip > 0) {
      dq = ops::clip_backward(ctx, dq, cache.q, c.clip);
      dk = ops::clip_backward(ctx, dk, cache.k, c.clip);
      dv = ops::clip_backward(ctx, dv, cache.v, c.clip);
    }
    dq = norm_heads_backward(ctx, c, p.query_norm, grads.query_norm, cache.query_norm, dq);
    dk = norm_heads_backward(ctx, c, p.key_norm, grads.key_norm, cache.key_norm, dk);
    bias_backward(ctx, dq, grads.query_bias);
    bias_backward(ctx, dk, grads.key_bias);
    bias_backward(ctx, dv, grads.value_bias);
    auto dx = ops::matmul_backward(ctx, dq, cache.x, p.query, grads.query);  // [tokens, d_model]
    ops::accumulate(ctx, dx, ops::matmul_backward(ctx, dk, cache.x, p.key, grads.key));
    ops::accumulate(ctx, dx, ops::matmul_backward(ctx, dv, cache.x, p.value, grads.value));
    return dx;
  }

 private:
  template <class B>
  static ops::Heads heads(Context<B> const& ctx, Config const& c) {
    auto const layer = std::size_t(ctx.layer);
    int const window = layer < c.window_per_layer.size() ? c.window_per_layer[layer] : c.window;
    return {c.num_heads, c.num_kv_heads, c.head_dim, c.causal, window};
  }
  /// x within the limits, `before` what it was; x itself without limits.
  template <class B>
  static Tensor<B> clipped(Context<B>& ctx, Config const& c, Tensor<B> x, Tensor<B>& before) {
    if (c.clip == 0) return x;
    before = x;
    return ops::clip(ctx, x, c.clip);
  }
  /// How many scalars the norm sees as one, of rows so wide.
  static constexpr int norm_width(Config const& c, int cols) {
    return c.head_norm_over == NormOver::head ? c.head_dim : cols;
  }
  /// x w^T + bias, where there is one.
  template <class B>
  static Tensor<B> product(Context<B>& ctx, Tensor<B> x, Weight<B> const& w,
                           Weight<B> const& bias) {
    auto const y = ops::matmul(ctx, x, w);  // [tokens, w.rows]
    return bias.rows == 0 ? y : ops::add_row(ctx, y, bias);
  }
  template <class B>
  static void bias_backward(Context<B>& ctx, Tensor<B> dy, Weight<B> const& dbias) {
    if (dbias.rows > 0) ops::add_row_backward(ctx, dy, dbias);
  }
  template <class B>
  static Tensor<B> norm_heads(Context<B>& ctx, Config const& c,
                              typename HeadNorm::template Params<B> const& p, auto& cache,
                              Tensor<B> x) {
    int const width = norm_width(c, x.cols);
    auto heads = x.reshape(x.rows * (x.cols / width), width);  // [tokens * heads, head_dim]
    return HeadNorm::forward(ctx, c.head_norm, p, cache, heads).reshape(x.rows, x.cols);
  }
  template <class B>
  static Tensor<B> norm_heads_backward(Context<B>& ctx, Config const& c,
                                       typename HeadNorm::template Params<B> const& p,
                                       typename HeadNorm::template Params<B> const& grads,
                                       auto& cache, Tensor<B> dy) {
    int const width = norm_width(c, dy.cols);
    auto dheads = dy.reshape(dy.rows * (dy.cols / width), width);
    return HeadNorm::backward(ctx, c.head_norm, p, grads, cache, dheads).reshape(dy.rows, dy.cols);
  }
};

}  // namespace moenda::attention
