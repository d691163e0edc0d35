// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <optional>
#include <vector>

#include "moenda/core/context.hpp"
#include "moenda/probe/measures.hpp"
#include "moenda/router/dispatch_plan.hpp"

namespace moenda::probe {

/// How one layer routed in one step.
struct LayerMeasures {
  int layer = 0;
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

/// Measures every layer over the passes of one step. For backends whose memory the processor sees.
template <class B>
class StepMeasures : public RoutingProbe<B> {
 public:
  void observe(int layer, Gates<B> const& gates, DispatchPlan<B> const& plan) override {
    if (counts_.size() <= std::size_t(layer)) counts_.resize(std::size_t(layer) + 1);
    Counts& counts = counts_[std::size_t(layer)];
    auto const experts = std::size_t(plan.num_experts);
    if (counts.tokens_per_expert.empty()) counts.tokens_per_expert.resize(experts);
    if (counts.tokens_per_expert.size() != experts) return;  // another mixture inside this layer
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
  /// One entry per layer with a router, in order.
  [[nodiscard]] std::vector<LayerMeasures> layers() const {
    std::vector<LayerMeasures> all;
    for (std::size_t l = 0; l < counts_.size(); ++l) {
      if (counts_[l].items > 0) all.push_back(measured(int(l), counts_[l]));
    }
    return all;
  }

 private:
  struct Counts {
    std::vector<std::int64_t> tokens_per_expert;
    std::int64_t items = 0, kept = 0, dropped = 0, items_with_probs = 0;
    double router_entropy = 0;  // sum over items
  };

  static LayerMeasures measured(int layer, Counts const& counts) {
    std::span<std::int64_t const> const chosen(counts.tokens_per_expert);
    auto const wanted = counts.kept + counts.dropped;
    LayerMeasures m{.layer = layer, .tokens_per_expert = counts.tokens_per_expert};
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

  std::vector<Counts> counts_;  // [layer]
};

}  // namespace moenda::probe
