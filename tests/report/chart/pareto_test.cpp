// SPDX-License-Identifier: Apache-2.0
#include "moenda/report/chart/pareto.hpp"

#include <catch2/catch.hpp>
#include <string>
#include <vector>

#include "moenda/core/random.hpp"
#include "report/occurrences.hpp"

using namespace moenda;
using io::svg::ParetoPoint;
using io::test::count;

namespace {

std::vector<ParetoPoint> points(std::vector<std::array<double, 2>> const& places) {
  std::vector<ParetoPoint> result;
  for (auto const& [cost, value] : places) {
    result.push_back({std::to_string(result.size() + 1), "tip", cost, value, false});
  }
  return result;
}

}  // namespace

TEST_CASE("The front holds what no other point beats", "[io][report]") {
  auto const some = points({{1, 5}, {2, 3}, {3, 4}, {4, 1}, {4, 2}, {9, 1}});
  CHECK(io::svg::pareto_front(some, true) ==
        std::vector<bool>{true, true, false, true, false, false});
  CHECK(io::svg::pareto_front(some, false) ==
        std::vector<bool>{true, false, false, false, false, false});
  CHECK(io::svg::pareto_front(points({{1, 2}, {1, 2}}), true) == std::vector<bool>{true, true});
  CHECK(io::svg::pareto_front({}, true).empty());
}

TEST_CASE("Every point off the front has one on it that is as good and no dearer", "[io][report]") {
  Random const random(7);
  std::vector<std::array<double, 2>> places;
  for (std::uint64_t i = 0; i < 60; ++i) {
    places.push_back({double(random.bits(2 * i) % 12), double(random.bits(2 * i + 1) % 12)});
  }
  auto const all = points(places);
  for (bool const lower : {true, false}) {
    auto const front = io::svg::pareto_front(all, lower);
    for (std::size_t i = 0; i < all.size(); ++i) {
      bool beaten = false;
      for (std::size_t j = 0; j < all.size(); ++j) {
        double const better = (lower ? 1 : -1) * (all[i].result - all[j].result);
        bool const beats =
            all[j].cost <= all[i].cost && better >= 0 && (all[j].cost < all[i].cost || better > 0);
        beaten = beaten || (front[j] && beats);
      }
      CHECK(front[i] == !beaten);
    }
  }
}

TEST_CASE("The chart draws the front and pales the rest", "[io][report]") {
  io::svg::ParetoChart chart{"Against time", "time (s)", "test loss", true,
                             points({{1, 5}, {2, 3}, {3, 4}, {4, 1}})};
  chart.points[2].baseline = true;
  chart.points[0].tip = "first <arm>";
  std::string const drawn = io::svg::draw(chart);
  CHECK(count(drawn, "class=\"dot pale\"") == 1);
  CHECK(count(drawn, "class=\"dot\"") == 3);
  CHECK(count(drawn, "class=\"front\"") == 1);
  CHECK(count(drawn, "<rect") == 1);  // the baseline is a square
  CHECK(count(drawn, "data-tip=\"first &lt;arm&gt;\"") == 1);
  CHECK(io::svg::draw(io::svg::ParetoChart{}).empty());
}

TEST_CASE("A result far worse than all others does not flatten the chart", "[io][report]") {
  io::svg::ParetoChart chart{"t", "c", "r", true,
                             points({{1, 5.0}, {2, 5.1}, {3, 5.2}, {4, 5.3}, {5, 900}})};
  std::string const drawn = io::svg::draw(chart);
  CHECK(count(drawn, "5 (beyond)") == 1);
  CHECK(count(drawn, ">5.1<") == 1);  // ticks of the typical range
  for (auto& point : chart.points) point.result = 1000 - point.result;
  chart.lower_is_better = false;
  CHECK(count(io::svg::draw(chart), "5 (beyond)") == 1);
  chart.lower_is_better = true;  // the best is never cut off
  CHECK(count(io::svg::draw(chart), "beyond") == 0);
}

TEST_CASE("Labels of crowded points do not cover each other", "[io][report]") {
  std::vector<io::svg::detail::Box> taken;
  for (int i = 0; i < 12; ++i) {
    auto const box = io::svg::detail::label_place(240, 160, 15, taken);
    for (auto const& other : taken) CHECK_FALSE(box.meets(other));
    taken.push_back(box);
  }
}
