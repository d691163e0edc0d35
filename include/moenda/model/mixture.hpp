// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <cmath>

#include "moenda/model/experts.hpp"
#include "moenda/ops/add.hpp"
#include "moenda/ops/dispatch.hpp"

namespace moenda {

/// A mixture of experts: y_i = sum over the experts e of item i of weight_ie expert_e(x_i).
/// Jacobs et al. 1991, eq. 1, made sparse by Shazeer et al. 2017, eq. 1. `Expert` is one expert
/// type or Experts<...>; `Losses` are auxiliary losses on the router's gates.
template <RouterLike Router, class Expert, LossLike... Losses>
struct Mixture {
  static constexpr char const* name = "mixture";
  using Set = typename AsGroups<Expert>::Module;
  static constexpr bool looks_ahead = [] {
    if constexpr (has_static_traits<Router>) return !Router::traits.causal_at_evaluation;
    return false;
  }();

  static constexpr int max_experts = 65536;

  struct Config {
    typename Router::Config router{};
    typename Set::Config experts{};
    SideBySide<Losses...> loss{};
    /// In training an expert takes at most this factor times its fair share of the batch, the first
    /// ones by position; 0: dropless. Never at evaluation, where it would tie a token's output to
    /// the tokens after it.
    double capacity_factor = 0;
    MOENDA_FIELDS(Config, router, experts, loss, capacity_factor);
  };
  template <class B>
  struct Params {
    typename Router::template Params<B> router;
    typename Set::template Params<B> experts;
    MOENDA_FIELDS(Params, router, experts);
  };
  template <class B>
  struct Cache {
    typename Router::template Cache<B> router;
    typename Set::template Cache<B> experts;
    DispatchPlan<B> plan;
    GatesGrad<B> dgates;
    Tensor<B> slots;  // [num_slots * item_rows, d_model] what the experts answered
  };

