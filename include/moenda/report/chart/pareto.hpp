// SPDX-License-Identifier: Apache-2.0
#pragma once
// What a result costs: one point per arm of a sweep, and the front of those that no other arm beats
// in both the result and its cost.
#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <string>
#include <vector>

#include "moenda/report/chart/svg.hpp"

namespace moenda::io::svg {

struct ParetoPoint {
  std::string label;  ///< short: it stands beside the point
  std::string tip;    ///< shown under the pointer
  double cost = 0, result = 0;
  bool baseline = false;
};

struct ParetoChart {
  std::string title, cost_label, result_label;
  bool lower_is_better = true;  ///< the result; of a cost less is always better
  std::vector<ParetoPoint> points;
};

/// For every point whether it is on the front: no other costs at most as much and is at least as
/// good, and better in one of the two.
[[nodiscard]] inline std::vector<bool> pareto_front(std::vector<ParetoPoint> const& points,
                                                    bool lower_is_better) {
  double const sign = lower_is_better ? 1 : -1;
  std::vector<bool> on_front;
  for (auto const& mine : points) {
    on_front.push_back(std::none_of(points.begin(), points.end(), [&](ParetoPoint const& other) {
      double const better = sign * (mine.result - other.result);
      return other.cost <= mine.cost && better >= 0 && (other.cost < mine.cost || better > 0);
    }));
  }
  return on_front;
}

namespace detail {

inline constexpr double pareto_width = 490, pareto_bottom = 300;
inline constexpr double pareto_left = 62, pareto_right = 478, pareto_top = 30;

struct Box {
  double left, top, right, bottom;

  [[nodiscard]] bool meets(Box const& other) const {
    return left < other.right && other.left < right && top < other.bottom && other.top < bottom;
  }
};

struct ParetoFrame {
  Axis x, y;

