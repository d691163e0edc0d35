// SPDX-License-Identifier: Apache-2.0
#pragma once
// A report of training runs as one HTML file: results side by side, learning curves, how the
// experts are used, generated text, configuration. It loads nothing from anywhere, and it is
// complete without scripts.
#include <algorithm>
#include <filesystem>
#include <string>
#include <vector>

#include "moenda/core/error.hpp"
#include "moenda/io/atomic_file.hpp"
#include "moenda/io/report_curves.hpp"
#include "moenda/io/report_details.hpp"
#include "moenda/io/report_experts.hpp"
#include "moenda/io/report_layers.hpp"
#include "moenda/io/report_page.hpp"
#include "moenda/io/report_questions.hpp"
#include "moenda/io/report_run.hpp"
#include "moenda/io/report_table.hpp"
#include "moenda/io/report_tokens_per_expert.hpp"

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

[[nodiscard]] inline std::string introduction(std::vector<ReportRun> const& runs) {
  bool const answers =
      std::all_of(runs.begin(), runs.end(), [](auto const& run) { return !run.questions.empty(); });
  if (answers) {
    return "<p>A router sends each question about a table to one of six experts; the expert "
           "chooses "
           "columns and rows, and its operation computes on the cells themselves. This page shows "
           "how many questions are answered exactly, what training cost, how the loss fell, and "
           "for some questions which expert acted, on which rows and columns, and what it did."
           "</p>\n";
  }
  bool const predicts = std::any_of(runs.begin(), runs.end(), [](auto const& run) {
    return run.results.contains("classification") || run.results.contains("regression");
  });
  if (predicts) {
    return "<p>A model gives each sequence or table row a class or a number. This page shows how "
           "often or how closely it is right on examples it has never seen, what its training "
           "cost, how the loss fell, and how evenly its experts share the work (where it has "
           "experts).</p>\n";
  }
  std::string const compared =
      runs.size() == 1
          ? "This page shows one language model in training: how well it predicts text "
            "it has never seen, what its training cost"
          : "This page compares language models trained by the same program: how well "
            "each predicts text it has never seen, what its training cost";
  return "<p>" + compared +
         ", how it learned over time, how evenly its experts share the work (where it has "
         "experts), and what it writes. <i>Loss</i> is the mean surprise per token in nats; "
         "<i>perplexity</i> says the same as a count of equally likely next tokens. Lower is "
         "better for both.</p>\n";
}

}  // namespace detail

/// The report of run folders (`runs/<name>/<run_id>`) as one HTML page of UTF-8 text. ConfigError
/// when there is no run; DataError naming the file that is missing or damaged. results.json may be
/// absent (the run is shown as unfinished) and routing.csv too (a dense model).
[[nodiscard]] inline std::string render_report(std::vector<std::filesystem::path> const& folders) {
  if (folders.empty())
    throw ConfigError("render_report: there must be at least one run folder, got 0");
  std::vector<ReportRun> const runs = read_runs(folders);
  return detail::html_page(
      detail::names_of(runs),
      detail::introduction(runs) + detail::results_section(runs) + detail::curves_section(runs) +
          detail::tokens_per_expert_section(runs) + detail::layers_section(runs) +
          detail::experts_section(runs) + detail::questions_section(runs) +
          detail::samples_section(runs) + detail::details_section(runs));
}

/// Writes the report to `file`. Errors of render_report, and DataError when `file` is not writable.
inline void write_report(std::vector<std::filesystem::path> const& folders,
                         std::filesystem::path const& file) {
  write_file_atomically(file, render_report(folders));
}

}  // namespace moenda::io
