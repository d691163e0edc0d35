// SPDX-License-Identifier: Apache-2.0
#pragma once
#include "moenda/core/wraps.hpp"
#include "moenda/ops/pointwise.hpp"
#include "moenda/router/gates.hpp"
#include "moenda/router/scores.hpp"

namespace moenda::router {

/// A router whose choice can be replaced at evaluation by that of ctx.forced: to replay a trace, or
/// to ask what another choice would have done. The weights of the forced experts follow the inner
/// router's own weighting_rule, so that to force its own choice changes nothing; where it has none
/// they are its probs, or equal ones without probs, made to sum to 1. Without ctx.forced it is the
/// inner router, under its name.
///   selected = forced;   weights = rule(logits, probs, forced)
template <class Inner>
struct Forced : Wraps<Inner> {
  static constexpr char const* name = Inner::name;
  using Config = typename Inner::Config;

  template <class B>
  static Gates<B> forward(Context<B>& ctx, Config const& c,
                          typename Inner::template Params<B> const& p,
                          typename Inner::template Cache<B>& cache, Tensor<B> x, int num_experts) {
    auto gates = Inner::forward(ctx, c, p, cache, x, num_experts);
    auto const layer = std::size_t(ctx.layer);
    if (layer >= ctx.forced.size() || ctx.forced[layer].data == nullptr) return gates;
    auto const forced = ctx.forced[layer];  // [items, num_experts]
    if (ctx.training) throw ConfigError("router::Forced: choices can only be forced at evaluation");
    require(forced.rows == gates.selected.rows && forced.cols == gates.selected.cols,
            "router::Forced: the forced choices must have the shape of the router's (rows)",
            forced.rows, gates.selected.rows);
    gates.weights = weights_of(ctx, c, gates, forced);  // [items, num_experts]
    gates.selected = forced;
    return gates;
  }

 private:
  template <class B>
  static Tensor<B> weights_of(Context<B>& ctx, Config const& c, Gates<B> const& gates,
                              Tensor<B> forced) {
    WeighCache<B> cache;
    if (auto const said = weighting_rule<Inner>(c)) {
      auto const& rule = *said;
      ScoreCache<B> scored;
      auto const scores = score(ctx, rule.scores, gates.logits, scored).scores;
      auto const weights =  // [items, num_experts]
          rule.weighs ? weigh(ctx, rule.weighting, gates.logits, scores, forced, cache) : forced;
      return rule.scaling_factor == 1 ? weights : ops::scale(ctx, weights, rule.scaling_factor);
    }
    auto const scores = gates.probs.data == nullptr ? forced : gates.probs;
    return weigh(ctx, Weighting::score_then_renormalise, Tensor<B>{}, scores, forced, cache);
  }
};

}  // namespace moenda::router
