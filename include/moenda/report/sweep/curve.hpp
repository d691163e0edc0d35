// SPDX-License-Identifier: Apache-2.0
#pragma once
// The measure of a sweep against a number that it varies: one curve per set-up.
#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "moenda/report/chart/svg.hpp"
#include "moenda/report/sweep/words.hpp"

namespace moenda::io::detail {

/// A title like "hard EM, questions = 100": everything else, the key, the number.
struct SweptTitle {
  std::string rest, key;
  double number = 0;
};
[[nodiscard]] inline std::optional<SweptTitle> swept_title(std::string_view title) {
  constexpr std::string_view between = " = ";
  auto const equals = title.rfind(between);
  if (equals == std::string_view::npos) return std::nullopt;
  auto const comma = title.rfind(", ", equals);
  auto const key = comma == std::string_view::npos ? 0 : comma + 2;
  auto const digits = title.substr(equals + between.size());
  SweptTitle parts{std::string(title.substr(0, key < 2 ? 0 : key - 2)),
                   std::string(title.substr(key, equals - key))};
  auto const [end, error] =
      std::from_chars(digits.data(), digits.data() + digits.size(), parts.number);
  bool const whole = error == std::errc() && end == digits.data() + digits.size();
  return whole && svg::drawable(parts.number) ? std::optional(parts) : std::nullopt;
}

struct CurvePoint {
  double number = 0, mean = 0;
  statistics::Interval interval{};
};
struct SweptCurve {
  std::string name;
  std::vector<CurvePoint> points{};
};
struct SweptCurves {
  std::string key;
  std::vector<SweptCurve> curves{};
};

/// The arms as curves, in the order of the sweep; none unless all vary the same key.
[[nodiscard]] inline SweptCurves curves_of(SweepResults const& sweep) {
  SweptCurves all;
  for (auto const& arm : sweep.arms) {
    auto const title = swept_title(arm.title);
    if (!title || (!all.key.empty() && all.key != title->key)) return {};
    all.key = title->key;
    auto const values = arm.values(sweep.measure);
    if (values.empty() || !std::all_of(values.begin(), values.end(), svg::drawable)) continue;
    auto curve = std::find_if(all.curves.begin(), all.curves.end(),
                              [&](SweptCurve const& other) { return other.name == title->rest; });
    if (curve == all.curves.end()) curve = all.curves.insert(curve, {title->rest});
    curve->points.push_back({title->number, statistics::mean(values),
                             statistics::mean_interval(values, sweep.confidence)});
  }
  for (auto& curve : all.curves) {
    std::sort(curve.points.begin(), curve.points.end(),
              [](CurvePoint const& a, CurvePoint const& b) { return a.number < b.number; });
  }
  return all;
}

/// Where numbers and results lie in the picture: numbers that span decades by their logarithms.
struct CurveFrame {
  static constexpr double left = 62, right = 760, top = 14, bottom = 300, inset = 26;
  double first, last;
  bool logarithmic;
  svg::Axis y;

