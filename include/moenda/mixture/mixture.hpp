// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <cmath>

#include "moenda/core/routing_hook.hpp"
#include "moenda/mixture/auxiliary_losses.hpp"
#include "moenda/mixture/drop.hpp"
#include "moenda/mixture/experts.hpp"
#include "moenda/module/check.hpp"
#include "moenda/module/idle_parameters.hpp"
#include "moenda/ops/routing/dispatch.hpp"
#include "moenda/ops/sequence/padding.hpp"
#include "moenda/router/choice/reweigh.hpp"

namespace moenda {

/// A mixture of experts: y_i = sum over the experts e of item i of weight_ie expert_e(x_i).
/// Jacobs et al. 1991, eq. 1, made sparse by Shazeer et al. 2017, eq. 1. `Expert` is one expert
/// type or Experts<...>; `Losses` are auxiliary losses on the router's gates.
template <RouterLike Router, class Expert, LossLike... Losses>
struct Mixture {
  static constexpr char const* name = AsGroups<Expert>::mixture_name;
  using Set = typename AsGroups<Expert>::Module;
  using Terms = AuxiliaryLosses<Losses...>;

  static constexpr int max_experts = 65536;

  struct Config {
    typename Router::Config router{};
    typename Set::Config experts{};
    typename Terms::Config loss{};
    /// In training an expert takes at most this factor times its fair share of the batch, chosen by
    /// `drop`; 0: dropless. Never at evaluation, where it would tie a token's output to the tokens
    /// after it.
    double capacity_factor = 0;
    Drop drop = Drop::position;
    MOENDA_FIELDS(Config, router, experts, loss, capacity_factor, drop);
  };
  template <class B>
  struct Params {
    typename Router::template Params<B> router;
    typename Set::template Params<B> experts;
    typename Terms::template Params<B> loss;
    MOENDA_FIELDS(Params, router, experts, loss);
  };
  template <class B>
  struct Cache {
    typename Router::template Cache<B> router;
    typename Set::template Cache<B> experts;
    RoutingSite site;
    Gates<B> gates;
    DispatchPlan<B> plan;
    GatesGrad<B> dgates;
    Tensor<B> slots;  // [num_slots * item_rows, d_model] what the experts answered
  };

