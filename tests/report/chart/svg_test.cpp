// SPDX-License-Identifier: Apache-2.0
#include "moenda/report/chart/svg.hpp"

#include <algorithm>
#include <catch2/catch.hpp>
#include <cmath>
#include <limits>
#include <locale>
#include <string>
#include <vector>

#include "moenda/report/chart/heat_map.hpp"
#include "moenda/report/chart/line_chart.hpp"

using namespace moenda;

namespace {
double const nan_value = std::numeric_limits<double>::quiet_NaN();
}

TEST_CASE("Numbers do not ask the locale", "[io][svg]") {
  struct Comma : std::numpunct<char> {
    char do_decimal_point() const override { return ','; }
    char do_thousands_sep() const override { return '.'; }
    std::string do_grouping() const override { return "\3"; }
  };
  std::locale const before = std::locale::global(std::locale(std::locale(), new Comma));
  CHECK(io::svg::pixel(12.34) == "12.3");
  CHECK(io::svg::pixel(12.04) == "12");
  CHECK(io::svg::pixel(-0.01) == "0");
  CHECK(io::format_fixed(1234.5, 1) == "1234.5");
  std::locale::global(before);
  CHECK(io::with_thousands(0) == "0");
  CHECK(io::with_thousands(999) == "999");
  CHECK(io::with_thousands(1234567) == "1,234,567");
  CHECK(io::with_thousands(123456) == "123,456");
  CHECK(io::format_count(999) == "999");
  CHECK(io::format_count(108'112'384) == "108.1 M");
  CHECK(io::format_count(999'999) == "1.0 M");
  CHECK(io::format_fixed(-0.0001, 2) == "0.00");
}

TEST_CASE("Text is escaped and never broken", "[io][svg]") {
  CHECK(io::escape_html("<a href=\"x\">'&'</a>") ==
        "&lt;a href=&quot;x&quot;&gt;&#39;&amp;&#39;&lt;/a&gt;");
  CHECK(io::escape_html("ação") == "ação");
  CHECK(io::escape_html("a\xff"
                        "b\x01\xC0\xAF") == "a\uFFFDb\uFFFD\uFFFD\uFFFD");
  CHECK(io::escape_html("a\u202Eb\u2066\u200F\u061C\u2028\n") ==
        "a\uFFFDb\uFFFD\uFFFD\uFFFD\uFFFD\n");
  CHECK(io::sanitize_utf8("\xED\xA0\x80") == "\uFFFD\uFFFD\uFFFD");  // a surrogate
  CHECK(io::sanitize_utf8("😀\xF0\x9F") == "😀\uFFFD\uFFFD");
  CHECK(io::shorten("ação", 4) == "ação");
  CHECK(io::shorten("ações", 4) == "açõ…");
  CHECK(io::shorten_middle("sweep-point-0012", 9) == "swee…0012");
}

TEST_CASE("Ticks are round and inside the axis", "[io][svg]") {
  auto const axis = io::svg::make_axis(0, 6.2, 6, false);
  CHECK(axis.high == 6.2);
  CHECK(axis.ticks == std::vector<double>{0, 2, 4, 6});
  auto const wide = io::svg::make_axis(3.61, 10.8, 6, true);
  CHECK(wide.low == 2);
  CHECK(wide.high == 12);
  auto const fine = io::svg::make_axis(0.301, 0.398, 5, false);
  REQUIRE(fine.ticks.size() == 4);
  CHECK(fine.label(fine.ticks[0]) == "0.32");
  CHECK(fine.label(fine.ticks[3]) == "0.38");
}

TEST_CASE("Every range gives an axis that holds it", "[io][svg]") {
  for (double low : {0.0, 1.0, -5.0, 1e-12, 4.2e14, -1e15, 1e15}) {
    for (double size : {0.0, 1e-300, 1e-9, 0.3, 7.0, 1e9}) {
      double const high = std::min(low + size, 1e15);
      for (bool const widen : {false, true}) {
        auto const axis = io::svg::make_axis(low, high, 6, widen);
        INFO(low << " + " << size);
        CHECK(axis.low <= low);
        CHECK(axis.high >= high);
        CHECK(axis.high > axis.low);
        CHECK(axis.ticks.size() <= 16);
        double const place = axis.place(low, 100, 20);
        CHECK((place >= 20 && place <= 100));
      }
    }
  }
}

TEST_CASE("An axis of nonsense is refused", "[io][svg]") {
  CHECK_THROWS_AS(io::svg::make_axis(nan_value, 1, 5, false), ConfigError);
  CHECK_THROWS_AS(io::svg::make_axis(0, 1e300, 5, false), ConfigError);
  CHECK_THROWS_AS(io::svg::make_axis(2, 1, 5, false), ConfigError);
  CHECK_THROWS_WITH(io::svg::make_axis(0, 1, 1, false), Catch::Contains("(0, 1, 1)"));
}

TEST_CASE("Labels are moved apart in their order", "[io][svg]") {
  CHECK(io::svg::spread({50, 51, 10}, 10, 0, 100) == std::vector<double>{50, 60, 10});
  CHECK(io::svg::spread({98, 99}, 10, 0, 100) == std::vector<double>{90, 100});
  CHECK(io::svg::spread({}, 10, 0, 100).empty());
}

TEST_CASE("Thinning keeps spikes, gaps and the last point", "[io][svg]") {
  std::vector<io::svg::Point> points;
  for (int i = 0; i < 10'000; ++i) points.push_back({double(i), 4.0});
  points[4321].y = 9;
  points[7000].y = nan_value;
  points.back().y = 3.5;
  auto const kept = io::svg::thin_out(points, 100);
  CHECK(kept.size() <= 202);
  double highest = 0;
  std::size_t gaps = 0;
  for (std::size_t i = 0; i < kept.size(); ++i) {
    if (std::isnan(kept[i].y)) ++gaps;
    if (kept[i].y > highest) highest = kept[i].y;
    if (i > 0) CHECK(kept[i - 1].x <= kept[i].x);
  }
  CHECK(highest == 9);
  CHECK(gaps == 1);
  CHECK(kept.back().y == 3.5);
  CHECK(io::svg::thin_out({{1, 2}}, 100).size() == 1);
}

TEST_CASE("The typical range leaves out what towers over the rest", "[io][svg]") {
  using Range = std::array<double, 2>;
  CHECK(io::svg::typical_range({3}) == Range{3, 3});
  CHECK(io::svg::typical_range({5.3, 5.1, 5.2, 5.0}) == Range{5.0, 5.3});
  CHECK(io::svg::typical_range({5.3, 5.1, 900, 5.2, 5.0}) == Range{5.0, 5.3});
  CHECK(io::svg::typical_range({-900, 5.1, 5.2, 5.0}) == Range{5.0, 5.2});
  CHECK(io::svg::typical_range({2, 2, 2, 7}) == Range{2, 7});  // nothing is usual: all is shown
  CHECK(io::svg::typical_range({1, 2, 3, 10}) == Range{1, 10});
}

TEST_CASE("One diverged value does not flatten the chart", "[io][svg]") {
  std::vector<double> values(100, 5.0);
  CHECK(io::svg::robust_top(values) == 5.0);
  values[3] = 14;
  CHECK(io::svg::robust_top(values) == 14);
  values[3] = 5000;
  CHECK(io::svg::robust_top(values) == 7.5);
}

TEST_CASE("A line is broken where a value is missing", "[io][svg]") {
  io::svg::LineChart chart{"x", "y", {}};
  chart.series.push_back({"run", 0, true, {{0, 1}, {1, 2}, {2, nan_value}, {3, 1}, {4, 2}}});
  std::string const svg = io::svg::draw(chart).svg;
  std::size_t const path = svg.find(" d=\"", svg.find("class=\"valid\""));
  std::string const d = svg.substr(path + 4, svg.find('"', path + 4) - path - 4);
  CHECK(std::count(d.begin(), d.end(), 'M') == 2);
  CHECK(svg.find("nan") == std::string::npos);
  CHECK(svg.find("2.000  run") != std::string::npos);  // the last value, at its end
  CHECK(io::svg::draw({"x", "y", {{"run", 0, false, {{0, nan_value}}}}}).svg.empty());
  CHECK(io::svg::draw(io::svg::LineChart{}).svg.empty());
}

TEST_CASE("White is the fair share, and both sides are equally strong", "[io][svg]") {
  CHECK(io::svg::heat_colour(io::svg::heat_level(1.0)) == "#ffffff");
  CHECK(io::svg::heat_colour(io::svg::heat_level(0.0)) == "#0550a2");
  CHECK(io::svg::heat_colour(io::svg::heat_level(2.0)) == "#b2181e");
  CHECK(io::svg::heat_level(100) == io::svg::heat_levels - 1);
  CHECK(io::svg::heat_level(0.5) + io::svg::heat_level(1.5) == io::svg::heat_levels - 1);
}

TEST_CASE("Equal neighbours of a heat map are one stroke", "[io][svg]") {
  io::svg::HeatMap map;
  map.title = "Layer 0";
  map.experts = 2;
  map.columns = 4;
  map.cells = {1, 1, 1, 1, 0, 0, nan_value, 2};
  map.last = {1, 2};
  std::string const svg = io::svg::draw(map);
  CHECK(svg.find("d=\"M0 0h4\"") != std::string::npos);
  CHECK(svg.find("data-level=\"0\" d=\"M0 1h2\"") != std::string::npos);
  CHECK(svg.find("data-level=\"20\" d=\"M3 1h1\"") != std::string::npos);
}
