// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <optional>
#include <vector>

#include "moenda/core/routing_hook.hpp"
#include "moenda/probe/measures.hpp"

namespace moenda::probe {

/// How one mixture routed in one step.
struct LayerMeasures {
  int mixture = 0, layer = 0;
  /// [num_experts] how many items chose each expert, those over capacity included.
  std::vector<std::int64_t> tokens_per_expert{};
  double evenness = 0;       ///< entropy of tokens_per_expert over ln(num_experts)
  double max_violation = 0;  ///< of tokens_per_expert
  double dropped_share = 0;  ///< of the choices: those over capacity
  int dead_experts = 0;      ///< experts that nobody chose
  /// Mean over items that are no padding of the evenness of their router_probs: 0 is a router that
  /// is sure, 1 one that does not care. Absent where the router has no probabilities.
  std::optional<double> router_entropy{};
  double experts_per_item = 0;  ///< mean number of experts that an item chose
};

/// Measures every mixture over the passes of one step.
template <class B>
class StepMeasures : public RoutingHook<B> {
 public:
  void observe(RoutingSite at, Gates<B> const& gates, DispatchPlan<B> const& plan) override {
    if (counts_.size() <= std::size_t(at.mixture)) counts_.resize(std::size_t(at.mixture) + 1);
    Counts& counts = counts_[std::size_t(at.mixture)];
    counts.layer = at.layer;
    auto const experts = std::size_t(plan.num_experts);
    counts.tokens_per_expert.resize(experts);
    for (std::size_t i = 0; i < std::size_t(gates.selected.size()); ++i) {
      counts.tokens_per_expert[i % experts] += gates.selected.data[i] != 0;
    }
    counts.kept += plan.num_slots;
    counts.dropped += plan.num_dropped;
    for (int item = 0; item < plan.num_items; ++item) {
      if (gates.present.data != nullptr && gates.present.data[item] == 0) continue;  // padding
      ++counts.items;
      if (gates.probs.rows == 0) continue;
      ++counts.items_with_probs;
      counts.router_entropy += evenness(std::span<typename B::Scalar const>(
          gates.probs.slice(item, 1).data, std::size_t(gates.probs.cols)));
    }
  }
  /// Forgets what was seen: before the next step.
  void clear() {
    for (auto& counts : counts_) counts = {};
  }
  /// One entry per mixture, in order.
  [[nodiscard]] std::vector<LayerMeasures> layers() const {
    std::vector<LayerMeasures> all;
    for (std::size_t m = 0; m < counts_.size(); ++m) {
      if (counts_[m].items > 0) all.push_back(measured(int(m), counts_[m]));
    }
    return all;
  }

 private:
  struct Counts {
    int layer = 0;
    std::vector<std::int64_t> tokens_per_expert;
    std::int64_t items = 0, kept = 0, dropped = 0, items_with_probs = 0;
    double router_entropy = 0;  // sum over items
  };

  static LayerMeasures measured(int mixture, Counts const& counts) {
    std::span<std::int64_t const> const chosen(counts.tokens_per_expert);
    auto const wanted = counts.kept + counts.dropped;
    LayerMeasures m{
        .mixture = mixture, .layer = counts.layer, .tokens_per_expert = counts.tokens_per_expert};
    m.evenness = evenness(chosen);
    m.max_violation = max_violation(chosen);
    m.dropped_share = wanted > 0 ? double(counts.dropped) / double(wanted) : 0;
    m.dead_experts = int(std::count(chosen.begin(), chosen.end(), 0));
    if (counts.items_with_probs > 0) {
      m.router_entropy = counts.router_entropy / double(counts.items_with_probs);
    }
    m.experts_per_item = double(wanted) / double(counts.items);
    return m;
  }

  std::vector<Counts> counts_;  // [mixture]
};

}  // namespace moenda::probe
