// SPDX-License-Identifier: Apache-2.0
#pragma once
// What a page shows, in a paragraph for each thing that its runs learn.
#include <algorithm>
#include <string>
#include <vector>

#include "moenda/report/section.hpp"

namespace moenda::io::detail {

[[nodiscard]] inline bool models_language(ReportRun const& run) {
  return run.task == "language_modeling";
}

inline constexpr ReportSection language_introduction{
    models_language, [](std::vector<ReportRun> const& runs) -> std::string {
      std::string const compared =
          std::count_if(runs.begin(), runs.end(), models_language) == 1
              ? "This page shows one language model in training: how well it predicts text "
                "it has never seen, what its training cost"
              : "This page compares language models trained by the same program: how well "
                "each predicts text it has never seen, what its training cost";
      return "<p>" + compared +
             ", how it learned over time, how evenly its experts share the work (where it has "
             "experts), and what it writes. <i>Loss</i> is the mean surprise per token in nats; "
             "<i>perplexity</i> says the same as a count of equally likely next tokens. Lower is "
             "better for both.</p>\n";
    }};

inline constexpr ReportSection labelled_introduction{
    [](ReportRun const& run) { return run.task == "classification" || run.task == "regression"; },
    [](std::vector<ReportRun> const&) -> std::string {
      return "<p>A model gives each sequence or table row a class or a number. This page shows how "
             "often or how closely it is right on examples it has never seen, what its training "
             "cost, how the loss fell, and how evenly its experts share the work (where it has "
             "experts).</p>\n";
    }};

inline constexpr ReportSection questions_introduction{
    [](ReportRun const& run) { return run.task == "table_questions"; },
    [](std::vector<ReportRun> const&) -> std::string {
      return "<p>A router sends each question about a table to one of six experts; the expert "
             "chooses columns and rows, and its operation computes on the cells themselves. This "
             "page shows how many questions are answered exactly, what training cost, how the "
             "loss fell, and for some questions which expert acted, on which rows and columns, and "
             "what it did.</p>\n";
    }};

}  // namespace moenda::io::detail
