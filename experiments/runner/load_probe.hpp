// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <cstdint>
#include <string>
#include <vector>

#include "moenda/io/csv.hpp"
#include "run.hpp"

namespace moenda::runner {

/// Counts how many assignments every expert of every layer got.
class LoadProbe : public RoutingProbe<Backend> {
 public:
  void observe(int layer, Gates<Backend> const&, DispatchPlan<Backend> const& plan) override {
    auto const l = std::size_t(layer);
    if (counts_.size() <= l) counts_.resize(l + 1);
    counts_[l].resize(std::size_t(plan.num_experts));
    for (int e = 0; e < plan.num_experts; ++e) {
      counts_[l][std::size_t(e)] += plan.tokens_per_expert(e);
    }
  }
  void clear() { counts_.clear(); }

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
};

}  // namespace moenda::runner
