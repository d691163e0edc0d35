// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <cstdint>
#include <vector>

#include "moenda/core/context.hpp"
#include "moenda/probe/measures.hpp"
#include "moenda/router/dispatch_plan.hpp"

namespace moenda::probe {

/// Remembers which experts every item of one pass chose, to compare passes with each other.
template <class B>
class Choices : public RoutingProbe<B> {
 public:
  void observe(int layer, Gates<B> const& gates, DispatchPlan<B> const&) override {
    if (layers_.size() <= std::size_t(layer)) layers_.resize(std::size_t(layer) + 1);
    Layer& seen = layers_[std::size_t(layer)];
    if (seen.num_experts == 0) seen.num_experts = gates.selected.cols;
    if (seen.num_experts != gates.selected.cols) return;  // another mixture inside this layer
    auto const* const first = gates.selected.data;
    for (std::ptrdiff_t i = 0; i < gates.selected.size(); ++i) {
      seen.selected.push_back(std::uint8_t(first[i] != 0));
    }
  }
  void clear() {
    for (auto& layer : layers_) layer = {};
  }

  /// Churn of a layer: the share of items whose set of experts differs from that in `earlier`, a
  /// pass over the same items.
  [[nodiscard]] double churn_since(Choices const& earlier, int layer) const {
    auto const l = std::size_t(layer);
    if (l >= layers_.size() || l >= earlier.layers_.size()) return 0;
    return changed_share(earlier.layers_[l].selected, layers_[l].selected, layers_[l].num_experts);
  }

 private:
  struct Layer {
    int num_experts = 0;
    std::vector<std::uint8_t> selected;  // [items, num_experts]
  };
  std::vector<Layer> layers_;
};

}  // namespace moenda::probe
