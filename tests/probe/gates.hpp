// SPDX-License-Identifier: Apache-2.0
#pragma once
// Gates written by hand, as a router would say them.
#include <vector>

#include "moenda/core/routing_hook.hpp"

namespace probes {

using namespace moenda;

/// Tables of [items, experts], and the plan's counts that probes read.
struct HandGates {
  HandGates(int experts, std::vector<float> chosen, std::vector<float> weighed = {},
            std::vector<float> probable = {})
      : selected(std::move(chosen)), weights(std::move(weighed)), probs(std::move(probable)) {
    int const items = int(selected.size()) / experts;
    if (weights.empty()) weights = selected;
    gates.selected = {selected.data(), items, experts};
    gates.weights = {weights.data(), items, experts};
    if (!probs.empty()) gates.probs = {probs.data(), items, experts};
    plan.num_items = items;
    plan.num_experts = experts;
    for (float const s : selected) plan.num_slots += s != 0;
  }
  HandGates(HandGates const&) = delete;
  HandGates& operator=(HandGates const&) = delete;

  /// Says that so many of the choices were over capacity.
  void drop(int count) {
    plan.num_dropped += count;
    plan.num_slots -= count;
  }

  std::vector<float> selected, weights, probs;
  Gates<Shapes> gates;
  DispatchPlan<Shapes> plan;
};

}  // namespace probes
