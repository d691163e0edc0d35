// SPDX-License-Identifier: Apache-2.0
#pragma once
// Curves of several runs in one chart: training thin, validation thick with markers.
#include <algorithm>
#include <cmath>
#include <cstddef>
#include <iterator>
#include <limits>
#include <string>
#include <vector>

#include "moenda/report/chart/svg.hpp"

namespace moenda::io::svg {

struct Point {
  double x = 0;
  double y = 0;
};

/// One curve. A point that is not drawable breaks the line there.
struct Series {
  std::string name;
  std::size_t colour_index = 0;
  bool emphasis = false;  // thick, with markers and its last value written at its end
  std::vector<Point> points;
};

struct LineChart {
  std::string x_label;
  std::string y_label;
  std::vector<Series> series;
};

/// At most about 2 * `buckets` of the points: of every stretch of the x axis the lowest and the
/// highest, in their order. Nothing is averaged, so a spike of one step stays visible; a break in
/// the line stays a break.
[[nodiscard]] inline std::vector<Point> thin_out(std::vector<Point> const& points,
                                                 std::size_t buckets) {
  if (points.size() <= 2 * buckets || buckets == 0) return points;
  std::vector<Point> kept;
  for (std::size_t b = 0; b < buckets; ++b) {
    std::size_t const begin = points.size() * b / buckets;
    std::size_t const end = points.size() * (b + 1) / buckets;
    std::size_t low = begin, high = begin;
    bool broken = false;
    for (std::size_t i = begin; i < end; ++i) {
      if (!drawable(points[i].y)) {
        broken = true;
        continue;
      }
      if (!drawable(points[low].y) || points[i].y < points[low].y) low = i;
      if (!drawable(points[high].y) || points[i].y > points[high].y) high = i;
    }
    kept.push_back(points[std::min(low, high)]);
    if (low != high) kept.push_back(points[std::max(low, high)]);
    if (broken && drawable(kept.back().y)) {
      kept.push_back({points[end - 1].x, std::numeric_limits<double>::quiet_NaN()});
    }
  }
  // The last point is where the run is now: it is always shown.
  if (drawable(points.back().y)) kept.push_back(points.back());
  return kept;
}

/// The height at which a loss chart ends: the largest value, unless a few values tower over the
/// rest (a divergence), which would press every other curve flat.
[[nodiscard]] inline double robust_top(std::vector<double> values) {
  auto const place = static_cast<std::ptrdiff_t>(static_cast<double>(values.size() - 1) * 0.98);
  std::nth_element(values.begin(), values.begin() + place, values.end());
  double const usual = values[static_cast<std::size_t>(place)];
  double const largest = *std::max_element(values.begin(), values.end());
  return usual > 0 && largest > 3 * usual ? 1.5 * usual : largest;
}

namespace detail {

inline constexpr double chart_width = 1000, chart_height = 344;
inline constexpr double left = 62, right_with_labels = 815, right_alone = 980;
inline constexpr double top = 14, bottom = 290;
inline constexpr std::size_t most_end_labels = 6;

struct Frame {
  Axis x;
  Axis y;
  double right = right_alone;