  [[nodiscard]] double at_x(double number) const {
    auto const scale = [this](double value) { return logarithmic ? std::log10(value) : value; };
    double const share = (scale(number) - scale(first)) / (scale(last) - scale(first));
    return left + inset + share * (right - left - 2 * inset);
  }
  [[nodiscard]] double at_y(double value) const { return y.place(value, bottom, top); }
};

[[nodiscard]] inline std::string drawn_curve(CurveFrame const& frame, SweptCurve const& curve,
                                             std::size_t index, double aside) {
  std::string means, whiskers;
  for (auto const& point : curve.points) {
    double const x = frame.at_x(point.number) + aside;
    auto const at = [&](double y) { return svg::pixel(x) + " " + svg::pixel(frame.at_y(y)); };
    means += (means.empty() ? "M" : " ") + at(point.mean);
    if (!std::isfinite(point.interval.low) || !std::isfinite(point.interval.high)) continue;
    whiskers += "M" + at(point.interval.low) + "L" + at(point.interval.high);
  }
  auto const path = [&](std::string_view kind, std::string const& line) {
    return "<path class=\"" + std::string(kind) + "\" stroke=\"" + std::string(svg::colour(index)) +
           "\" d=\"" + line + "\"/>\n";
  };
  auto const dash = svg::dashes(index);
  return "<g" + (dash.empty() ? "" : " stroke-dasharray=\"" + std::string(dash) + "\"") + ">\n" +
         path("valid", means) + "</g>\n" + path("train", whiskers);
}

[[nodiscard]] inline std::string curve_axes(CurveFrame const& frame,
                                            std::vector<double> const& numbers,
                                            std::string const& label) {
  std::string out;
  for (double const tick : frame.y.ticks) {
    out += svg::line(frame.left, frame.at_y(tick), frame.right, frame.at_y(tick), "grid");
    out += svg::text(frame.left - 9, frame.at_y(tick) + 4.5, "end", "tick", frame.y.label(tick));
  }
  for (double const number : numbers) {
    out += svg::text(frame.at_x(number), frame.bottom + 21, "middle", "tick",
                     format_general(number, 6));
  }
  out += svg::line(frame.left, frame.bottom, frame.right, frame.bottom, "axis");
  return out +
         svg::text((frame.left + frame.right) / 2, frame.bottom + 45, "middle", "label", label);
}

[[nodiscard]] inline std::string curve_names(CurveFrame const& frame, SweptCurves const& all,
                                             std::string const& unnamed) {
  std::vector<double> ends;
  for (auto const& curve : all.curves) ends.push_back(frame.at_y(curve.points.back().mean));
  auto const places = svg::spread(ends, 18, frame.top + 6, frame.bottom - 4);
  std::string out;
  for (std::size_t i = 0; i < places.size(); ++i) {
    auto const& name = all.curves[i].name;
    out += "<path class=\"leader\" stroke=\"" + std::string(svg::colour(i)) + "\" d=\"M" +
           svg::pixel(frame.right + 12) + " " + svg::pixel(places[i]) + "h18\"/>\n";
    out += svg::text(frame.right + 36, places[i] + 4.5, "start", "end",
                     shorten_middle(name.empty() ? unnamed : name, 26));
  }
  return out;
}

/// Empty where the arms do not vary one number, or it has fewer than three values.
[[nodiscard]] inline std::string curve_figure(SweepResults const& sweep) {
  auto const all = curves_of(sweep);
  std::vector<double> numbers, results;
  for (auto const& curve : all.curves) {
    for (auto const& point : curve.points) {
      numbers.push_back(point.number);
      results.push_back(point.mean);
    }
  }
  std::sort(numbers.begin(), numbers.end());
  numbers.erase(std::unique(numbers.begin(), numbers.end()), numbers.end());
  if (numbers.size() < 3) return "";
  auto const [low, high] = std::minmax_element(results.begin(), results.end());
  CurveFrame const frame{numbers.front(), numbers.back(),
                         numbers.front() > 0 && numbers.back() >= 20 * numbers.front(),
                         svg::make_axis(*low, *high, 6, true)};
  auto const measure = spoken(sweep.measure), label = measure + " against " + all.key;
  std::string out = svg::open(1000, 354, "intervals", label) + curve_axes(frame, numbers, label);
  for (std::size_t i = 0; i < all.curves.size(); ++i) {
    // Side by side, so that whiskers of the same number do not hide each other.
    double const aside = 5 * (double(i) - double(all.curves.size() - 1) / 2);
    out += drawn_curve(frame, all.curves[i], i, std::clamp(aside, -20.0, 20.0));
  }
  return "<h2>Against " + escape_html(shorten(all.key, 80)) +
         "</h2>\n<p>Means over the seeds; whiskers are the " + percent_text(sweep.confidence) +
         " interval, cut at the edges of the chart.</p>\n<figure>" + out +
         curve_names(frame, all, measure) + "</svg>\n</figure>\n";
}

}  // namespace moenda::io::detail
