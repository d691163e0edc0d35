// SPDX-License-Identifier: Apache-2.0
#pragma once
// Learning curves of all runs: loss against tokens, and against seconds.
#include <algorithm>
#include <cstddef>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "moenda/record/run.hpp"
#include "moenda/report/chart/line_chart.hpp"
#include "moenda/report/loss_unit.hpp"
#include "moenda/report/section.hpp"

namespace moenda::io::detail {

/// A unit in which the largest value of an axis has few digits.
struct Unit {
  double size;
  std::string_view name;
};

[[nodiscard]] inline Unit token_unit(double largest) {
  if (largest >= 2e9) return {1e9, "billions"};
  if (largest >= 2e6) return {1e6, "millions"};
  if (largest >= 2e3) return {1e3, "thousands"};
  return {1, "tokens"};
}

[[nodiscard]] inline Unit time_unit(double largest) {
  if (largest >= 3 * 3600) return {3600, "hours"};
  if (largest >= 3 * 60) return {60, "minutes"};
  return {1, "seconds"};
}

/// The loss of one run as a curve, and how many of its values cannot be drawn.
struct LossCurve {
  std::vector<svg::Point> points;
  std::size_t skipped = 0;
  std::uint64_t first_skipped_step = 0;
};

[[nodiscard]] inline LossCurve loss_curve(ReportRun const& run,
                                          std::optional<double> MetricsRow::*loss,
                                          std::function<double(MetricsRow const&)> const& across) {
  LossCurve curve;
  for (MetricsRow const& row : run.metrics.rows) {
    if (!(row.*loss)) continue;
    svg::Point const point{across(row), *(row.*loss)};
    if (!svg::drawable(point.y) || !svg::drawable(point.x)) {
      if (curve.skipped++ == 0) curve.first_skipped_step = row.step;
    }
    curve.points.push_back(point);
  }
  return curve;
}

[[nodiscard]] inline std::string skipped_note(ReportRun const& run, std::string_view kind,
                                              LossCurve const& curve) {
  if (curve.skipped == 0) return "";
  return "<p class=\"note\">" + escape_html(shorten(run.name, 200)) + ": " +
         with_thousands(curve.skipped) + " " + std::string(kind) +
         (curve.skipped == 1 ? " value is" : " values are") +
         " not a finite number and left out (first at step " +
         with_thousands(curve.first_skipped_step) + "); the line is broken there.</p>\n";
}

/// Both curves of every run over one quantity; fewer points per curve when there are many runs.
[[nodiscard]] inline svg::LineChart loss_chart(
    std::vector<ReportRun> const& runs, std::string label,
    std::function<double(MetricsRow const&)> const& across) {
  svg::LineChart chart{std::move(label), "loss (" + std::string(loss_unit(runs)) + ")", {}};
  std::size_t const buckets = std::clamp<std::size_t>(6000 / runs.size(), 30, 400);
  for (std::size_t i = 0; i < runs.size(); ++i) {
    std::string const name = shorten(runs[i].name, 40);
    auto const train = loss_curve(runs[i], &MetricsRow::train_loss, across);
    auto const valid = loss_curve(runs[i], &MetricsRow::valid_loss, across);
    chart.series.push_back({name + ", training", i, false, svg::thin_out(train.points, buckets)});
    chart.series.push_back(
        {name, i, true, svg::thin_out(valid.points, std::min<std::size_t>(buckets, 60))});
  }
  return chart;
}

[[nodiscard]] inline std::string curve_legend(std::vector<ReportRun> const& runs) {
  std::string html = "<div class=\"legend\">";
  auto const item = [&](std::string_view shapes, std::string_view name) {
    html +=
        "<span><svg viewBox=\"0 0 34 12\" style=\"display:inline-block\" aria-hidden=\"true\">" +
        std::string(shapes) + "</svg>" + escape_html(name) + "</span>";
  };
  for (std::size_t i = 0; i < runs.size(); ++i) {
    item("<path class=\"valid\" stroke=\"" + std::string(svg::colour(i)) +
             "\" stroke-dasharray=\"" + std::string(svg::dashes(i)) + "\" d=\"M1 6h32\"/>",
         shorten(runs[i].name, 80));
  }
  item(
      "<path class=\"valid\" stroke=\"#55616f\" d=\"M1 6h32\"/>"
      "<path class=\"dots\" stroke=\"#55616f\" d=\"M17 6h0\"/>",
      "thick: validation");
  item("<path class=\"train\" stroke=\"#55616f\" d=\"M1 8l5 -4l5 5l6 -5l6 4l5 -4l5 3\"/>",
       "thin: training");
  return html + "</div>\n";
}

[[nodiscard]] inline std::string curve_figure(svg::DrawnChart const& chart,
                                              std::string_view caption) {
  if (chart.svg.empty()) return "";
  return "<figure><figcaption>" + std::string(caption) + "</figcaption>\n" + chart.svg +
         "</figure>\n";
}

[[nodiscard]] inline std::string above_top_note(std::size_t values) {
  if (values == 0) return "";
  return "<p class=\"note\">" + with_thousands(values) +
         (values == 1 ? " value lies above the charts and is drawn at their"
                      : " values lie above the charts and are drawn at their") +
         " upper edge, so that the rest stays readable.</p>\n";
}

/// What is missing from the curves, run by run.
[[nodiscard]] inline std::string curve_notes(std::vector<ReportRun> const& runs) {
  auto const seconds = [](MetricsRow const& row) { return row.seconds; };
  std::string notes;
  for (auto const& run : runs) {
    notes += skipped_note(run, "training loss", loss_curve(run, &MetricsRow::train_loss, seconds));
    notes +=
        skipped_note(run, "validation loss", loss_curve(run, &MetricsRow::valid_loss, seconds));
    if (!run.metrics.partial_last_line) continue;
    notes += "<p class=\"note\">" + escape_html(shorten(run.name, 200)) +
             ": the last line of metrics.csv is incomplete and left out.</p>\n";
  }
  return notes;
}

[[nodiscard]] inline std::string curves_html(std::vector<ReportRun> const& runs) {
  double most_tokens = 0, most_seconds = 0;
  for (auto const& run : runs) {
    for (auto const& row : run.metrics.rows) {
      most_tokens = std::max(most_tokens, static_cast<double>(row.tokens));
      if (svg::drawable(row.seconds)) most_seconds = std::max(most_seconds, row.seconds);
    }
  }
  Unit const tokens = token_unit(most_tokens), time = time_unit(most_seconds);
  auto const over_tokens = svg::draw(loss_chart(
      runs, "training tokens seen" + (tokens.size > 1 ? " (" + std::string(tokens.name) + ")" : ""),
      [&](MetricsRow const& row) { return static_cast<double>(row.tokens) / tokens.size; }));
  auto const over_time =
      svg::draw(loss_chart(runs, "training time (" + std::string(time.name) + ")",
                           [&](MetricsRow const& row) { return row.seconds / time.size; }));
  std::string html = "<h2>Learning curves</h2>\n";
  if (over_tokens.svg.empty()) {
    html += "<p>No loss has been recorded yet.</p>\n";
  } else {
    html += curve_legend(runs);
  }
  return html + curve_notes(runs) + above_top_note(over_tokens.above_top) +
         curve_figure(over_tokens,
                      "<b>Loss against tokens</b>: what each model learns from the same amount of "
                      "text. Lower is better.") +
         curve_figure(over_time,
                      "<b>Loss against time</b>: what each model learns in the same time on the "
                      "machine it ran on. Lower is better.");
}
inline constexpr ReportSection curves_section{every_run, curves_html};

}  // namespace moenda::io::detail
