// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <cstdint>
#include <vector>

#include "moenda/core/routing_hook.hpp"
#include "moenda/probe/measures.hpp"

namespace moenda::probe {

/// Remembers which experts every item of one pass chose, to compare passes with each other.
template <class B>
class Choices : public RoutingHook<B> {
 public:
  void observe(RoutingSite at, Gates<B> const& gates, DispatchPlan<B> const&) override {
    auto const mixture = std::size_t(at.mixture);
    if (mixtures_.size() <= mixture) mixtures_.resize(mixture + 1);
    Mixture& seen = mixtures_[mixture];
    seen.num_experts = gates.selected.cols;
    auto const* const first = gates.selected.data;
    for (std::ptrdiff_t i = 0; i < gates.selected.size(); ++i) {
      seen.selected.push_back(std::uint8_t(first[i] != 0));
    }
  }
  void clear() {
    for (auto& mixture : mixtures_) mixture = {};
  }

  /// Churn of a mixture: the share of items whose set of experts differs from that in `earlier`, a
  /// pass over the same items.
  [[nodiscard]] double churn_since(Choices const& earlier, int mixture) const {
    auto const m = std::size_t(mixture);
    if (m >= mixtures_.size() || m >= earlier.mixtures_.size()) return 0;
    return changed_share(earlier.mixtures_[m].selected, mixtures_[m].selected,
                         mixtures_[m].num_experts);
  }

 private:
  struct Mixture {
    int num_experts = 0;
    std::vector<std::uint8_t> selected;  // [items, num_experts]
  };
  std::vector<Mixture> mixtures_;
};

}  // namespace moenda::probe
