// SPDX-License-Identifier: Apache-2.0
#pragma once
// Dots and whiskers, one row per arm of a sweep: on the left the measure, on the right the
// difference from the baseline.
#include <algorithm>
#include <cmath>
#include <cstddef>
#include <string>
#include <vector>

#include "moenda/report/chart/svg.hpp"
#include "moenda/statistics/summary.hpp"

namespace moenda::io::svg {

/// A mean, its interval (infinite where there is one value), and the values it is the mean of.
struct Estimate {
  double mean = 0;
  statistics::Interval interval{};
  std::vector<double> values{};
  bool known = false;  ///< false: nothing is drawn
  bool filled = true;  ///< a hollow dot shows no difference
};

struct IntervalRow {
  std::string label, tip;
  std::string kind;  ///< CSS class of the dot: what the verdict is
  bool baseline = false;
  Estimate measure{}, difference{};
};

struct IntervalChart {
  std::string measure_label, difference_label;
  double margin = 0;  ///< half of the band around a difference of 0
  std::vector<IntervalRow> rows;
};

namespace detail {

inline constexpr double interval_row_height = 27, interval_top = 30;
inline constexpr double measure_left = 285, measure_right = 610;
inline constexpr double difference_left = 655, difference_right = 980;

/// An axis over typical values and as much of the wishes as leaves the values readable.
[[nodiscard]] inline Axis wishing_axis(std::vector<double> const& values,
                                       std::vector<double> const& wishes) {
  auto [low, high] = typical_range(values);
  double const reach = 0.6 * (high - low);
  double const least = low - reach, most = high + reach;
  for (double const wish : wishes) {
    if (!drawable(wish)) continue;
    low = std::min(low, std::max(wish, least));
    high = std::max(high, std::min(wish, most));
  }
  return make_axis(low, high, 4, true);
}

/// One half of the chart.
struct IntervalPanel {
  Axis axis;
  double begin_x, end_x;

  [[nodiscard]] double at(double value) const { return axis.place(value, begin_x, end_x); }
  /// What lies beyond the axis is cut at its edge, and an arrow says so.
  [[nodiscard]] std::string whisker(Estimate const& estimate, double y) const {
    double const low = estimate.interval.low, high = estimate.interval.high;
    if (!std::isfinite(low) || !std::isfinite(high)) return "";
    std::string out = line(at(low), y, at(high), y, "whisker");
    auto const end = [&](double value, double edge, double inwards) {
      if (axis.low <= value && value <= axis.high) {
        out += line(at(value), y - 4, at(value), y + 4, "whisker");
        return;
      }
      out += "<path class=\"whisker\" d=\"M" + pixel(edge + inwards) + " " + pixel(y - 4) + "L" +
             pixel(edge) + " " + pixel(y) + "L" + pixel(edge + inwards) + " " + pixel(y + 4) +
             "\"/>\n";
    };
    end(low, low > axis.high ? end_x : begin_x, low > axis.high ? -6 : 6);
    end(high, high < axis.low ? begin_x : end_x, high < axis.low ? 6 : -6);
    return out;
  }
  [[nodiscard]] std::string mark(Estimate const& estimate, IntervalRow const& row, double y) const {
    if (!estimate.known) return "";
    std::string out;
    for (double const value : estimate.values) {
      if (axis.low <= value && value <= axis.high) {
        out += line(at(value), y + 6, at(value), y + 11, "seed");
      }
    }
    out += whisker(estimate, y);
    bool const beyond = estimate.mean < axis.low || estimate.mean > axis.high;
    if (beyond) {
      bool const above = estimate.mean > axis.high;
      return out + text(above ? end_x - 10 : begin_x + 10, y + 4.5, above ? "end" : "start",
                        "small", format_general(estimate.mean, 4) + (above ? " →" : ""));
    }
    std::string const kind = "dot " + row.kind + (estimate.filled ? "" : " hollow");
    if (row.baseline) return out + rectangle(at(estimate.mean) - 5, y - 5, 10, 10, kind);
    return out + "<circle cx=\"" + pixel(at(estimate.mean)) + "\" cy=\"" + pixel(y) +
           "\" r=\"5\" class=\"" + kind + "\"/>\n";
  }
  [[nodiscard]] std::string grid(double end_y) const {
    std::string out;
    for (double const tick : axis.ticks) {
      out += line(at(tick), interval_top, at(tick), end_y, "grid");
      out += text(at(tick), end_y + 19, "middle", "tick", axis.label(tick));
    }
    return out + line(begin_x, end_y, end_x, end_y, "axis");
  }
};

[[nodiscard]] inline IntervalPanel interval_panel(IntervalChart const& chart,
                                                  Estimate IntervalRow::*which,
                                                  std::vector<double> values, double begin_x,
                                                  double end_x) {
  std::vector<double> wishes;
  for (auto const& row : chart.rows) {
    Estimate const& estimate = row.*which;
    if (!estimate.known) continue;
    values.push_back(estimate.mean);
    values.insert(values.end(), estimate.values.begin(), estimate.values.end());
    wishes.push_back(estimate.interval.low);
    wishes.push_back(estimate.interval.high);
  }
  return {wishing_axis(values, wishes), begin_x, end_x};
}

/// The band of differences that do not matter, and the line of no difference.
[[nodiscard]] inline std::string margin_band(IntervalPanel const& panel, double margin,
                                             double end_y) {
  double const low = panel.at(-margin), high = panel.at(margin);
  return rectangle(low, interval_top, high - low, end_y - interval_top, "band");
}

[[nodiscard]] inline std::string draw_intervals(IntervalChart const& chart) {
  bool const any = std::any_of(chart.rows.begin(), chart.rows.end(),
                               [](auto const& row) { return row.measure.known; });
  if (!any) return "";
  auto const measure =
      interval_panel(chart, &IntervalRow::measure, {}, measure_left, measure_right);
  auto const difference =
      interval_panel(chart, &IntervalRow::difference, {0, -chart.margin, chart.margin},
                     difference_left, difference_right);
  double const end_y = interval_top + interval_row_height * double(chart.rows.size()) + 4;
  std::string out =
      open(1000, end_y + 30, "intervals", chart.measure_label + ", and " + chart.difference_label);
  out += text(measure_left, 16, "start", "title", chart.measure_label);
  out += text(difference_left, 16, "start", "title", chart.difference_label);
  out += margin_band(difference, chart.margin, end_y);
  out += measure.grid(end_y) + difference.grid(end_y);
  out += line(difference.at(0), interval_top, difference.at(0), end_y, "level");
  for (auto const& row : chart.rows) {
    if (!row.baseline || !row.measure.known) continue;
    double const x = measure.at(row.measure.mean);
    out += line(x, interval_top, x, end_y, "level");
  }
  double y = interval_top + interval_row_height / 2;
  for (auto const& row : chart.rows) {
    out += "<g data-tip=\"" + escape_html(row.tip) + "\">\n" +
           rectangle(0, y - interval_row_height / 2, 1000, interval_row_height, "touch");
    out += text(measure_left - 14, y + 4.5, "end", row.baseline ? "title" : "end",
                shorten_middle(row.label, 36));
    out += measure.mark(row.measure, row, y) + difference.mark(row.difference, row, y) + "</g>\n";
    y += interval_row_height;
  }
  return out + "</svg>\n";
}

}  // namespace detail

/// The chart as inline SVG, empty when no row has a measure.
[[nodiscard]] inline std::string draw(IntervalChart const& chart) {
  return detail::draw_intervals(chart);
}

}  // namespace moenda::io::svg
