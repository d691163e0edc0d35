// SPDX-License-Identifier: Apache-2.0
#pragma once
// The one place where code from outside sees, changes or teaches a routing choice.
#include <initializer_list>
#include <vector>

#include "moenda/core/dispatch_plan.hpp"

namespace moenda {

/// Which mixture routes. `mixture` counts the mixtures of a pass in the order of their forward:
/// one layer may hold several.
struct RoutingSite {
  int mixture = 0, layer = 0;
};

/// How a router weighs experts that it has not selected itself.
template <class B>
struct Reweigh {
  void const* config = nullptr;  // of the router
  Tensor<B> (*rule)(Context<B>&, void const* config, Gates<B> const&, Tensor<B> selected) = nullptr;

  /// selected [items, num_experts] of 1 and 0 -> their combine weights [items, num_experts].
  Tensor<B> operator()(Context<B>& ctx, Gates<B> const& gates, Tensor<B> selected) const {
    return rule(ctx, config, gates, selected);
  }
};

/// Looks at routing, and takes part in it. A mixture calls decide() after its router, observe()
/// when the plan is made, and in the backward teach() before the router's own. Without a hook
/// (null) each costs one test. Every call is keyed by the mixture.
template <class B>
struct RoutingHook {
  virtual ~RoutingHook() = default;
  /// May replace `selected` and `weights` of the gates: what the experts then see. `reweigh` gives
  /// the weights that the router would have given. A router's backward knows its own choice only,
  /// so a hook that changes choices in training must refuse, or leave what the gradient needs.
  virtual void decide(Context<B>& /*ctx*/, RoutingSite, Gates<B>& /*gates*/, Reweigh<B> const&) {}
  /// The gates as decided, and the plan that follows from them.
  virtual void observe(RoutingSite, Gates<B> const&, DispatchPlan<B> const&) {}
  /// May add to the gradient of the gates that the router is about to see, as a loss does.
  virtual void teach(Context<B>& /*ctx*/, RoutingSite, Gates<B> const&, GatesGrad<B> const&) {}
};

/// Several hooks as one, asked in turn.
template <class B>
class RoutingHooks : public RoutingHook<B> {
 public:
  RoutingHooks(std::initializer_list<RoutingHook<B>*> hooks) : hooks_(hooks) {}

  void decide(Context<B>& ctx, RoutingSite at, Gates<B>& gates,
              Reweigh<B> const& reweigh) override {
    for (auto* hook : hooks_) hook->decide(ctx, at, gates, reweigh);
  }
  void observe(RoutingSite at, Gates<B> const& gates, DispatchPlan<B> const& plan) override {
    for (auto* hook : hooks_) hook->observe(at, gates, plan);
  }
  void teach(Context<B>& ctx, RoutingSite at, Gates<B> const& gates,
             GatesGrad<B> const& dgates) override {
    for (auto* hook : hooks_) hook->teach(ctx, at, gates, dgates);
  }

 private:
  std::vector<RoutingHook<B>*> hooks_;
};

/// The site of the mixture that is about to route: the next of the pass.
template <class B>
[[nodiscard]] RoutingSite next_site(Context<B>& ctx) {
  return {ctx.mixtures++, ctx.layer};
}

}  // namespace moenda
