// SPDX-License-Identifier: Apache-2.0
#include "moenda/data/tabular/splits.hpp"

#include <catch2/catch.hpp>

#include "files/temporary_folder.hpp"

using namespace moenda;
using namespace moenda::data;

TEST_CASE("Split keys are those of any language", "[data][tabular]") {
  // python3 -c "..." with the lines above split_key, mod 2^64
  static_assert(split_key(1, 0) == 0xa7b77319d39f7883u);
  static_assert(split_key(1, 1) == 0xed71fd2d7cca751au);
  static_assert(split_key(7, 30000) == 0x8a4e1d748f665612u);
  std::vector<int> const strata(20, 0);
  auto const splits = split_rows(strata, {.valid_fraction = 0.2, .test_fraction = 0.25, .seed = 3});
  CHECK(splits.test == std::vector<std::int64_t>{2, 4, 9, 14, 16});
  CHECK(splits.valid == std::vector<std::int64_t>{0, 13, 15, 18});
}

TEST_CASE("Every class is shared out alike, and every row once", "[data][tabular]") {
  std::vector<int> strata;
  for (int i = 0; i < 1000; ++i) strata.push_back(i % 50 == 0 ? 1 : i % 3 == 0 ? 2 : 0);
  auto const splits = split_rows(strata, {.valid_fraction = 0.1, .test_fraction = 0.3, .seed = 5});
  std::vector<int> seen(strata.size(), 0);
  for (auto const* split : {&splits.train, &splits.valid, &splits.test}) {
    CHECK(std::is_sorted(split->begin(), split->end()));
    for (auto const row : *split) ++seen[std::size_t(row)];
  }
  CHECK(std::count(seen.begin(), seen.end(), 1) == 1000);
  auto const rare = [&](std::vector<std::int64_t> const& rows) {
    return std::count_if(rows.begin(), rows.end(),
                         [&](auto row) { return strata[std::size_t(row)] == 1; });
  };
  CHECK(rare(splits.test) == 6);
  CHECK(rare(splits.valid) == 2);
  CHECK(rare(splits.train) == 12);
  auto const again = split_rows(strata, {.valid_fraction = 0.1, .test_fraction = 0.3, .seed = 5});
  CHECK(again.test == splits.test);
  auto const other = split_rows(strata, {.valid_fraction = 0.1, .test_fraction = 0.3, .seed = 6});
  CHECK(other.test != splits.test);
}

TEST_CASE("A class of one row is trained on; nothing to train on is refused", "[data][tabular]") {
  std::vector<int> const strata{0, 0, 0, 0, 0, 0, 1};
  CHECK(split_rows(strata, {}).train.back() == 6);
  CHECK_THROWS_AS(split_rows(std::vector<int>{}, {}), DataError);
  CHECK_THROWS_AS(split_rows(strata, {.valid_fraction = 0.5, .test_fraction = 0.5}), ConfigError);
  CHECK_THROWS_AS(split_rows(strata, {.valid_fraction = -0.1}), ConfigError);
  CHECK_THROWS_AS(split_rows(strata, {.test_fraction = NAN}), ConfigError);
}
