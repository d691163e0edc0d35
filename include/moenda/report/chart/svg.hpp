// SPDX-License-Identifier: Apache-2.0
#pragma once
// What every chart shares: pixels, axes with round ticks, colours, text. The charts themselves are
// line_chart.hpp and heat_map.hpp.
#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "moenda/core/error.hpp"
#include "moenda/files/text.hpp"

namespace moenda::io::svg {

/// Values beyond this size are not drawn: no loss or time is that large, and differences of such
/// numbers overflow.
inline constexpr double largest_value = 1e15;

[[nodiscard]] inline bool drawable(double value) {
  return std::isfinite(value) && std::abs(value) <= largest_value;
}

/// A coordinate in user units, to a tenth of a pixel: "12", "12.3".
[[nodiscard]] inline std::string pixel(double value) {
  std::string text = format_fixed(value, 1);
  if (text.ends_with(".0")) text.resize(text.size() - 2);
  return text;
}

/// Colours of Okabe and Ito (2008), told apart with every common colour blindness, in the order of
/// contrast on white; their yellow is left out because it vanishes on white.
inline constexpr std::array<std::string_view, 7> palette = {
    "#0072b2", "#d55e00", "#009e73", "#cc79a7", "#56b4e9", "#e69f00", "#333333"};

[[nodiscard]] inline std::string_view colour(std::size_t index) {
  return palette[index % palette.size()];
}

/// Dash pattern for runs after the seventh, which repeat a colour; "" is a solid line.
[[nodiscard]] inline std::string_view dashes(std::size_t index) {
  constexpr std::array<std::string_view, 3> patterns = {"", "6 3", "2 3"};
  return patterns[index / palette.size() % patterns.size()];
}

/// A linear scale with ticks at multiples of 1, 2 or 5 times a power of ten.
struct Axis {
  double low = 0;
  double high = 1;
  std::vector<double> ticks;
  int decimals = 0;  // digits after the point that tell neighbouring ticks apart

