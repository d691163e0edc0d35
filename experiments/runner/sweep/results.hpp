// SPDX-License-Identifier: Apache-2.0
#pragma once
// What a sweep found: the measures of its runs, arm by arm, and how the arms compare.
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "moenda/statistics/paired.hpp"
#include "runner/sweep/plan.hpp"

namespace moenda::runner {

/// What one run measured, by name; empty when it has not finished.
using Measures = std::map<std::string, double>;

struct ArmResult {
  std::vector<Measures> runs;         // one per seed
  std::vector<std::string> failures;  // one per seed: how the run failed, "" if it did not
  /// Values of a measure over the runs that have it.
  [[nodiscard]] std::vector<double> values(std::string const& measure) const;
  /// Against the baseline, over the seeds that both have; nothing for the baseline itself.
  std::optional<statistics::Comparison> comparison;
  /// Of its model: what a finished run says of itself, else what the file says, where it does.
  std::optional<ModelCost> cost;
};

/// Where a sweep writes down how the run `id` failed; `folder` is runs/NAME.
std::filesystem::path failure_file(std::filesystem::path const& folder, std::string const& id);
/// The arms before anything has run: sizes and costs.
std::string plan_text(SweepPlan const& plan);
/// Reads results.json of every run of the plan below `out`.
std::vector<ArmResult> read_sweep_results(SweepPlan const& plan, std::filesystem::path const& out);
/// The table of arms, with intervals and verdicts.
std::string comparison_text(SweepPlan const& plan, std::vector<ArmResult> const& results);
/// sweep.json and sweep.csv in `folder`.
void write_sweep_results(SweepPlan const& plan, std::vector<ArmResult> const& results,
                         std::filesystem::path const& folder);

}  // namespace moenda::runner
