// SPDX-License-Identifier: Apache-2.0
#pragma once
#include "moenda/core/routing_hook.hpp"
#include "moenda/router/choice/scores.hpp"

namespace moenda::router {

/// The weights of experts that were selected by somebody else: by the router's own weighting_rule,
/// so that its own choice keeps its weights. Where it states none they are its probs, or equal ones
/// without probs, made to sum to 1.
///   weights = rule(logits, probs, selected)
/// selected [items, num_experts] -> [items, num_experts].
template <class Router, class B>
Tensor<B> reweighed(Context<B>& ctx, typename Router::Config const& c, Gates<B> const& gates,
                    Tensor<B> selected) {
  WeighCache<B> cache;
  if (auto const rule = weighting_rule<Router>(c)) {
    auto weights = selected;  // [items, num_experts]
    if (rule->by == WeighedBy::equal_shares) {
      weights = weigh(ctx, Weighting::score_then_renormalise, {}, selected, selected, cache);
    } else if (rule->by == WeighedBy::scores) {
      ScoreCache<B> scored;
      auto const scores = score(ctx, rule->scores, gates.logits, scored).scores;
      weights = weigh(ctx, rule->weighting, gates.logits, scores, selected, cache);
    }
    return rule->scaling_factor == 1 ? weights : ops::scale(ctx, weights, rule->scaling_factor);
  }
  auto const scores = gates.probs.data == nullptr ? selected : gates.probs;
  return weigh(ctx, Weighting::score_then_renormalise, Tensor<B>{}, scores, selected, cache);
}

/// The same, for a hook.
template <class Router, class B>
[[nodiscard]] Reweigh<B> reweigh_by(typename Router::Config const& config) {
  return {&config, [](Context<B>& ctx, void const* c, Gates<B> const& gates, Tensor<B> selected) {
            return reweighed<Router>(ctx, *static_cast<typename Router::Config const*>(c), gates,
                                     selected);
          }};
}

}  // namespace moenda::router
