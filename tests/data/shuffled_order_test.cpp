// SPDX-License-Identifier: Apache-2.0
#include "moenda/data/shuffled_order.hpp"

#include <catch2/catch.hpp>
#include <cmath>
#include <cstdint>
#include <cstdlib>
#include <set>
#include <vector>

using namespace moenda;
using namespace moenda::data;

TEST_CASE("Every item comes exactly once", "[data][shuffled_order]") {
  std::vector<std::int64_t> counts{100, 255, 256, 257, 1000, 4095, 4096, 4097, 100003};
  for (std::int64_t count = 0; count < 70; ++count) counts.push_back(count);
  for (auto const count : counts) {
    for (std::int64_t epoch = 0; epoch < 3; ++epoch) {
      ShuffledOrder const order(count, 42, epoch);
      std::vector<bool> seen(static_cast<std::size_t>(count), false);
      for (std::int64_t p = 0; p < count; ++p) {
        auto const item = order(p);
        REQUIRE((item >= 0 && item < count));
        REQUIRE_FALSE(seen[static_cast<std::size_t>(item)]);
        seen[static_cast<std::size_t>(item)] = true;
      }
    }
  }
}

TEST_CASE("Epochs and seeds give different orders, the same ones the same",
          "[data][shuffled_order]") {
  std::set<std::vector<std::int64_t>> orders;
  for (std::uint64_t seed = 0; seed < 10; ++seed) {
    for (std::int64_t epoch = 0; epoch < 10; ++epoch) {
      std::vector<std::int64_t> items, again;
      for (std::int64_t p = 0; p < 50; ++p) items.push_back(ShuffledOrder(50, seed, epoch)(p));
      for (std::int64_t p = 50; p-- > 0;) again.push_back(ShuffledOrder(50, seed, epoch)(p));
      REQUIRE(std::vector<std::int64_t>(again.rbegin(), again.rend()) == items);
      orders.insert(items);
    }
  }
  CHECK(orders.size() == 100);
}

TEST_CASE("Items are evenly spread over positions", "[data][shuffled_order]") {
  for (std::int64_t const count : {5, 10, 37}) {
    // Chi-squared over (position, item) in 4,000 orders; each cell expects 4000 / count.
    constexpr int orders = 4000;
    std::vector<int> cells(static_cast<std::size_t>(count * count), 0);
    for (int seed = 0; seed < orders; ++seed) {
      ShuffledOrder const order(count, static_cast<std::uint64_t>(seed), 0);
      for (std::int64_t p = 0; p < count; ++p)
        ++cells[static_cast<std::size_t>(p * count + order(p))];
    }
    double const expected = orders / static_cast<double>(count);
    double chi_squared = 0;
    for (int const cell : cells) chi_squared += (cell - expected) * (cell - expected) / expected;
    double const freedom = static_cast<double>((count - 1) * (count - 1));
    CAPTURE(count, chi_squared, freedom);
    CHECK(chi_squared < freedom + 5 * std::sqrt(2 * freedom));  // five standard deviations
    CHECK(chi_squared > freedom - 5 * std::sqrt(2 * freedom));
  }
}

TEST_CASE("Neighbours are torn apart", "[data][shuffled_order]") {
  ShuffledOrder const order(100000, 1, 0);
  int near = 0;
  for (std::int64_t p = 0; p + 1 < 10000; ++p) near += std::abs(order(p) - order(p + 1)) < 100;
  CHECK(near < 60);  // 20 expected
}

TEST_CASE("Positions outside and negative counts are refused", "[data][shuffled_order]") {
  ShuffledOrder const order(10, 1, 0);
  CHECK_THROWS_AS(order(-1), ConfigError);
  CHECK_THROWS_AS(order(10), ConfigError);
  CHECK_THROWS_AS(ShuffledOrder(0, 1, 0)(0), ConfigError);
  CHECK_THROWS_AS(ShuffledOrder(-1, 1, 0), ConfigError);
  CHECK_THROWS_AS(ShuffledOrder(INT64_MAX, 1, 0), ConfigError);
  std::int64_t const large = std::int64_t{1} << 40;
  auto const item = ShuffledOrder(large, 1, 0)(12345);
  CHECK((item >= 0 && item < large));
}
