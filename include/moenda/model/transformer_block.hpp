// SPDX-License-Identifier: Apache-2.0
#pragma once
#include "moenda/core/fields.hpp"
#include "moenda/module/concepts.hpp"
#include "moenda/module/per_layer.hpp"
#include "moenda/ops/elementwise/add.hpp"
#include "moenda/ops/memory.hpp"

namespace moenda {

/// x = x + attention(norm(x));  x = x + ffn(norm(x)).   Pre-norm: Xiong et al. 2020, figure 1b.
/// FeedForward is a dense expert (expert::Ffn, expert::SwiGlu) or a Mixture.
template <NormLike NormModule, AttentionLike AttentionModule, class FeedForward>
struct TransformerBlock {
  // Completed first, so that a wrong mixture is reported by its own sentence and by nothing else.
  static_assert(sizeof(FeedForward) > 0);
  static_assert(LayerLike<FeedForward>,
                "TransformerBlock: the feed-forward must be a layer: a Mixture<...>, or an expert "
                "such as expert::Ffn or expert::SwiGlu");
  static constexpr char const* name = "transformer";
  using Norm = NormModule;
  using Attention = AttentionModule;

  struct Config {
    typename Norm::Config norm{};
    typename Attention::Config attention{};
    typename FeedForward::Config ffn{};
    MOENDA_FIELDS(Config, norm, attention, ffn);
  };
  template <class B>
  struct Params {
    typename Norm::template Params<B> attention_norm;
    typename Attention::template Params<B> attention;
    typename Norm::template Params<B> ffn_norm;
    typename FeedForward::template Params<B> ffn;
    MOENDA_FIELDS(Params, attention_norm, attention, ffn_norm, ffn);
  };
  template <class B>
  struct Cache {
    typename Norm::template Cache<B> attention_norm;
    typename Attention::template Cache<B> attention;
    typename Norm::template Cache<B> ffn_norm;
    typename FeedForward::template Cache<B> ffn;
  };

  static constexpr void parts(auto&& f, Setting const&, Config const& c, auto&... of) {
    f(part<Norm>("norm"), c.norm, of.attention_norm...);
    f(part<Attention>("attention"), c.attention, of.attention...);
    f(part<Norm>("norm"), c.norm, of.ffn_norm...);
    f(part<FeedForward>("ffn"), c.ffn, of.ffn...);
  }
  template <class B>
  static constexpr Params<B> params(Config const& c, int d_model, LayerIndex layer = {}) {
    auto const norm = Norm::template params<B>(c.norm, d_model);
    return {norm, layer_params<Attention, B>(c.attention, d_model, layer), norm,
            layer_params<FeedForward, B>(c.ffn, d_model, layer)};
  }
  template <class B>
  static Tensor<B> forward(Context<B>& ctx, Config const& c, Params<B> const& p, Cache<B>& cache,
                           Tensor<B> x) {
    auto a = Norm::forward(ctx, c.norm, p.attention_norm, cache.attention_norm, x);
    a = Attention::forward(ctx, c.attention, p.attention, cache.attention, a);
    auto h = ops::add(ctx, x, a);  // [tokens, d_model]
    auto f = Norm::forward(ctx, c.norm, p.ffn_norm, cache.ffn_norm, h);
    f = FeedForward::forward(ctx, c.ffn, p.ffn, cache.ffn, f);
    return ops::add(ctx, h, f);  // [tokens, d_model]
  }
  template <class B>
  static Tensor<B> backward(Context<B>& ctx, Config const& c, Params<B> const& p,
                            Params<B> const& grads, Cache<B>& cache, Tensor<B> dy) {
    auto df = FeedForward::backward(ctx, c.ffn, p.ffn, grads.ffn, cache.ffn, dy);
    auto dh = Norm::backward(ctx, c.norm, p.ffn_norm, grads.ffn_norm, cache.ffn_norm, df);
    ops::accumulate(ctx, dh, dy);  // [tokens, d_model]; in place: df and what became of it are ours
    auto da =
        Attention::backward(ctx, c.attention, p.attention, grads.attention, cache.attention, dh);
    auto dx = Norm::backward(ctx, c.norm, p.attention_norm, grads.attention_norm,
                             cache.attention_norm, da);
    ops::accumulate(ctx, dx, dh);  // [tokens, d_model]
    return dx;
  }
};

}  // namespace moenda
