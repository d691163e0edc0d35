// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <algorithm>
#include <vector>

#include "moenda/probe/step_measures.hpp"

namespace moenda::probe {

/// Experts that no item has chosen for a while. One step without tokens is chance, many in a row
/// are an expert that has stopped learning.
class DeadExperts {
 public:
  /// `patience`: observed steps in a row without a token until an expert counts as dead.
  explicit DeadExperts(int patience) : patience_(patience) {}

  void add(std::vector<LayerMeasures> const& layers) {
    for (auto const& measures : layers) {
      auto const layer = std::size_t(measures.layer);
      if (idle_.size() <= layer) idle_.resize(layer + 1);
      idle_[layer].resize(measures.tokens_per_expert.size());
      for (std::size_t e = 0; e < idle_[layer].size(); ++e) {
        idle_[layer][e] = measures.tokens_per_expert[e] > 0 ? 0 : idle_[layer][e] + 1;
      }
    }
  }
  /// Of all layers together.
  [[nodiscard]] int count() const {
    int dead = 0;
    for (auto const& layer : idle_) {
      dead += int(std::count_if(layer.begin(), layer.end(), [&](int n) { return n >= patience_; }));
    }
    return dead;
  }

 private:
  int patience_;
  std::vector<std::vector<int>> idle_;  // [layer][expert] steps in a row without a token
};

}  // namespace moenda::probe
