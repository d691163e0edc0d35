// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <cstdint>
#include <map>
#include <vector>

#include "moenda/probe/batch_probe.hpp"

namespace moenda::probe {

/// The routing of a text: which token went where, with which weight.
struct RoutingTrace {
  struct Mixture {
    int layer = 0, num_experts = 0;
    std::vector<std::int32_t> item_begin{0};  // [items + 1] into the two below
    std::vector<std::int32_t> experts;        // [choices] rising within an item
    std::vector<float> weights;               // [choices] combine weights

    [[nodiscard]] int items() const { return int(item_begin.size()) - 1; }
  };
  std::vector<std::int32_t> tokens;  // [rows] ids in the order of the text
  std::map<int, Mixture> mixtures;   // by number

  /// `selected` of items first .. first + count of a mixture as a router would say it:
  /// [count, num_experts] of 1 and 0.
  template <class Scalar>
  [[nodiscard]] std::vector<Scalar> selected(int mixture, int first, int count) const {
    Mixture const& from = mixtures.at(mixture);
    require(first >= 0 && count >= 0 && first <= from.items() - count,
            "RoutingTrace: the items must lie in the trace (end vs items)",
            std::int64_t(first) + count, from.items());
    std::vector<Scalar> table(std::size_t(count) * std::size_t(from.num_experts));
    for (int item = 0; item < count; ++item) {
      auto const begin = from.item_begin[std::size_t(first + item)];
      auto const end = from.item_begin[std::size_t(first + item) + 1];
      for (auto i = begin; i < end; ++i) {
        table[std::size_t(item * from.num_experts + from.experts[std::size_t(i)])] = 1;
      }
    }
    return table;
  }
};

/// Writes down every choice of every pass that it watches.
template <class B>
class TraceProbe : public BatchProbe<B> {
 public:
  void begin(Batch const& batch) override {
    trace_.tokens.insert(trace_.tokens.end(), batch.tokens, batch.tokens + batch.rows());
  }
  void observe(RoutingSite at, Gates<B> const& gates, DispatchPlan<B> const& plan) override {
    auto& to = trace_.mixtures[at.mixture];
    to.layer = at.layer;
    to.num_experts = plan.num_experts;
    for (int item = 0; item < plan.num_items; ++item) {
      auto const* const selected = gates.selected.slice(item, 1).data;
      auto const* const weights = gates.weights.slice(item, 1).data;
      for (int e = 0; e < plan.num_experts; ++e) {
        if (selected[e] == 0) continue;
        to.experts.push_back(e);
        to.weights.push_back(float(weights[e]));
      }
      to.item_begin.push_back(std::int32_t(to.experts.size()));
    }
  }
  [[nodiscard]] RoutingTrace const& trace() const { return trace_; }

 private:
  RoutingTrace trace_;
};

}  // namespace moenda::probe
