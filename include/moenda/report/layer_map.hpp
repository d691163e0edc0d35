// SPDX-License-Identifier: Apache-2.0
#pragma once
// Tables of numbers as coloured squares with a scale of their own: one measure of every layer over
// time, or one number for every pair of experts.
#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "moenda/report/chart/heat_map.hpp"

namespace moenda::io::svg {

/// A table drawn from white to one colour: red for what calls for attention, blue for what is
/// neither good nor bad. NaN is "not recorded".
struct ColourTable {
  std::string title{};
  std::string description{};  // read aloud
  std::string row_name{}, column_name{};
  std::vector<std::string> row_labels{};  // [rows]
  std::string first_column{}, last_column{};
  std::size_t columns = 0;
  std::vector<double> cells{};  // [rows, columns]
  double white = 0, full = 1;   // values of the two ends of the scale
  bool warns = false;           // red
  double width = 490;
  double row_height = 16;
  std::string tooltip{};  // attributes that the script of the page reads

  [[nodiscard]] std::size_t rows() const { return row_labels.size(); }
};

namespace detail {

inline constexpr int scale_levels = (heat_levels - 1) / 2;  // from white to full colour

/// The class number, as in the heat map of experts, whose middle is white.
[[nodiscard]] inline int colour_level(ColourTable const& table, double value) {
  double const share = std::clamp((value - table.white) / (table.full - table.white), 0.0, 1.0);
  int const away = static_cast<int>(std::lround(share * scale_levels));
  return table.warns ? scale_levels + away : scale_levels - away;
}

// All cells of one level are one path, as in the heat map of experts.
[[nodiscard]] inline std::string colour_cells(ColourTable const& table) {
  std::array<std::string, heat_levels> paths;
  for (std::size_t row = 0; row < table.rows(); ++row) {
    for (std::size_t column = 0; column < table.columns;) {
      auto const level_at = [&](std::size_t c) {
        double const value = table.cells[row * table.columns + c];
        return std::isfinite(value) ? colour_level(table, value) : -1;
      };
      int const level = level_at(column);
      std::size_t const begin = column++;
      while (column < table.columns && level_at(column) == level) ++column;
      if (level < 0) continue;
      paths[static_cast<std::size_t>(level)] += "M" + std::to_string(begin) + " " +
                                                std::to_string(row) + "h" +
                                                std::to_string(column - begin);
    }
  }
  std::string out;
  for (std::size_t level = 0; level < paths.size(); ++level) {
    if (paths[level].empty()) continue;
    auto const away = std::abs(static_cast<int>(level) - scale_levels);
    out += "<path class=\"h" + std::to_string(level) + "\" data-away=\"" + std::to_string(away) +
           "\" d=\"" + paths[level] + "\"/>\n";
  }
  return out;
}

/// "0 [white ... full] 1.5" with its right end at `right`.
[[nodiscard]] inline std::string colour_scale(ColourTable const& table, double right, double y) {
  std::string const full = format_general(table.full, 3);
  double const width = 88, step = width / (scale_levels + 1);
  double const from = right - 8 - 7.2 * static_cast<double>(full.size()) - width;
  std::string out = text(from - 6, y + 10, "end", "small", format_general(table.white, 3));
  for (int away = 0; away <= scale_levels; ++away) {
    int const level = table.warns ? scale_levels + away : scale_levels - away;
    out += rectangle(from + away * step, y, step + 0.3, 12, "f" + std::to_string(level));
  }
  out += rectangle(from, y, width, 12, "frame");
  return out + text(right, y + 10, "end", "small", full);
}

[[nodiscard]] inline std::string row_labels(ColourTable const& table, double first_y) {
  auto const every = static_cast<std::size_t>(std::max(1.0, std::ceil(13 / table.row_height)));
  std::string out;
  for (std::size_t row = 0; row < table.rows(); row += every) {
    double const y = first_y + (static_cast<double>(row) + 0.5) * table.row_height + 4;
    out += text(36, y, "end", "small", table.row_labels[row]);
  }
  return out;
}

}  // namespace detail

/// The table as inline SVG, its scale above it at the right.
[[nodiscard]] inline std::string draw(ColourTable const& table) {
  double const left = 42, top = 24, right = table.width - 8;
  double const height = table.row_height * static_cast<double>(table.rows());
  double const bottom = top + height, middle = (top + bottom) / 2;
  std::string labels;
  for (auto const& label : table.row_labels) labels += (labels.empty() ? "" : " ") + label;
  std::string out = open(table.width, bottom + 24, "table", table.description);
  out += text(left, 15, "start", "title", table.title);
  out += detail::colour_scale(table, right, 4);
  out += rectangle(left, top, right - left, height, "missing");
  out += "<svg x=\"" + pixel(left) + "\" y=\"" + pixel(top) + "\" width=\"" + pixel(right - left) +
         "\" height=\"" + pixel(height) + "\" viewBox=\"0 -0.5 " + std::to_string(table.columns) +
         " " + std::to_string(table.rows()) +
         "\" preserveAspectRatio=\"none\" class=\"squares\" data-scale=\"" +
         format_general(table.white, 6) + " " + format_general(table.full, 6) +
         "\" data-labels=\"" + labels + "\"" + table.tooltip + ">\n" + detail::colour_cells(table) +
         "</svg>\n";
  out += rectangle(left, top, right - left, height, "frame");
  out += detail::row_labels(table, top);
  out += text(left, bottom + 16, "start", "small", table.first_column);
  out += text(right, bottom + 16, "end", "small", table.last_column);
  out += text((left + right) / 2, bottom + 16, "middle", "small", table.column_name);
  out += "<g transform=\"rotate(-90 9 " + pixel(middle) + ")\">" +
         text(9, middle, "middle", "small", table.row_name) + "</g>\n";
  return out + "</svg>\n";
}

}  // namespace moenda::io::svg
