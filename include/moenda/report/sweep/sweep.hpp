// SPDX-License-Identifier: Apache-2.0
#pragma once
// The page of a sweep as one HTML file: how its arms compare, with intervals and verdicts in words,
// what each result costs, and which runs are missing. It loads nothing from anywhere.
#include <algorithm>
#include <cstddef>
#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "moenda/files/atomic_file.hpp"
#include "moenda/report/chart/intervals.hpp"
#include "moenda/report/chart/pareto.hpp"
#include "moenda/report/details.hpp"
#include "moenda/report/page.hpp"
#include "moenda/report/sweep/curve.hpp"
#include "moenda/report/sweep/table.hpp"

namespace moenda::io {

namespace detail {

/// What is written under the pointer, and read aloud, of one arm.
[[nodiscard]] inline std::string arm_tip(SweepResults const& sweep, std::size_t arm,
                                         std::size_t place) {
  auto const& all = sweep.arms[arm];
  std::string tip = std::to_string(place + 1) + "  " + shorten_middle(all.title, 80);
  if (auto const mean = all.mean(sweep.measure)) {
    tip += "\n" + spoken(sweep.measure) + " " + measure_text(*mean);
  }
  if (arm != sweep.baseline && all.comparison && all.comparison->pairs > 0) {
    tip += "\ndifference " + signed_text(all.comparison->difference);
    auto const interval = interval_words(all.comparison->interval);
    if (!interval.empty()) tip += " (" + interval + ")";
  }
  return tip + "\n" + verdict_of(sweep, arm).word;
}

[[nodiscard]] inline svg::IntervalRow interval_row(SweepResults const& sweep, std::size_t arm,
                                                   std::size_t place) {
  auto const& all = sweep.arms[arm];
  svg::IntervalRow row;
  row.label = std::to_string(place + 1) + "  " + all.title;
  row.tip = arm_tip(sweep, arm, place);
  row.baseline = arm == sweep.baseline;
  auto const standing = standing_of(sweep, arm);
  row.kind = class_of(standing);
  auto const drawn = [](double value) { return svg::drawable(value); };
  auto values = all.values(sweep.measure);
  if (!values.empty() && std::all_of(values.begin(), values.end(), drawn)) {
    row.measure = {statistics::mean(values), statistics::mean_interval(values, sweep.confidence),
                   values, true};
  }
  if (!row.baseline && all.comparison && all.comparison->pairs > 0 &&
      drawn(all.comparison->difference)) {
    bool const shown = standing == Standing::better || standing == Standing::worse;
    row.difference = {all.comparison->difference, all.comparison->interval, {}, true, shown};
  }
  return row;
}

inline constexpr std::size_t most_drawn_arms = 120;

[[nodiscard]] inline std::string intervals_figure(SweepResults const& sweep,
                                                  std::vector<std::size_t> const& order) {
  svg::IntervalChart chart{spoken(sweep.measure) +
                               (lower_is_better(sweep.measure) ? " (lower" : " (higher") +
                               " is better)",
                           "difference from the baseline",
                           sweep.margin,
                           {}};
  for (std::size_t place = 0; place < order.size() && place < most_drawn_arms; ++place) {
    chart.rows.push_back(interval_row(sweep, order[place], place));
  }
  auto const drawn = svg::draw(chart);
  if (drawn.empty()) return "";
  std::string html =
      "<h2>How sure are we?</h2>\n<p>A dot is the mean over the seeds, its whiskers the " +
      percent_text(sweep.confidence) +
      " interval, the small strokes below it single runs; the square is the baseline. On the right "
      "the difference from the baseline, seed by seed: <b>filled</b> where the interval leaves out "
      "0, <b>hollow</b> where no difference is shown. The grey band holds the differences that "
      "were "
      "said not to matter (± " +
      format_general(sweep.margin, 3) + "). An arrow: it goes on beyond the chart.</p>\n";
  html += "<figure>" + drawn + "</figure>\n";
  if (order.size() > most_drawn_arms) {
    html += "<p class=\"note\">Only the best " + std::to_string(most_drawn_arms) + " of " +
            std::to_string(order.size()) + " arms are drawn.</p>\n";
  }
  return html;
}

/// A quantity that results are held against.
struct Cost {
  std::string_view title, what, unit;
  std::function<std::optional<double>(SweepArm const&)> of;
};

[[nodiscard]] inline std::vector<Cost> costs_of_arms() {
  auto const measure = [](std::string const& name) {
    return [name](SweepArm const& arm) { return arm.mean(name); };
  };
  return {{"Against arithmetic", "floating-point operations of one token", "FLOPs",
           [](SweepArm const& arm) {
             return arm.flops_per_token > 0 ? std::optional<double>(arm.flops_per_token)
                                            : std::nullopt;
           }},
          {"Against time", "time of training", "s", measure("seconds")},
          {"Against energy", "energy of training", "J", measure("training_joules")}};
}

/// The largest of 1, 10^3, 10^6, ... that leaves the largest cost at 1 or more, and its letter.
struct Thousands {
  double size = 1;
  std::string_view letter;
};
[[nodiscard]] inline Thousands thousands_of(double largest) {
  if (largest >= 1e9) return {1e9, "G"};
  if (largest >= 1e6) return {1e6, "M"};
  if (largest >= 1e4) return {1e3, "k"};
  return {};
}

/// One chart, or a sentence where all arms cost the same.
[[nodiscard]] inline std::string pareto_figure(SweepResults const& sweep,
                                               std::vector<std::size_t> const& order,
                                               Cost const& cost) {
  svg::ParetoChart chart;
  double least = svg::largest_value, most = 0;
  for (std::size_t place = 0; place < order.size() && place < most_drawn_arms; ++place) {
    auto const& arm = sweep.arms[order[place]];
    auto const result = arm.mean(sweep.measure), spent = cost.of(arm);
    if (!result || !spent || !svg::drawable(*result) || !svg::drawable(*spent)) continue;
    auto const unit = thousands_of(*spent);
    chart.points.push_back({std::to_string(place + 1),
                            arm_tip(sweep, order[place], place) + "\n" +
                                format_general(*spent / unit.size, 4) + " " +
                                std::string(unit.letter) + std::string(cost.unit),
                            *spent, *result, order[place] == sweep.baseline});
    least = std::min(least, *spent);
    most = std::max(most, *spent);
  }
  if (chart.points.size() < 2) return "";
  if (most - least < 0.02 * most) {
    auto const unit = thousands_of(most);
    return "<p class=\"soft\">" + std::string(cost.title) +
           " there is nothing to draw: all arms cost the same to within 2 % (" +
           format_general(most / unit.size, 3) + " " + std::string(unit.letter) +
           std::string(cost.unit) + ", " + std::string(cost.what) + ").</p>\n";
  }
  auto const unit = thousands_of(most);
  for (auto& point : chart.points) point.cost /= unit.size;
  chart.title = cost.title;
  chart.cost_label =
      std::string(cost.what) + " (" + std::string(unit.letter) + std::string(cost.unit) + ")";
  chart.result_label = spoken(sweep.measure);
  chart.lower_is_better = lower_is_better(sweep.measure);
  return "<figure>" + svg::draw(chart) + "</figure>\n";
}

/// The numbers in the charts, in words.
[[nodiscard]] inline std::string number_legend(SweepResults const& sweep,
                                               std::vector<std::size_t> const& order) {
  std::string html = "<div class=\"legend numbers\">";
  for (std::size_t place = 0; place < order.size() && place < most_drawn_arms; ++place) {
    html += "<span>" + numbered_name(sweep, order[place], place) +
            (order[place] == sweep.baseline ? " (baseline, square)" : "") + "</span>";
  }
  return html + "</div>\n";
}

[[nodiscard]] inline std::string pareto_section(SweepResults const& sweep,
                                                std::vector<std::size_t> const& order) {
  std::string charts, sentences;
  for (auto const& cost : costs_of_arms()) {
    auto const drawn = pareto_figure(sweep, order, cost);
    (drawn.starts_with("<figure") ? charts : sentences) += drawn;
  }
  std::string const head = "<h2>What does it cost?</h2>\n";
  if (!sweep.energy_source.empty()) {
    sentences += "<p class=\"soft\">How energy was counted: " +
                 escape_html(shorten(sweep.energy_source, 300)) + ".</p>\n";
  }
  if (charts.empty()) return sentences.empty() ? "" : head + sentences;
  return head +
         "<p>Each point is an arm, by its number. The line is the front (Pareto): the arms that no "
         "other beats in both result and cost. <b>Filled</b> points are on it; of a <b>pale</b> "
         "one, some other arm is at least as good and no dearer. These are means: arms whose "
         "intervals overlap above could change places.</p>\n" +
         number_legend(sweep, order) + sentences + "<div class=\"panels\">\n" + charts + "</div>\n";
}

[[nodiscard]] inline std::string sweep_introduction(SweepResults const& sweep) {
  std::size_t seeds = 0;
  for (auto const& arm : sweep.arms) seeds = std::max(seeds, arm.runs.size());
  auto const plural = [](std::size_t count, std::string const& word) {
    return std::to_string(count) + " " + word + (count == 1 ? "" : "s");
  };
  return "<p>" + plural(sweep.arms.size(), "arm") + ", " + plural(seeds, "seed") +
         " each, compared by <i>" + escape_html(spoken(sweep.measure)) + "</i> (" +
         (lower_is_better(sweep.measure) ? "lower" : "higher") +
         " is better). An <i>arm</i> is one set-up; its runs differ in nothing but the seed, the "
         "start of their random numbers. Arms share their seeds, so that a difference is taken "
         "between two runs that met the same chance.</p>\n";
}

}  // namespace detail

/// The page of a sweep as UTF-8 HTML.
[[nodiscard]] inline std::string render_sweep_report(SweepResults const& sweep) {
  auto const order = detail::ranking_of(sweep);
  std::string content =
      detail::sweep_introduction(sweep) + detail::missing_runs(sweep) + "<h2>Results</h2>\n" +
      detail::summary_of(sweep, order) + detail::results_table(sweep, order) +
      detail::curve_figure(sweep) + detail::intervals_figure(sweep, order) +
      detail::pareto_section(sweep, order) +
      "<h2>Costs and balance</h2>\n<p class=\"soft\">Means over the seeds.</p>\n" +
      detail::costs_table(sweep, order);
  content += "<h2>Every run</h2>\n" +
             detail::folded("Seeds, run folders, results", detail::runs_table(sweep, order));
  return detail::html_page(sweep.name, content);
}

/// Writes the page of the sweep to `file`. DataError when it is not writable.
inline void write_sweep_report(SweepResults const& sweep, std::filesystem::path const& file) {
  write_file_atomically(file, render_sweep_report(sweep));
}

}  // namespace moenda::io
