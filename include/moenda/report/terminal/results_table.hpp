// SPDX-License-Identifier: Apache-2.0
#pragma once
// The report's first table and the generated texts, for the console.
#include <algorithm>
#include <filesystem>
#include <string>
#include <vector>

#include "moenda/report/table.hpp"
#include "moenda/report/terminal/table.hpp"

namespace moenda::io {

/// One column per run, the change in percent for two of one task, why they may not compare, then
/// what each run wrote. Errors as render_report.
[[nodiscard]] inline std::string results_text(std::vector<std::filesystem::path> const& folders) {
  auto const runs = read_runs(folders);
  std::vector<std::string> header{"measure"};
  for (auto const& run : runs) header.push_back(run.name);
  bool const changes = runs.size() == 2 && detail::are_comparable(runs);
  if (changes) header.emplace_back("change %");
  Table table(header);
  for (auto const& measure : detail::measures) {
    std::vector<std::string> cells{std::string(measure.name)};
    std::vector<std::optional<double>> values;
    for (auto const& run : runs) {
      values.push_back(detail::measured(run, measure));
      cells.push_back(values.back() ? format_fixed(*values.back(), measure.decimals) : "-");
    }
    bool const known = std::any_of(values.begin(), values.end(),
                                   [](auto const& value) { return value.has_value(); });
    if (!known) continue;
    if (changes) {
      auto const change = detail::change_percent(values[0], values[1]);
      cells.push_back(change ? format_fixed(*change, 2) : "-");
    }
    table.add_row(cells);
  }
  std::string text = table.text();
  for (auto const& sentence : detail::differences(runs)) text += "\nnote: " + sentence + "\n";
  for (auto const& run : runs) {
    for (auto const& sample : run.results.samples) {
      text += "\n" + run.name + ": \"" + single_line(sample.text) + "\"\n";
    }
    for (auto const& question : run.results.questions) {
      text += "\n" + run.name + ": " + single_line(question.question) + "\n  " +
              single_line(question.evidence) +
              (question.right ? " (right)\n"
                              : " (wrong, right: " + single_line(question.expected) + ")\n");
    }
  }
  return text;
}

}  // namespace moenda::io
