// SPDX-License-Identifier: Apache-2.0
#pragma once
// The one place where code from outside sees, changes or teaches a routing choice.
#include <algorithm>
#include <initializer_list>
#include <span>
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
/// (null) each costs one test. Every call is keyed by the mixture. What decide() and teach() are
/// given lies where the backend's numbers do; what observe() is given, the host can read.
template <class B>
struct RoutingHook {
  virtual ~RoutingHook() = default;
  /// May replace `selected` and `weights` of the gates: what the experts then see. `reweigh` gives
  /// the weights that the router would have given. A router's backward knows its own choice only,
  /// so a hook that changes choices in training must refuse, or leave what the gradient needs.
  virtual void decide(Context<B>& /*ctx*/, RoutingSite, Gates<B>& /*gates*/, Reweigh<B> const&) {}
  /// The gates as decided, and the plan that follows from them. Where the backend's numbers lie
  /// elsewhere, these are copies on the host, with the true numbers of slots and of dropped
  /// assignments.
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

namespace detail {

/// A copy on the host's part of the step memory.
template <class B>
[[nodiscard]] Tensor<B> copied(Context<B>& ctx, Tensor<B> from) {
  using Scalar = typename B::Scalar;
  if (from.size() == 0) return {nullptr, from.rows, from.cols};
  auto const to = ctx.template make<Scalar>(static_cast<int>(from.size()));
  ctx.backend.space().copy_to_host(to.data(), from.data, to.size_bytes());
  return {to.data(), from.rows, from.cols};
}
template <class B, class T>
[[nodiscard]] std::span<T> copied(Context<B>& ctx, std::span<T> from) {
  auto const to = ctx.template make<T>(static_cast<int>(from.size()));
  ctx.backend.space().copy_to_host(to.data(), from.data(), to.size_bytes());
  return to;
}
template <class B>
[[nodiscard]] Gates<B> copied(Context<B>& ctx, Gates<B> gates) {
  for (auto* table : {&gates.selected, &gates.weights, &gates.probs, &gates.logits, &gates.priority,
                      &gates.clean, &gates.noisy, &gates.sigma, &gates.present}) {
    *table = copied(ctx, *table);
  }
  return gates;
}
/// `gates`: those of the plan, on the host.
template <class B>
[[nodiscard]] DispatchPlan<B> copied(Context<B>& ctx, DispatchPlan<B> plan, Gates<B> const& gates) {
  plan.bins = copied(ctx, plan.bins);
  auto const* const selected = gates.selected.data;
  auto const chosen = std::count_if(selected, selected + gates.selected.size(),
                                    [](auto value) { return value != 0; });
  plan.num_slots = plan.bins.back();
  plan.num_dropped = static_cast<int>(chosen) - plan.num_slots;
  auto const filled = static_cast<std::size_t>(plan.num_slots);
  plan.item_of_slot = copied(ctx, plan.item_of_slot.first(filled));
  plan.expert_of_slot = copied(ctx, plan.expert_of_slot.first(filled));
  plan.item_begin = copied(ctx, plan.item_begin);
  plan.slots_of_item = copied(ctx, plan.slots_of_item.first(filled));
  plan.combine_weights = copied(ctx, plan.combine_weights.first(filled));
  return plan;
}

}  // namespace detail

/// Lets the hook, if there is one, observe.
template <class B>
void observe(Context<B>& ctx, RoutingSite at, Gates<B> const& gates, DispatchPlan<B> const& plan) {
  if (ctx.hook == nullptr) return;
  if constexpr (B::Space::is_host) {
    ctx.hook->observe(at, gates, plan);
  } else {
    auto const seen = detail::copied(ctx, gates);
    ctx.hook->observe(at, seen, detail::copied(ctx, plan, seen));
  }
}

/// The site of the mixture that is about to route: the next of the pass.
template <class B>
[[nodiscard]] RoutingSite next_site(Context<B>& ctx) {
  return {ctx.mixtures++, ctx.layer};
}

}  // namespace moenda
