// SPDX-License-Identifier: Apache-2.0
#pragma once
// A report of training runs as one HTML file: results side by side, learning curves, how the
// experts are used, generated text, configuration. It loads nothing from anywhere, and it is
// complete without scripts.
#include <array>
#include <filesystem>
#include <string>
#include <vector>

#include "moenda/core/error.hpp"
#include "moenda/files/atomic_file.hpp"
#include "moenda/record/run.hpp"
#include "moenda/report/curves.hpp"
#include "moenda/report/details.hpp"
#include "moenda/report/experts.hpp"
#include "moenda/report/introductions.hpp"
#include "moenda/report/layers.hpp"
#include "moenda/report/page.hpp"
#include "moenda/report/questions.hpp"
#include "moenda/report/section.hpp"
#include "moenda/report/table.hpp"
#include "moenda/report/tokens_per_expert.hpp"

namespace moenda::io {

namespace detail {

/// "gpt2", "gpt2 and moe", "gpt2, moe and 3 more"
[[nodiscard]] inline std::string names_of(std::vector<ReportRun> const& runs) {
  std::string names;
  std::size_t const shown = runs.size() <= 3 ? runs.size() : 2;
  for (std::size_t i = 0; i < shown; ++i) {
    bool const last = i + 1 == runs.size();
    names += (i == 0 ? "" : last ? " and " : ", ") + shorten(runs[i].name, 60);
  }
  if (shown < runs.size()) names += " and " + std::to_string(runs.size() - shown) + " more";
  return names;
}

/// A page of runs, from its first section to its last.
inline constexpr std::array report_sections{
    language_introduction, labelled_introduction,     questions_introduction, results_section,
    curves_section,        tokens_per_expert_section, layers_section,         experts_section,
    questions_section,     samples_section,           details_section};

}  // namespace detail

/// The report of run folders (`runs/<name>/<run_id>`) as one HTML page of UTF-8 text. ConfigError
/// when there is no run; DataError naming the file that is missing or damaged. results.json may be
/// absent (the run is shown as unfinished) and routing.csv too (a dense model).
[[nodiscard]] inline std::string render_report(std::vector<std::filesystem::path> const& folders) {
  if (folders.empty())
    throw ConfigError("render_report: there must be at least one run folder, got 0");
  std::vector<ReportRun> const runs = read_runs(folders);
  return detail::html_page(detail::names_of(runs), detail::html_of(detail::report_sections, runs));
}

/// Writes the report to `file`. Errors of render_report, and DataError when `file` is not writable.
inline void write_report(std::vector<std::filesystem::path> const& folders,
                         std::filesystem::path const& file) {
  write_file_atomically(file, render_report(folders));
}

}  // namespace moenda::io
