// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <vector>

#include "moenda/core/context.hpp"
#include "moenda/router/dispatch_plan.hpp"

namespace moenda::probe {

/// Remembers, for every item that passes the model's last mixture, the expert with the largest
/// weight among those it is sent to; -1: none.
template <class B>
class FirstChoice : public RoutingProbe<B> {
 public:
  void observe(int layer, Gates<B> const& gates, DispatchPlan<B> const&) override {
    if (layer < layer_) return;
    if (layer > layer_) experts_.clear();  // a later mixture: the earlier ones do not count
    layer_ = layer;
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
  int layer_ = -1;
  std::vector<int> experts_;
};

}  // namespace moenda::probe
