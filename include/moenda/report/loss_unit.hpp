// SPDX-License-Identifier: Apache-2.0
#pragma once
// What the numbers of a loss are. A task's loss is a mean over what it predicts.
#include <algorithm>
#include <array>
#include <string_view>
#include <utility>
#include <vector>

#include "moenda/record/run.hpp"

namespace moenda::io::detail {

/// The unit in which a task measures its loss; "mean" of a task that is not known here.
[[nodiscard]] constexpr std::string_view loss_unit(std::string_view task) {
  constexpr std::array<std::pair<std::string_view, std::string_view>, 4> units{{
      {"language_modeling", "nats per token"},
      {"classification", "nats per example"},
      {"regression", "squared error of the standardised target"},
      {"table_questions", "nats per question"},
  }};
  for (auto const& [name, unit] : units) {
    if (name == task) return unit;
  }
  return "mean";
}
/// That of all runs.
[[nodiscard]] inline std::string_view loss_unit(std::vector<ReportRun> const& runs) {
  if (runs.empty()) return "mean";
  auto const unit = loss_unit(runs.front().task);
  bool const agree = std::all_of(runs.begin(), runs.end(),
                                 [&](ReportRun const& run) { return loss_unit(run.task) == unit; });
  return agree ? unit : "each in the unit of its task";
}

}  // namespace moenda::io::detail
