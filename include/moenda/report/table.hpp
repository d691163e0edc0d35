// SPDX-License-Identifier: Apache-2.0
#pragma once
// The first section of the report: the measures of Table 2 of the study, one column per run, and
// what they say in words.
#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <optional>
#include <set>
#include <sstream>
#include <string>
#include <string_view>
#include <vector>

#include "moenda/record/run.hpp"
#include "moenda/report/chart/svg.hpp"
#include "moenda/report/loss_unit.hpp"
#include "moenda/report/section.hpp"

namespace moenda::io::detail {

/// One row of the table.
struct Measure {
  std::string_view name;
  std::string_view meaning;
  bool in_training;  // results.json: training.<key>, else results.<its task>.<key>
  std::string_view key;
  double scale;  // stored value times this is the shown value
  int decimals;
  bool lower_is_better;
};

inline constexpr std::array<Measure, 15> measures = {{
    {"Test loss", "", false, "test_loss", 1, 4, true},
    {"Test loss, sliding window", "long context for every token", false, "test_loss_stride", 1, 4,
     true},
    {"Perplexity", "e to the power of the test loss", false, "perplexity", 1, 2, true},
    {"Accuracy", "of test sequences", false, "accuracy", 1, 4, false},
    {"Macro F1", "mean over the classes", false, "macro_f1", 1, 4, false},
    {"PR-AUC", "average precision", false, "pr_auc", 1, 4, false},
    {"Calibration error", "confidence against accuracy", false, "calibration_error", 1, 4, true},
    {"RMSE", "in units of the target", false, "rmse", 1, 4, true},
    {"R squared", "share of the variance explained", false, "r_squared", 1, 4, false},
    {"Exact answers", "share of test questions", false, "test_accuracy", 1, 4, false},
    {"Exact answers, unseen schemas", "tables of other kinds", false, "unseen_accuracy", 1, 4,
     false},
    {"Exact answers, large tables", "many more rows", false, "large_accuracy", 1, 4, false},
    {"Training time (s)", "", true, "seconds", 1, 1, true},
    {"Peak memory (MB)", "1 MB = 1,000,000 bytes", true, "peak_bytes", 1e-6, 1, true},
    {"Throughput (tokens/s)", "during training", true, "tokens_per_second", 1, 0, false},
}};

/// Whether the numbers of two runs may be held against each other: those of one task, whose losses
/// have one unit.
[[nodiscard]] inline bool are_comparable(std::vector<ReportRun> const& runs) {
  return std::all_of(runs.begin(), runs.end(),
                     [&](ReportRun const& run) { return run.task == runs.front().task; });
}

[[nodiscard]] inline std::optional<double> measured(ReportRun const& run, Measure const& measure) {
  std::string const key(measure.key);
  auto value = measure.in_training ? run.trained(key) : run.result(key);
  if (value) *value *= measure.scale;
  return value && std::isfinite(*value) ? value : std::nullopt;
}

/// Change from the first to the second run in percent, when it is defined.
[[nodiscard]] inline std::optional<double> change_percent(std::optional<double> from,
                                                          std::optional<double> to) {
  if (!from || !to || *from == 0) return std::nullopt;
  double const change = (*to - *from) / std::abs(*from) * 100;
  return std::isfinite(change) ? std::optional<double>(change) : std::nullopt;
}

[[nodiscard]] inline std::string signed_percent(double change) {
  std::string const digits = format_fixed(std::abs(change), 2);
  if (digits == "0.00") return "0.00 %";
  return (change > 0 ? "+" : "−") + digits + " %";
}

[[nodiscard]] inline std::string change_cell(std::optional<double> change, bool lower_is_better) {
  if (!change) return "<td>–</td>";
  if (std::abs(*change) < 0.005) return "<td>0.00 %<small>no change</small></td>";
  bool const better = (*change < 0) == lower_is_better;
  std::string const word = better ? "better" : "worse";
  return "<td class=\"" + word + "\">" + signed_percent(*change) + "<small class=\"" + word +
         "\">" + word + "</small></td>";
}

[[nodiscard]] inline std::string table_head(std::vector<ReportRun> const& runs) {
  std::string html = "<thead><tr><th scope=\"col\">Measure</th>";
  for (std::size_t i = 0; i < runs.size(); ++i) {
    ReportRun const& run = runs[i];
    html +=
        "<th scope=\"col\"><span class=\"swatch\" style=\"color:" + std::string(svg::colour(i)) +
        "\"></span>" + escape_html(shorten(run.name, 200));
    if (!run.model.empty() && run.model != run.name) {
      html += "<small>" + escape_html(shorten(run.model, 120)) + "</small>";
    }
    if (run.meta.contains("parameters") && run.meta["parameters"].is_object()) {
      auto const counts = numbers_of(run.meta["parameters"]);
      auto const total = counts.find("total"), active = counts.find("active");
      if (total != counts.end()) {
        html += "<small>" + format_count(total->second) + " parameters";
        bool const partly = active != counts.end() && active->second < total->second;
        html += (partly ? "<br>" + format_count(active->second) + " active per token" : "") +
                "</small>";
      }
    }
    if (run.meta.contains("sees_later_tokens")) {
      html += "<small class=\"worse\">its router sees later tokens</small>";
    }
    html += run.finished ? "</th>" : "<small class=\"worse\">unfinished</small></th>";
  }
  if (runs.size() == 2) html += "<th scope=\"col\">Change<small>second vs. first</small></th>";
  return html + "</tr></thead>\n";
}

[[nodiscard]] inline std::string shown_value(double value, int decimals) {
  if (std::abs(value) >= 1e12) return format_general(value, 6);
  bool const whole = decimals == 0 && value >= 0;
  return whole ? with_thousands(static_cast<std::uint64_t>(std::llround(value)))
               : format_fixed(value, decimals);
}

/// What stands below the name of a measure.
[[nodiscard]] inline std::string meaning_of(Measure const& measure,
                                            std::vector<ReportRun> const& runs) {
  return std::string(measure.key == "test_loss" ? loss_unit(runs) : measure.meaning);
}

[[nodiscard]] inline std::string table_row(std::vector<ReportRun> const& runs,
                                           Measure const& measure) {
  std::vector<std::optional<double>> values;
  std::optional<double> best;
  std::size_t present = 0;
  bool differ = false;
  for (auto const& run : runs) {
    values.push_back(measured(run, measure));
    if (!values.back()) continue;
    ++present;
    if (best && *values.back() != *best) differ = true;
    if (!best || (*values.back() < *best) == measure.lower_is_better) best = values.back();
  }
  if (present == 0) return "";
  auto const meaning = meaning_of(measure, runs);
  std::string html = "<tr><th scope=\"row\">" + std::string(measure.name) + "<small>" +
                     (measure.lower_is_better ? "lower is better" : "higher is better") +
                     (meaning.empty() ? "" : "; " + meaning) + "</small></th>";
  bool const comparable = are_comparable(runs);
  for (auto const& value : values) {
    bool const wins = comparable && differ && value && *value == *best;
    std::string const digits = value ? shown_value(*value, measure.decimals) : "–";
    html += (wins ? "<td class=\"best\">" : "<td>") + digits + "</td>";
  }
  if (runs.size() == 2) {
    auto const change = comparable ? change_percent(values[0], values[1]) : std::nullopt;
    html += change_cell(change, measure.lower_is_better);
  }
  return html + "</tr>\n";
}

/// "Against gpt2, moe reaches a perplexity 5.55 % lower, trains in 6.67 % less time and uses ..."
[[nodiscard]] inline std::string summary_sentence(std::vector<ReportRun> const& runs) {
  if (runs.size() != 2 || !are_comparable(runs)) return "";
  auto const change = [&](std::string_view key) {
    auto const* const measure = std::find_if(measures.begin(), measures.end(),
                                             [&](Measure const& m) { return m.key == key; });
    return change_percent(measured(runs[0], *measure), measured(runs[1], *measure));
  };
  std::vector<std::string> parts;
  auto const phrase = [&](std::string_view before, std::optional<double> percent,
                          std::string_view less, std::string_view more) {
    if (!percent || std::abs(*percent) < 0.005) return;  // nothing to say
    parts.push_back(std::string(before) + " <b>" + format_fixed(std::abs(*percent), 2) + " %</b> " +
                    std::string(*percent < 0 ? less : more));
  };
  phrase("reaches a perplexity", change("perplexity"), "lower", "higher");
  phrase("reaches an accuracy", change("accuracy"), "lower", "higher");
  phrase("trains in", change("seconds"), "less time", "more time");
  phrase("uses", change("peak_bytes"), "less memory", "more memory");
  if (parts.empty()) return "";
  std::string sentence = "<p>Against " + escape_html(shorten(runs[0].name, 80)) + ", " +
                         escape_html(shorten(runs[1].name, 80)) + " ";
  for (std::size_t i = 0; i < parts.size(); ++i) {
    sentence += (i == 0 ? "" : i + 1 == parts.size() ? " and " : ", ") + parts[i];
  }
  return sentence + ".</p>\n";
}

/// What decides the tokens that a run reads: the tables named `tokenizer` of its configuration.
[[nodiscard]] inline std::string tokenizer_of(ReportRun const& run) {
  std::string found, line;
  bool inside = false;
  std::istringstream lines(run.configuration);
  lines.exceptions(std::ios::badbit);
  while (std::getline(lines, line)) {
    if (line.starts_with('[')) inside = line == "[tokenizer]" || line == "[data.tokenizer]";
    if (inside) found += line + "\n";
  }
  return found;
}

/// What a reader must know of the columns, in words: files that have changed since, and reasons why
/// two columns may not measure the same thing.
[[nodiscard]] inline std::vector<std::string> differences(std::vector<ReportRun> const& runs) {
  std::vector<std::string> sentences;
  for (auto const& run : runs) {
    if (auto sentence = changed_files_sentence(run.name, run.changed); !sentence.empty()) {
      sentences.push_back(std::move(sentence));
    }
  }
  std::set<std::string> tasks, data, tokenizers, evaluations;
  for (auto const& run : runs) {
    tasks.insert(run.task);
    tokenizers.insert(tokenizer_of(run));
    auto const corpus = run.meta.find("corpus");
    if (corpus != run.meta.end() && corpus->is_string()) data.insert(corpus->get<std::string>());
    if (run.finished) evaluations.insert(run.results.evaluation);
  }
  if (tasks.size() > 1) {
    sentences.emplace_back(
        "The runs learn different tasks, so their numbers do not compare: no value is called the "
        "best, and no change is given.");
    return sentences;
  }
  if (data.size() > 1) {
    sentences.emplace_back(
        "The runs learn from different data, so their losses do not compare models alone.");
  }
  if (tokenizers.size() > 1) {
    sentences.emplace_back(
        "The runs cut their text into different tokens, so a loss or a perplexity per token does "
        "not compare them.");
  }
  if (evaluations.size() > 1) {
    sentences.emplace_back(
        "The runs were measured in different ways ([evaluate]), so their results do not compare "
        "models alone; `moenda train` measures a run again.");
  }
  return sentences;
}

[[nodiscard]] inline std::string comparison_notes(std::vector<ReportRun> const& runs) {
  std::set<double> tokens;
  std::set<std::string> machines;
  std::string html;
  for (auto const& sentence : differences(runs)) {
    html += "<p class=\"note\">" + escape_html(sentence) + "</p>\n";
  }
  for (auto const& run : runs) {
    if (auto const seen = run.trained("tokens")) tokens.insert(*seen);
    std::string machine;
    for (char const* key : {"cpu", "threads"}) {
      if (run.meta.contains(key) && run.meta[key].is_primitive())
        machine += run.meta[key].dump() + " ";
    }
    machines.insert(machine);
    if (run.finished) continue;
    std::string const last = run.metrics.rows.empty()
                                 ? "before its first recorded step"
                                 : "at step " + with_thousands(run.metrics.rows.back().step);
    html += "<p class=\"note\">" + escape_html(shorten(run.name, 200)) +
            " is unfinished: it has no results.json yet and was last seen " + last + ".</p>\n";
  }
  if (tokens.size() > 1) {
    html +=
        "<p class=\"note\">The runs were trained on different numbers of tokens, so their losses "
        "do not compare models alone.</p>\n";
  }
  if (machines.size() > 1) {
    html +=
        "<p class=\"note\">The runs were made on different machines or with different numbers of "
        "threads, so their times and throughputs do not compare models alone.</p>\n";
  }
  return html;
}

[[nodiscard]] inline std::string results_html(std::vector<ReportRun> const& runs) {
  std::string html = "<h2>Results</h2>\n" + summary_sentence(runs) + comparison_notes(runs);
  html += "<div class=\"scroll\"><table>" + table_head(runs) + "<tbody>\n";
  for (Measure const& measure : measures) html += table_row(runs, measure);
  html += "</tbody></table></div>\n";
  if (runs.size() > 1) {
    html +=
        "<p class=\"soft\">The best value of a row is bold. Each column is one run with one seed: "
        "repeat with other seeds before trusting a small difference.</p>\n";
  }
  return html;
}
inline constexpr ReportSection results_section{every_run, results_html};

}  // namespace moenda::io::detail