  static constexpr void parts(auto&& f, Setting const&, Config const& c, auto&... of) {
    f(part<Router>("router"), c.router, of.router...);
    f(part<Set>("experts"), c.experts, of.experts...);
    f(part<Terms>("loss"), c.loss, of.loss...);
  }
  static constexpr Setting inside(Config const& c, Setting at) {
    at.num_experts = Set::num_experts(c.experts, {at.layer});
    return at;
  }
  static void check(Config const& c, Setting const& at, Problems& problems) {
    int const experts = inside(c, at).num_experts;
    auto const traits = traits_of<Router>(c.router);
    problems.in("experts", [&] {
      auto const range = "in 1.." + std::to_string(max_experts);
      bool const fits = experts >= 1 && experts <= max_experts;
      if constexpr (requires { c.experts.groups; }) {
        if (!fits) {
          problems.add("the sum of NAME.count must be " + range + ", got " +
                       std::to_string(experts));
        }
      } else {
        bool const per_layer = Set::num_counts(c.experts) > 0;
        problems.expect(fits, per_layer ? "count_per_layer" : "count", range, experts);
      }
      if (!Set::accepts(c.experts, traits.granularity)) problems.add(MOENDA_RULE_GRANULARITY);
    });
    problems.in("router", [&] {
      if (at.causal && traits.breaks_causality()) problems.add(MOENDA_RULE_CAUSAL);
    });
    problems.in("loss", [&] {
      bool const untrainable = traits.balanced_by_construction || !traits.has_parameters;
      if (untrainable && Terms::balance(c.loss)) problems.add(MOENDA_RULE_BALANCE);
      if (!traits.draws_noise && Terms::need_noise(c.loss)) problems.add(MOENDA_RULE_NOISE);
    });
    problems.expect(c.capacity_factor >= 0 && std::isfinite(c.capacity_factor), "capacity_factor",
                    "0 (dropless) or above", c.capacity_factor);
  }
  template <class B>
  static constexpr Params<B> params(Config const& c, int d_model, LayerIndex layer = {}) {
    int const experts = Set::num_experts(c.experts, layer);
    return {Router::template params<B>(c.router, d_model, experts),
            Set::template params<B>(c.experts, d_model, layer),
            Terms::template params<B>(c.loss, experts)};
  }
  /// The share of the experts' parameters that an item does not visit, and what those that it
  /// visits, the router and the losses leave idle.
  static constexpr std::ptrdiff_t idle_parameters(Config const& c, Setting const& at) {
    auto const inner = inside(c, at);
    if (inner.num_experts == 0) return 0;
    int const visited = experts_per_item<Router>(c.router, inner.num_experts);
    auto const all =
        moenda::parameter_count(Set::template params<Shapes>(c.experts, at.d_model, {at.layer}));
    return all / inner.num_experts * (inner.num_experts - visited) +
           moenda::idle_parameters<Set>(c.experts, inner) / inner.num_experts * visited +
           moenda::idle_parameters<Router>(c.router, inner) +
           moenda::idle_parameters<Terms>(c.loss, inner);
  }
  template <class B>
  static Tensor<B> forward(Context<B>& ctx, Config const& c, Params<B> const& p, Cache<B>& cache,
                           Tensor<B> x) {
    int const experts = Set::size(p.experts);
    cache.site = next_site(ctx);
    auto gates = Router::forward(ctx, c.router, p.router, cache.router, x, experts);
    if (ctx.hook != nullptr) {
      ctx.hook->decide(ctx, cache.site, gates, router::reweigh_by<Router, B>(c.router));
      gates.most_per_item = gates.most_per_expert = -1;  // a hook keeps no promise of the router
    }
    gates.present = ops::present_items(ctx, gates.selected.rows);
    gates.selected = ops::without_padding(ctx, gates.selected);  // nobody computes padding
    cache.gates = gates;
    int const items = gates.selected.rows, item_rows = items == 0 ? 1 : x.rows / items;
    if (ctx.training) {
      cache.dgates = {ops::zeros(ctx, items, experts), ops::zeros(ctx, items, experts),
                      ops::zeros(ctx, items, experts)};
      if (gates.sigma.cols > 0) {
        cache.dgates.clean = ops::zeros(ctx, items, experts);
        cache.dgates.sigma = ops::zeros(ctx, items, experts);
      }
      Terms::add(ctx, c.loss, p.loss, gates, cache.dgates);
    }
    cache.plan = plan_within_capacity(ctx, gates, item_rows,
                                      ctx.training ? capacity(c, items, experts) : -1, c.drop);
    observe(ctx, cache.site, gates, cache.plan);
    auto const inputs = ops::rows_of_slots(ctx, cache.plan, x);  // [slot rows, d_model]
    cache.slots = Set::forward(ctx, c.experts, p.experts, cache.experts, cache.plan, 0, inputs);
    return ops::combine(ctx, cache.plan, cache.slots);  // [tokens, d_model]
  }
  template <class B>
  static Tensor<B> backward(Context<B>& ctx, Config const& c, Params<B> const& p,
                            Params<B> const& grads, Cache<B>& cache, Tensor<B> dy) {
    Terms::collect(ctx, c.loss, grads.loss, cache.gates);
    auto dslots = ops::combine_backward(ctx, cache.plan, cache.slots, dy, cache.dgates);
    auto dinputs = Set::backward(ctx, c.experts, p.experts, grads.experts, cache.experts,
                                 cache.plan, 0, dslots);         // [slot rows, d_model]
    auto dx = ops::dispatch_backward(ctx, cache.plan, dinputs);  // [tokens, d_model]
    if (ctx.hook != nullptr) ctx.hook->teach(ctx, cache.site, cache.gates, cache.dgates);
    ops::accumulate(
        ctx, dx,
        Router::backward(ctx, c.router, p.router, grads.router, cache.router, cache.dgates));
    return dx;
  }

 private:
  /// ceil(factor * assignments / experts), at least 1: Lepikhin et al. 2020, section 2.2.
  static int capacity(Config const& c, int items, int experts) {
    if (c.capacity_factor <= 0) return -1;
    double const fair = double(items) * experts_per_item<Router>(c.router, experts) / experts;
    return std::max(1, int(std::min(std::ceil(c.capacity_factor * fair), double(items))));
  }
  static constexpr bool granularity_agrees = [] {
    if constexpr (has_static_traits<Router>)
      return Set::may_accept(static_traits<Router>().granularity);
    return true;
  }();
  static constexpr bool balance_is_useful = [] {
    if constexpr (has_static_traits<Router>) {
      constexpr auto traits = static_traits<Router>();
      bool const untrainable = traits.balanced_by_construction || !traits.has_parameters;
      return !(untrainable && (Losses::balances || ... || false));
    }
    return true;
  }();
  // Last in the class: clang 14 drops the members after a failed assertion, then reports those too.
  static_assert(granularity_agrees, MOENDA_RULE_GRANULARITY);
  static_assert(balance_is_useful, MOENDA_RULE_BALANCE);
};

}  // namespace moenda
