// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <cstdint>
#include <string>
#include <vector>

#include "moenda/io/csv.hpp"
#include "run.hpp"

namespace moenda::runner {

/// Counts how many items wanted every expert of every layer, and how many were dropped over
/// capacity.
class LoadProbe : public RoutingProbe<Backend> {
 public:
  void observe(int layer, Gates<Backend> const& gates, DispatchPlan<Backend> const& plan) override {
    auto const l = std::size_t(layer);
    if (counts_.size() <= l) counts_.resize(l + 1);
    counts_[l].resize(std::size_t(plan.num_experts));
    auto const experts = std::size_t(plan.num_experts);
    for (std::size_t i = 0; i < std::size_t(gates.selected.size()); ++i) {
      counts_[l][i % experts] += gates.selected.data[i] != 0;
    }
    dropped_ += plan.num_dropped;
    wanted_ += plan.num_dropped + plan.num_slots;
  }
  void clear() { counts_.clear(); }
  /// Of all assignments seen so far.
  [[nodiscard]] double dropped_share() const {
    return wanted_ == 0 ? 0 : double(dropped_) / double(wanted_);
  }

  /// The rows of routing.csv for `step`.
  [[nodiscard]] std::string rows(std::int64_t step) const {
    std::string text;
    for (std::size_t l = 0; l < counts_.size(); ++l) {
      double total = 0;
      for (auto const n : counts_[l]) total += double(n);
      for (std::size_t e = 0; e < counts_[l].size(); ++e) {
        text += io::to_csv(io::RoutingRow{std::uint64_t(step), std::uint32_t(l), std::uint32_t(e),
                                          total > 0 ? double(counts_[l][e]) / total : 0});
      }
    }
    return text;
  }

 private:
  std::vector<std::vector<std::int64_t>> counts_;  // [layer][expert]
  std::int64_t dropped_ = 0, wanted_ = 0;
};

}  // namespace moenda::runner
