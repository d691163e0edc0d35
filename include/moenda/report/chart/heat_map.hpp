// SPDX-License-Identifier: Apache-2.0
#pragma once
// Tokens per expert of one layer: over time as a heat map, and at the end as bars beside it.
#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "moenda/report/chart/svg.hpp"

namespace moenda::io::svg {

/// Colour levels of the heat map: level 0 is no token at all, the middle one the fair share, the
/// last one twice the fair share or more.
inline constexpr int heat_levels = 21;

/// The level of an expert's tokens relative to the fair share (1 = fair).
[[nodiscard]] inline int heat_level(double relative) {
  double const middle = (heat_levels - 1) / 2.0;
  return static_cast<int>(std::lround(std::clamp(relative * middle, 0.0, 2 * middle)));
}

/// "#rrggbb" of a level: blue through white to red, mixed so that both halves lose brightness at
/// the same rate (red and blue of equal distance from fair look equally strong).
[[nodiscard]] inline std::string heat_colour(int level) {
  constexpr std::array<double, 3> blue = {5, 80, 162}, red = {178, 24, 30};
  double const middle = (heat_levels - 1) / 2.0;
  auto const& end = level < middle ? blue : red;
  double const strength = std::pow(std::abs(level - middle) / middle, 0.85);
  std::string code = "#";
  for (double const channel : end) {
    auto const value = static_cast<unsigned>(std::lround(255 + (channel - 255) * strength));
    code += "0123456789abcdef"[value / 16 % 16];
    code += "0123456789abcdef"[value % 16];
  }
  return code;
}

/// The panel of one layer. Values are relative to the fair share of the tokens; NaN is "not
/// recorded".
struct HeatMap {
  std::string title;
  std::string subtitle;  // at the right, over the bars
  std::size_t experts = 0;
  std::size_t columns = 0;    // bins of the step axis
  std::vector<double> cells;  // [experts, columns]
  std::vector<double> last;   // [experts], the bars
  std::uint64_t first_step = 0, last_step = 0;
  double bar_end = 2;  // at which a bar fills its place
};

namespace detail {

inline constexpr double panel_width = 490, map_left = 42, map_right = 350;
inline constexpr double bars_left = 366, bars_right = 482, map_top = 26;

[[nodiscard]] inline double row_height(std::size_t experts) {
  return std::clamp(144.0 / static_cast<double>(experts), 2.0, 18.0);
}

// All cells of one level are one path of horizontal strokes, equal neighbours being one stroke:
// a tenth of the bytes of one <rect> per cell.
[[nodiscard]] inline std::string cells(HeatMap const& map) {
  std::array<std::string, heat_levels> paths;
  for (std::size_t e = 0; e < map.experts; ++e) {
    for (std::size_t c = 0; c < map.columns;) {
      double const value = map.cells[e * map.columns + c];
      std::size_t const begin = c++;
      if (!std::isfinite(value)) continue;
      int const level = heat_level(value);
      while (c < map.columns && std::isfinite(map.cells[e * map.columns + c]) &&
             heat_level(map.cells[e * map.columns + c]) == level) {
        ++c;
      }
      paths[static_cast<std::size_t>(level)] +=
          "M" + std::to_string(begin) + " " + std::to_string(e) + "h" + std::to_string(c - begin);
    }
  }
  std::string out;
  for (std::size_t level = 0; level < paths.size(); ++level) {
    if (paths[level].empty()) continue;
    std::string const number = std::to_string(level);
    out += "<path class=\"h" + number + "\" data-level=\"" + number + "\" d=\"" + paths[level] +
           "\"/>\n";
  }
  return out;
}

[[nodiscard]] inline std::string expert_labels(HeatMap const& map, double row) {
  // As many labels as 11-pixel text has room for.
  auto const every = static_cast<std::size_t>(std::max(1.0, std::ceil(13 / row)));
  std::size_t const stride = every <= 2 ? every : (every + 3) / 4 * 4;
  std::string out;
  for (std::size_t e = 0; e < map.experts; e += stride) {
    double const y = map_top + (static_cast<double>(e) + 0.5) * row + 4;
    out += text(map_left - 6, y, "end", "small", std::to_string(e));
  }
  return out;
}

[[nodiscard]] inline std::string bars(HeatMap const& map, double row, double map_bottom) {
  Axis const axis{0, map.bar_end, {}, 0};
  std::string out;
  for (std::size_t e = 0; e < map.last.size(); ++e) {
    if (!std::isfinite(map.last[e])) continue;
    double const width = axis.place(map.last[e], 0, bars_right - bars_left);
    double const gap = row > 6 ? 1.5 : 0.2;
    out += rectangle(bars_left, map_top + static_cast<double>(e) * row + gap, width, row - 2 * gap,
                     row > 6 ? "b h" + std::to_string(heat_level(map.last[e])) : "thin");
  }
  double const fair = axis.place(1, bars_left, bars_right);
  out += line(fair, map_top - 2, fair, map_bottom + 4, "fair");
  out += line(bars_left, map_top, bars_left, map_bottom, "axis");
  out += text(fair, map_bottom + 16, "middle", "small", "fair");
  std::string const end = format_general(map.bar_end, 3) + "×";
  return out + text(bars_right, map_bottom + 16, "end", "small", end);
}

}  // namespace detail

/// The panel as inline SVG. The heat map is stretched from one unit per cell to its place.
[[nodiscard]] inline std::string draw(HeatMap const& map) {
  double const row = detail::row_height(map.experts);
  double const height = row * static_cast<double>(map.experts);
  double const map_bottom = detail::map_top + height;
  double const width = detail::map_right - detail::map_left;
  std::string out = open(detail::panel_width, map_bottom + 40, "heat",
                         map.title + ": tokens per expert over training, " + map.subtitle);
  out += text(detail::map_left, 15, "start", "title", map.title);
  out += text(detail::bars_right, 15, "end", "small", map.subtitle);
  out += rectangle(detail::map_left, detail::map_top, width, height, "missing");
  out += "<svg x=\"" + pixel(detail::map_left) + "\" y=\"" + pixel(detail::map_top) +
         "\" width=\"" + pixel(width) + "\" height=\"" + pixel(height) + "\" viewBox=\"0 -0.5 " +
         std::to_string(map.columns) + " " + std::to_string(map.experts) +
         "\" preserveAspectRatio=\"none\" class=\"cells\" data-steps=\"" +
         std::to_string(map.first_step) + " " + std::to_string(map.last_step) +
         "\" data-experts=\"" + std::to_string(map.experts) + "\">\n" + detail::cells(map) +
         "</svg>\n";
  out += rectangle(detail::map_left, detail::map_top, width, height, "frame");
  out += detail::expert_labels(map, row);
  out += detail::bars(map, row, map_bottom);
  auto const step_label = [&](double x, std::string_view anchor, std::uint64_t step) {
    return text(x, map_bottom + 16, anchor, "small", with_thousands(step));
  };
  out += step_label(detail::map_left, "start", map.first_step);
  out += step_label(detail::map_right, "end", map.last_step);
  out += text((detail::map_left + detail::map_right) / 2, map_bottom + 16, "middle", "small",
              "training step");
  out += text((detail::bars_left + detail::bars_right) / 2, map_bottom + 33, "middle", "small",
              "at the end");
  double const middle = (detail::map_top + map_bottom) / 2;
  out += "<g transform=\"rotate(-90 9 " + pixel(middle) + ")\">" +
         text(9, middle, "middle", "small", "expert") + "</g>\n";
  return out + "</svg>\n";
}

}  // namespace moenda::io::svg
