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
      auto const mixture = std::size_t(measures.mixture);
      if (idle_.size() <= mixture) idle_.resize(mixture + 1);
      auto& idle = idle_[mixture];
      idle.resize(measures.tokens_per_expert.size());
      for (std::size_t e = 0; e < idle.size(); ++e) {
        idle[e] = measures.tokens_per_expert[e] > 0 ? 0 : idle[e] + 1;
      }
    }
  }
  /// Of all mixtures together.
  [[nodiscard]] int count() const {
    int dead = 0;
    for (auto const& idle : idle_) {
      dead += int(std::count_if(idle.begin(), idle.end(), [&](int n) { return n >= patience_; }));
    }
    return dead;
  }

 private:
  int patience_;
  std::vector<std::vector<int>> idle_;  // [mixture][expert] steps in a row without a token
};

}  // namespace moenda::probe