  [[nodiscard]] double at_x(double value) const { return x.place(value, left, right); }
  [[nodiscard]] double at_y(double value) const { return y.place(value, bottom, top); }
};

[[nodiscard]] inline std::string grid(Frame const& frame, LineChart const& chart) {
  std::string out;
  for (double const tick : frame.y.ticks) {
    out += line(left, frame.at_y(tick), frame.right, frame.at_y(tick), "grid");
    out += text(left - 9, frame.at_y(tick) + 4.5, "end", "tick", frame.y.label(tick));
  }
  for (double const tick : frame.x.ticks) {
    out += line(frame.at_x(tick), bottom, frame.at_x(tick), bottom + 5, "axis");
    out += text(frame.at_x(tick), bottom + 21, "middle", "tick", frame.x.label(tick));
  }
  out += line(left, bottom, frame.right, bottom, "axis");
  out += text((left + frame.right) / 2, bottom + 45, "middle", "label", chart.x_label);
  double const middle = (top + bottom) / 2;
  return out + "<g transform=\"rotate(-90 15 " + pixel(middle) + ")\">" +
         text(15, middle, "middle", "label", chart.y_label) + "</g>\n";
}

[[nodiscard]] inline std::string curve(Frame const& frame, Series const& series) {
  std::string path;
  std::string markers;
  bool pen_down = false;
  for (Point const& point : series.points) {
    if (!drawable(point.x) || !drawable(point.y)) {
      pen_down = false;
      continue;
    }
    std::string const at = pixel(frame.at_x(point.x)) + " " + pixel(frame.at_y(point.y));
    path += (pen_down ? " " : "M") + at;
    // A stroke of no length with round ends is a dot: all markers are one path.
    markers += "M" + at + "h0";
    pen_down = true;
  }
  std::string const stroke = " stroke=\"" + std::string(colour(series.colour_index)) + "\"";
  std::string const dash(dashes(series.colour_index));
  std::string out = "<path class=\"" + std::string(series.emphasis ? "valid" : "train") +
                    "\" data-name=\"" + escape_html(series.name) + "\"" + stroke +
                    (dash.empty() ? "" : " stroke-dasharray=\"" + dash + "\"") + " d=\"" + path +
                    "\"/>\n";
  if (series.emphasis) out += "<path class=\"dots\"" + stroke + " d=\"" + markers + "\"/>\n";
  return out;
}

// The last validation value of every run, written where its curve ends.
[[nodiscard]] inline std::string end_labels(Frame const& frame, LineChart const& chart) {
  std::vector<Series const*> labelled;
  std::vector<Point> ends;
  std::vector<double> wanted;
  for (Series const& series : chart.series) {
    auto const end = std::find_if(series.points.rbegin(), series.points.rend(), [](Point point) {
      return drawable(point.x) && drawable(point.y);
    });
    if (!series.emphasis || end == series.points.rend()) continue;
    labelled.push_back(&series);
    ends.push_back(*end);
    wanted.push_back(frame.at_y(end->y));
  }
  std::vector<double> const places = spread(wanted, 18, top + 6, bottom - 4);
  std::string out;
  for (std::size_t i = 0; i < labelled.size(); ++i) {
    out += "<path class=\"leader\" stroke=\"" + std::string(colour(labelled[i]->colour_index)) +
           "\" d=\"M" + pixel(frame.at_x(ends[i].x) + 6) + " " + pixel(wanted[i]) + "L" +
           pixel(frame.right + 14) + " " + pixel(places[i]) + "h8\"/>\n";
    out += text(frame.right + 27, places[i] + 4.5, "start", "end",
                format_fixed(ends[i].y, 3) + "  " + shorten_middle(labelled[i]->name, 13));
  }
  return out;
}

// Axes that hold every drawable point; x starts at 0, where training starts.
[[nodiscard]] inline Frame make_frame(LineChart const& chart, std::vector<Point> const& points) {
  std::vector<double> ys;
  double first = 0, last = points.front().x, low = points.front().y;
  for (Point const& point : points) {
    ys.push_back(point.y);
    first = std::min(first, point.x);
    last = std::max(last, point.x);
    low = std::min(low, point.y);
  }
  double const high = robust_top(ys);
  auto const emphasised =
      static_cast<std::size_t>(std::count_if(chart.series.begin(), chart.series.end(), [](auto& s) {
        return s.emphasis && !s.points.empty();
      }));
  bool const labels = emphasised > 0 && emphasised <= most_end_labels;
  return {make_axis(first, std::max(first, last), 8, false),
          make_axis(std::min(low, high), high, 6, true), labels ? right_with_labels : right_alone};
}

// The numbers that turn pixels back into values, for the tooltip.
[[nodiscard]] inline std::string scales(Frame const& frame) {
  auto const exact = [](double value) { return format_general(value, 12); };
  return " data-x=\"" + pixel(left) + " " + pixel(frame.right) + " " + exact(frame.x.low) + " " +
         exact(frame.x.high) + "\" data-y=\"" + pixel(bottom) + " " + pixel(top) + " " +
         exact(frame.y.low) + " " + exact(frame.y.high) + "\"";
}

}  // namespace detail

/// A drawn chart; `above_top` values were too large for it and lie on its upper edge.
struct DrawnChart {
  std::string svg;
  std::size_t above_top = 0;
};

/// The chart as inline SVG, empty when no series has a drawable point.
[[nodiscard]] inline DrawnChart draw(LineChart const& chart) {
  std::vector<Point> points;
  for (Series const& series : chart.series) {
    std::copy_if(series.points.begin(), series.points.end(), std::back_inserter(points),
                 [](Point point) { return drawable(point.x) && drawable(point.y); });
  }
  if (points.empty()) return {};
  detail::Frame const frame = detail::make_frame(chart, points);
  DrawnChart drawn;
  drawn.above_top = static_cast<std::size_t>(std::count_if(
      points.begin(), points.end(), [&](Point point) { return point.y > frame.y.high; }));
  drawn.svg = open(detail::chart_width, detail::chart_height, "curves",
                   chart.y_label + " against " + chart.x_label,
                   " data-label=\"" + escape_html(chart.x_label) + "\"" + detail::scales(frame)) +
              detail::grid(frame, chart);
  // Thick curves over thin ones.
  for (bool const emphasis : {false, true}) {
    for (Series const& series : chart.series) {
      if (series.emphasis == emphasis) drawn.svg += detail::curve(frame, series);
    }
  }
  if (frame.right < detail::right_alone) drawn.svg += detail::end_labels(frame, chart);
  drawn.svg += "</svg>\n";
  return drawn;
}

}  // namespace moenda::io::svg