  static void check(Config const& c, Setting setting, Problems& problems) {
    setting.num_experts = Set::num_experts(c.experts);
    auto const traits = traits_of<Router>(c.router);
    problems.in("experts", [&] {
      problems.expect(setting.num_experts >= 1 && setting.num_experts <= max_experts, "count",
                      "in 1.." + std::to_string(max_experts), setting.num_experts);
      Set::check(c.experts, setting, problems);
      if (!Set::accepts(c.experts, traits.granularity)) problems.add(MOENDA_RULE_GRANULARITY);
    });
    problems.in("router", [&] {
      moenda::check<Router>(c.router, setting, problems);
      if (setting.causal && !traits.causal_at_evaluation) problems.add(MOENDA_RULE_CAUSAL);
    });
    problems.in("loss", [&] {
      std::size_t i = 0;
      hana::for_each(c.loss.groups, [&](auto const& term) {
        problems.expect(term.weight >= 0,
                        std::string(SideBySide<Losses...>::names[i++]) + ".weight", "at least 0",
                        term.weight);
      });
      bool const untrainable = traits.balanced_by_construction || !traits.has_parameters;
      if (untrainable && balancing_weight(c) > 0) problems.add(MOENDA_RULE_BALANCE);
    });
    problems.expect(c.capacity_factor >= 0 && std::isfinite(c.capacity_factor), "capacity_factor",
                    "0 (dropless) or above", c.capacity_factor);
  }
  template <class B>
  static constexpr Params<B> params(Config const& c, int d_model) {
    return {Router::template params<B>(c.router, d_model, Set::num_experts(c.experts)),
            Set::template params<B>(c.experts, d_model)};
  }
  /// The share of the experts' parameters that an item does not visit.
  static constexpr std::ptrdiff_t idle_parameters(Config const& c, int d_model) {
    int const experts = Set::num_experts(c.experts);
    if (experts == 0) return 0;
    int const idle = experts - Router::experts_per_item(c.router, experts);
    return count(Set::template params<Shapes>(c.experts, d_model)) / experts * idle;
  }
  template <class B>
  static Tensor<B> forward(Context<B>& ctx, Config const& c, Params<B> const& p, Cache<B>& cache,
                           Tensor<B> x) {
    int const experts = Set::num_experts(c.experts);
    auto const gates = Router::forward(ctx, c.router, p.router, cache.router, x, experts);
    int const items = gates.selected.rows, item_rows = items == 0 ? 1 : x.rows / items;
    if (ctx.training) {
      cache.dgates = {ops::zeros(ctx, items, experts), ops::zeros(ctx, items, experts),
                      ops::zeros(ctx, items, experts)};
      add_losses(ctx, c, gates, cache.dgates, std::index_sequence_for<Losses...>{});
    }
    cache.plan =
        ops::make_plan(ctx, gates, item_rows, ctx.training ? capacity(c, items, experts) : -1);
    if (ctx.probe != nullptr) ctx.probe->observe(ctx.layer, gates, cache.plan);
    auto inputs = ops::dispatch(ctx, cache.plan, x);     // [slot rows, d_model]
    cache.slots = ctx.tensor(inputs.rows, inputs.cols);  // [slot rows, d_model]
    Set::forward(ctx, c.experts, p.experts, cache.experts, cache.plan, 0, inputs, cache.slots);
    return ops::combine(ctx, cache.plan, cache.slots);  // [tokens, d_model]
  }
  template <class B>
  static Tensor<B> backward(Context<B>& ctx, Config const& c, Params<B> const& p,
                            Params<B> const& grads, Cache<B>& cache, Tensor<B> dy) {
    auto dslots = ops::combine_backward(ctx, cache.plan, cache.slots, dy, cache.dgates);
    auto dinputs = ctx.tensor(dslots.rows, dslots.cols);  // [slot rows, d_model]
    Set::backward(ctx, c.experts, p.experts, grads.experts, cache.experts, cache.plan, 0, dslots,
                  dinputs);
    auto dx = ops::dispatch_backward(ctx, cache.plan, dinputs);  // [tokens, d_model]
    return ops::add(
        ctx, dx,
        Router::backward(ctx, c.router, p.router, grads.router, cache.router, cache.dgates));
  }

 private:
  /// ceil(factor * assignments / experts), at least 1: Lepikhin et al. 2020, section 2.2.
  static int capacity(Config const& c, int items, int experts) {
    if (c.capacity_factor <= 0) return -1;
    double const fair = double(items) * Router::experts_per_item(c.router, experts) / experts;
    return std::max(1, int(std::min(std::ceil(c.capacity_factor * fair), double(items))));
  }
  template <class B, std::size_t... I>
  static void add_losses(Context<B>& ctx, Config const& c, Gates<B> const& gates,
                         GatesGrad<B> const& dgates, std::index_sequence<I...>) {
    (Losses::add(ctx, c.loss.groups[hana::size_c<I>], gates, dgates), ...);
  }
  static double balancing_weight(Config const& c) {
    double weight = 0;
    [&]<std::size_t... I>(std::index_sequence<I...>) {
      ((weight += Losses::balances ? c.loss.groups[hana::size_c<I>].weight : 0), ...);
    }
    (std::index_sequence_for<Losses...>{});
    return weight;
  }
  static constexpr bool granularity_agrees = [] {
    if constexpr (has_static_traits<Router>) return Set::may_accept(Router::traits.granularity);
    return true;
  }();
  static constexpr bool balance_is_useful = [] {
    if constexpr (has_static_traits<Router>) {
      bool const untrainable =
          Router::traits.balanced_by_construction || !Router::traits.has_parameters;
      return !(untrainable && (Losses::balances || ... || false));
    }
    return true;
  }();
  // Last in the class: clang 14 drops the members after a failed assertion, then reports those too.
  static_assert(granularity_agrees, MOENDA_RULE_GRANULARITY);
  static_assert(balance_is_useful, MOENDA_RULE_BALANCE);
};

}  // namespace moenda