  /// The place of `value` between the pixels of `low` and `high`; values outside go to the edge.
  [[nodiscard]] double place(double value, double at_low, double at_high) const {
    double const share = std::clamp((value - low) / (high - low), 0.0, 1.0);
    return at_low + share * (at_high - at_low);
  }
  [[nodiscard]] std::string label(double tick) const { return format_fixed(tick, decimals); }
};

/// An axis that covers [low, high] with about `ticks` ticks; `widen` moves its ends out to whole
/// ticks. One point, or a range lost in rounding, is widened to a visible one. ConfigError unless
/// both ends are drawable and low <= high.
[[nodiscard]] inline Axis make_axis(double low, double high, int ticks, bool widen) {
  if (!drawable(low) || !drawable(high) || !(low <= high) || ticks < 2) {
    throw ConfigError("svg::make_axis: low <= high must be finite and ticks >= 2 (" +
                      format_general(low, 6) + ", " + format_general(high, 6) + ", " +
                      std::to_string(ticks) + ")");
  }
  double const size = std::max({std::abs(low), std::abs(high), 1e-9});
  if (high - low < size * 1e-9) {
    double const middle = low;
    low = middle - size * 0.05;
    high = middle + size * 0.05;
  }
  double const rough = (high - low) / ticks;
  double const power = std::pow(10.0, std::floor(std::log10(rough)));
  double const multiple = rough / power;
  double const step = power * (multiple <= 1 ? 1 : multiple <= 2 ? 2 : multiple <= 5 ? 5 : 10);
  Axis axis{low, high, {}, std::max(0, static_cast<int>(-std::floor(std::log10(step) + 1e-9)))};
  // A value that is a tick up to rounding (0.3 / 0.1) counts as that tick.
  double const first = widen ? std::floor(low / step + 1e-9) : std::ceil(low / step - 1e-9);
  double const last = widen ? std::ceil(high / step - 1e-9) : std::floor(high / step + 1e-9);
  for (double tick = first; tick <= last; ++tick) axis.ticks.push_back(tick * step);
  if (widen) {  // the products may fall short of the ends by a rounding
    axis.low = std::min(low, first * step);
    axis.high = std::max(high, last * step);
  }
  return axis;
}

/// From the lowest to the highest of the values, without those so far from the others (a
/// divergence) that a chart of all would press the rest flat. There must be a value.
[[nodiscard]] inline std::array<double, 2> typical_range(std::vector<double> const& values) {
  auto const middle_of = [](std::vector<double> list) {
    auto const middle = list.begin() + static_cast<std::ptrdiff_t>(list.size() / 2);
    std::nth_element(list.begin(), middle, list.end());
    return *middle;
  };
  double const middle = middle_of(values);
  std::vector<double> distances;
  for (double const value : values) distances.push_back(std::abs(value - middle));
  double const usual = middle_of(distances);
  std::array<double, 2> range{middle, middle};
  for (double const value : values) {
    if (usual > 0 && std::abs(value - middle) > 12 * usual) continue;
    range = {std::min(range[0], value), std::max(range[1], value)};
  }
  return range;
}

/// `<text>` at (x, y); `anchor` is start, middle or end; `kind` is a CSS class.
[[nodiscard]] inline std::string text(double x, double y, std::string_view anchor,
                                      std::string_view kind, std::string_view content) {
  return "<text x=\"" + pixel(x) + "\" y=\"" + pixel(y) + "\" text-anchor=\"" +
         std::string(anchor) + "\" class=\"" + std::string(kind) + "\">" + escape_html(content) +
         "</text>\n";
}

/// `<line>` with a CSS class.
[[nodiscard]] inline std::string line(double x1, double y1, double x2, double y2,
                                      std::string_view kind) {
  return "<line x1=\"" + pixel(x1) + "\" y1=\"" + pixel(y1) + "\" x2=\"" + pixel(x2) + "\" y2=\"" +
         pixel(y2) + "\" class=\"" + std::string(kind) + "\"/>\n";
}

/// A filled `<rect>`; `kind` is a CSS class.
[[nodiscard]] inline std::string rectangle(double x, double y, double width, double height,
                                           std::string_view kind) {
  return "<rect x=\"" + pixel(x) + "\" y=\"" + pixel(y) + "\" width=\"" + pixel(width) +
         "\" height=\"" + pixel(height) + "\" class=\"" + std::string(kind) + "\"/>\n";
}

/// Opens an `<svg>` of that size in user units, which fills the width of its place in the page;
/// `description` is read aloud by screen readers.
[[nodiscard]] inline std::string open(double width, double height, std::string_view kind,
                                      std::string_view description,
                                      std::string_view attributes = {}) {
  return "<svg class=\"" + std::string(kind) + "\" viewBox=\"0 0 " + pixel(width) + " " +
         pixel(height) + "\" role=\"img\" aria-label=\"" + escape_html(description) + "\"" +
         std::string(attributes) + ">\n";
}

/// Moves values apart until neighbours are `gap` apart and all lie in [low, high] as far as they
/// fit, keeping their order: the places of labels next to lines that end close together.
[[nodiscard]] inline std::vector<double> spread(std::vector<double> const& wanted, double gap,
                                                double low, double high) {
  std::vector<std::size_t> order(wanted.size());
  for (std::size_t i = 0; i < order.size(); ++i) order[i] = i;
  std::stable_sort(order.begin(), order.end(),
                   [&](std::size_t a, std::size_t b) { return wanted[a] < wanted[b]; });
  std::vector<double> places = wanted;
  double floor = low;
  for (std::size_t const i : order) places[i] = floor = std::max(places[i], floor), floor += gap;
  double ceiling = high;
  for (auto i = order.rbegin(); i != order.rend(); ++i) {
    places[*i] = ceiling = std::min(places[*i], ceiling);
    ceiling -= gap;
  }
  return places;
}

}  // namespace moenda::io::svg