  [[nodiscard]] bool holds(ParetoPoint const& p) const {
    return x.low <= p.cost && p.cost <= x.high && y.low <= p.result && p.result <= y.high;
  }
  [[nodiscard]] double at_x(ParetoPoint const& p) const {
    return x.place(p.cost, pareto_left, pareto_right);
  }
  [[nodiscard]] double at_y(ParetoPoint const& p) const {
    return y.place(p.result, pareto_bottom, pareto_top);
  }
};

/// Axes with room around the points; results much worse than the others do not count.
[[nodiscard]] inline ParetoFrame pareto_frame(ParetoChart const& chart) {
  std::vector<double> costs, results;
  for (auto const& point : chart.points) {
    costs.push_back(point.cost);
    results.push_back(point.result);
  }
  auto const [cheapest, dearest] = std::minmax_element(costs.begin(), costs.end());
  auto const [least, most] = std::minmax_element(results.begin(), results.end());
  auto const usual = typical_range(results);
  auto const axis = [](double low, double high) {
    double const room = 0.07 * (high - low);
    return make_axis(low - room, high + room, 5, false);
  };
  return {axis(*cheapest, *dearest),
          chart.lower_is_better ? axis(*least, usual[1]) : axis(usual[0], *most)};
}

[[nodiscard]] inline std::string pareto_grid(ParetoFrame const& frame, ParetoChart const& chart) {
  std::string out;
  for (double const tick : frame.y.ticks) {
    double const y = frame.y.place(tick, pareto_bottom, pareto_top);
    out += line(pareto_left, y, pareto_right, y, "grid");
    out += text(pareto_left - 8, y + 4.5, "end", "small", frame.y.label(tick));
  }
  for (double const tick : frame.x.ticks) {
    double const x = frame.x.place(tick, pareto_left, pareto_right);
    out += line(x, pareto_bottom, x, pareto_bottom + 5, "axis");
    out += text(x, pareto_bottom + 19, "middle", "small", frame.x.label(tick));
  }
  out += line(pareto_left, pareto_bottom, pareto_right, pareto_bottom, "axis");
  out += text(pareto_left, 15, "start", "title", chart.title);
  out += text((pareto_left + pareto_right) / 2, pareto_bottom + 39, "middle", "tick",
              chart.cost_label);
  double const middle = (pareto_top + pareto_bottom) / 2;
  return out + "<g transform=\"rotate(-90 12 " + pixel(middle) + ")\">" +
         text(12, middle, "middle", "tick", chart.result_label) + "</g>\n";
}

/// The front as a staircase: what is above and right of it (below, where more is better) can be had
/// better or cheaper.
[[nodiscard]] inline std::string staircase(ParetoFrame const& frame, ParetoChart const& chart,
                                           std::vector<bool> const& on_front) {
  std::vector<ParetoPoint const*> corners;
  for (std::size_t i = 0; i < on_front.size(); ++i) {
    if (on_front[i]) corners.push_back(&chart.points[i]);
  }
  std::sort(corners.begin(), corners.end(),
            [](auto const* a, auto const* b) { return a->cost < b->cost; });
  std::string path = "M" + pixel(frame.at_x(*corners.front())) + " " +
                     pixel(chart.lower_is_better ? pareto_top : pareto_bottom);
  for (auto const* corner : corners) {
    path += "H" + pixel(frame.at_x(*corner)) + "V" + pixel(frame.at_y(*corner));
  }
  return "<path class=\"front\" d=\"" + path + "H" + pixel(pareto_right) + "\"/>\n";
}

/// Where the label of a point goes: the first place around it that meets no other label or point.
[[nodiscard]] inline Box label_place(double x, double y, double width,
                                     std::vector<Box> const& taken) {
  constexpr std::array<std::array<double, 2>, 8> ways{
      {{1, -1}, {1, 1}, {-1, -1}, {-1, 1}, {0, -1}, {0, 1}, {1, 0}, {-1, 0}}};
  for (double const away : {3.0, 12.0, 24.0, 38.0}) {
    for (auto const& way : ways) {
      double const middle_x = x + way[0] * (away + 4 + width / 2);
      double const middle_y = y + way[1] * (away + 8);
      Box const box{middle_x - width / 2, middle_y - 6, middle_x + width / 2, middle_y + 6};
      bool const inside = box.left > pareto_left && box.right < pareto_width &&
                          box.top > pareto_top - 8 && box.bottom < pareto_bottom;
      if (inside && std::none_of(taken.begin(), taken.end(),
                                 [&](Box const& other) { return other.meets(box); })) {
        return box;
      }
    }
  }
  return {x - width / 2, y - 21, x + width / 2, y - 9};
}

[[nodiscard]] inline std::string pareto_points(ParetoFrame const& frame, ParetoChart const& chart,
                                               std::vector<bool> const& on_front) {
  std::vector<Box> taken;
  for (auto const& point : chart.points) {
    double const x = frame.at_x(point), y = frame.at_y(point);
    taken.push_back({x - 5, y - 5, x + 5, y + 5});
  }
  std::string out;
  for (std::size_t i = 0; i < chart.points.size(); ++i) {
    auto const& point = chart.points[i];
    double const x = frame.at_x(point), y = frame.at_y(point);
    bool const beyond = !frame.holds(point);
    double const letters = double(point.label.size()) + (beyond ? 7 : 0);
    Box const box = label_place(x, y, 7.5 * letters, taken);
    taken.push_back(box);
    std::string const kind = on_front[i] ? "dot" : "dot pale";
    out += "<g data-tip=\"" + escape_html(point.tip) + "\">\n";
    double const middle_x = (box.left + box.right) / 2, middle_y = (box.top + box.bottom) / 2;
    if (std::hypot(middle_x - x, middle_y - y) > 20) {
      out += line(x, y, middle_x, middle_y, "grid");
    }
    out += point.baseline ? rectangle(x - 5, y - 5, 10, 10, kind)
                          : "<circle cx=\"" + pixel(x) + "\" cy=\"" + pixel(y) +
                                "\" r=\"5\" class=\"" + kind + "\"/>\n";
    out += text(middle_x, middle_y + 4.5, "middle", on_front[i] ? "title" : "small",
                point.label + (beyond ? " (beyond)" : "")) +
           "</g>\n";
  }
  return out;
}

}  // namespace detail

/// The chart as inline SVG, empty without points. Every number must be drawable. A result much
/// worse than the others is drawn at the edge.
[[nodiscard]] inline std::string draw(ParetoChart const& chart) {
  if (chart.points.empty()) return "";
  auto const frame = detail::pareto_frame(chart);
  auto const on_front = pareto_front(chart.points, chart.lower_is_better);
  return open(detail::pareto_width, detail::pareto_bottom + 48, "pareto",
              chart.result_label + " against " + chart.cost_label) +
         detail::pareto_grid(frame, chart) + detail::staircase(frame, chart, on_front) +
         detail::pareto_points(frame, chart, on_front) + "</svg>\n";
}

}  // namespace moenda::io::svg
