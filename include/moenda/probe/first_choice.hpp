// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <vector>

#include "moenda/core/routing_hook.hpp"

namespace moenda::probe {

/// Remembers, for every item that passes the model's last mixture, the expert with the largest
/// weight among those it is sent to; -1: none.
template <class B>
class FirstChoice : public RoutingHook<B> {
 public:
  void observe(RoutingSite at, Gates<B> const& gates, DispatchPlan<B> const&) override {
    if (at.mixture < last_) return;
    if (at.mixture > last_) experts_.clear();  // a later mixture: the earlier ones do not count
    last_ = at.mixture;
    for (int item = 0; item < gates.selected.rows; ++item) {
      auto const first = std::ptrdiff_t(item) * gates.selected.cols;
      int best = -1;
      for (int e = 0; e < gates.selected.cols; ++e) {
        if (gates.selected.data[first + e] == 0) continue;
        bool const more =
            best < 0 || gates.weights.data[first + e] > gates.weights.data[first + best];
        if (more) best = e;
      }
      experts_.push_back(best);
    }
  }
  /// [items] in the order in which they came.
  [[nodiscard]] std::vector<int> const& experts() const { return experts_; }

 private:
  int last_ = -1;
  std::vector<int> experts_;
};

}  // namespace moenda::probe
