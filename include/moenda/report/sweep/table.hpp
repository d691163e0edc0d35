// SPDX-License-Identifier: Apache-2.0
#pragma once
// The tables of a sweep's page: results with verdicts, costs and balance, every run.
#include <algorithm>
#include <array>
#include <cstddef>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "moenda/report/sweep/words.hpp"

namespace moenda::io::detail {

/// The number by which charts and tables call an arm: its place in the ranking.
[[nodiscard]] inline std::string numbered_name(SweepResults const& sweep, std::size_t arm,
                                               std::size_t place) {
  return "<span class=\"number\">" + std::to_string(place + 1) + "</span>" +
         escape_html(shorten_middle(sweep.arms[arm].title, 100));
}

[[nodiscard]] inline std::string small(std::string_view text) {
  return text.empty() ? "" : "<small>" + escape_html(text) + "</small>";
}

[[nodiscard]] inline std::string result_row(SweepResults const& sweep, std::size_t arm,
                                            std::size_t place) {
  auto const& all = sweep.arms[arm];
  auto const values = all.values(sweep.measure);
  std::string html = "<tr><th scope=\"row\">" + numbered_name(sweep, arm, place) + "</th><td>";
  if (values.empty()) {
    html += "–";
  } else {
    html += measure_text(statistics::mean(values));
  }
  if (values.size() > 1) {
    auto const interval = statistics::mean_interval(values, sweep.confidence);
    html += small("± " + measure_text((interval.high - interval.low) / 2));
  }
  html += "</td><td>" + std::to_string(values.size()) + " of " + std::to_string(all.runs.size()) +
          "</td>";
  if (arm != sweep.baseline && all.comparison && all.comparison->pairs > 0) {
    html += "<td>" + signed_text(all.comparison->difference) +
            small(interval_words(all.comparison->interval)) + "</td>";
  } else {
    html += "<td>–</td>";
  }
  auto const verdict = verdict_of(sweep, arm);
  auto const kind = std::string(class_of(standing_of(sweep, arm)));
  return html + "<td class=\"words " + kind + "\">" + verdict.word + small(verdict.sentence) +
         "</td></tr>\n";
}

[[nodiscard]] inline std::string results_table(SweepResults const& sweep,
                                               std::vector<std::size_t> const& order) {
  auto const percent = percent_text(sweep.confidence);
  std::string html =
      "<div class=\"scroll\"><table class=\"arms\"><thead><tr><th scope=\"col\">Arm</th>"
      "<th scope=\"col\">" +
      escape_html(spoken(sweep.measure)) +
      small(std::string("mean ± ") + percent + " interval; " +
            (lower_is_better(sweep.measure) ? "lower" : "higher") + " is better") +
      "</th><th scope=\"col\">Seeds<small>with a result</small></th>"
      "<th scope=\"col\">Difference" +
      small("from the baseline, paired by seed; " + percent + " interval") +
      "</th><th scope=\"col\" class=\"words\">Verdict</th></tr></thead><tbody>\n";
  for (std::size_t place = 0; place < order.size(); ++place) {
    html += result_row(sweep, order[place], place);
  }
  return html + "</tbody></table></div>\n";
}

/// A column of the second table; nothing where an arm has no such number.
struct ArmColumn {
  std::string_view name, meaning;
  std::function<std::optional<double>(SweepArm const&)> value;
  std::function<std::string(double)> text;
};

[[nodiscard]] inline std::vector<ArmColumn> cost_columns() {
  auto const size = [](double SweepArm::*of) {
    return [of](SweepArm const& arm) {
      return arm.*of > 0 ? std::optional<double>(arm.*of) : std::nullopt;
    };
  };
  auto const measure = [](std::string const& name) {
    return [name](SweepArm const& arm) { return arm.mean(name); };
  };
  auto const fixed = [](int decimals, double scale = 1) {
    return [=](double value) { return format_fixed(value * scale, decimals); };
  };
  return {
      {"Parameters", "", size(&SweepArm::parameters), format_count},
      {"Active", "parameters a token meets", size(&SweepArm::active_parameters), format_count},
      {"FLOPs", "per token, one forward pass", size(&SweepArm::flops_per_token), format_count},
      {"Time (s)", "of training", measure("seconds"), fixed(1)},
      {"Energy (J)", "of training", measure("training_joules"), format_count},
      {"Tokens/s", "in training", measure("tokens_per_second"), format_count},
      {"Memory (MB)", "at its peak", measure("peak_bytes"), fixed(0, 1e-6)},
      {"Max violation", "0 is perfect balance", measure("max_violation"), fixed(2)},
      {"Dropped (%)", "tokens over capacity", measure("dropped_share"), fixed(1, 100)},
      {"Future leak", "loss saved by seeing later tokens", measure("future_leak"), fixed(4)},
  };
}

/// What each arm costs, and how evenly its experts are used: means over the seeds.
[[nodiscard]] inline std::string costs_table(SweepResults const& sweep,
                                             std::vector<std::size_t> const& order) {
  std::vector<ArmColumn> columns;
  for (auto& column : cost_columns()) {
    bool const any = std::any_of(sweep.arms.begin(), sweep.arms.end(),
                                 [&](auto const& arm) { return column.value(arm).has_value(); });
    if (any) columns.push_back(column);
  }
  std::string html =
      "<div class=\"scroll\"><table class=\"arms costs\"><thead><tr><th scope=\"col\">Arm</th>";
  for (auto const& column : columns) {
    html += "<th scope=\"col\">" + std::string(column.name) + small(column.meaning) + "</th>";
  }
  html += "</tr></thead><tbody>\n";
  for (std::size_t place = 0; place < order.size(); ++place) {
    html += "<tr><th scope=\"row\">" + numbered_name(sweep, order[place], place) + "</th>";
    for (auto const& column : columns) {
      auto const value = column.value(sweep.arms[order[place]]);
      html += "<td>" + (value ? column.text(*value) : "–") + "</td>";
    }
    html += "</tr>\n";
  }
  return html + "</tbody></table></div>\n";
}

/// Every run on one line, so that a number can be traced to its folder.
[[nodiscard]] inline std::string runs_table(SweepResults const& sweep,
                                            std::vector<std::size_t> const& order) {
  constexpr std::size_t most = 2000;
  std::string html = "<table><thead><tr><th>Arm</th><th>Seed</th><th>Run</th><th>" +
                     escape_html(spoken(sweep.measure)) + "</th></tr></thead><tbody>\n";
  std::size_t shown = 0, total = 0;
  for (std::size_t const arm : order) {
    for (auto const& run : sweep.arms[arm].runs) {
      ++total;
      if (shown == most) continue;
      ++shown;
      auto const found = run.measures.find(sweep.measure);
      bool const known = found != run.measures.end();
      html += "<tr><th scope=\"row\">" + escape_html(shorten_middle(sweep.arms[arm].title, 100)) +
              "</th><td>" + std::to_string(run.seed) + "</td><td>" +
              escape_html(shorten(run.id, 40)) + "</td><td>" +
              (known ? format_general(found->second, 8) : "–") + "</td></tr>\n";
    }
  }
  html += "</tbody></table>\n";
  if (shown < total) {
    html += "<p class=\"note\">The first " + with_thousands(shown) + " of " +
            with_thousands(total) + " runs; sweep.csv has all.</p>\n";
  }
  return html;
}

}  // namespace moenda::io::detail
