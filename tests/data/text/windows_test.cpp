// SPDX-License-Identifier: Apache-2.0
#include "moenda/data/text/windows.hpp"

#include <catch2/catch.hpp>
#include <cstdint>
#include <numeric>
#include <vector>

#include "moenda/core/parallel.hpp"

using namespace moenda;
using namespace moenda::data;

namespace {

/// 0, 1, 2, ... in two segments of different width.
TokenStream counting(int size) {
  std::vector<std::uint16_t> first(static_cast<std::size_t>(size / 3));
  std::vector<std::uint32_t> second(static_cast<std::size_t>(size - size / 3));
  std::iota(first.begin(), first.end(), std::uint16_t{0});
  std::iota(second.begin(), second.end(), static_cast<std::uint32_t>(size / 3));
  TokenStream stream(std::move(first));
  stream.append(TokenStream(std::move(second)));
  return stream;
}

}  // namespace

TEST_CASE("Targets are inputs shifted by one", "[data][windows]") {
  Windows const windows(counting(100), 8, 5);
  std::vector<int> inputs(8), targets(8);
  for (std::int64_t i = 0; i < windows.count(); ++i) {
    windows.fill(i, inputs, targets);
    for (std::size_t k = 0; k < 8; ++k) {
      REQUIRE(inputs[k] == 5 * i + static_cast<int>(k));
      REQUIRE(targets[k] == inputs[k] + 1);
    }
  }
}

TEST_CASE("The number of windows: as many as fit with a target for every input",
          "[data][windows]") {
  for (int size = 0; size < 40; ++size) {
    for (int length = 1; length < 9; ++length) {
      for (int stride = 1; stride < 9; ++stride) {
        std::int64_t expected = 0;
        while (expected * stride + length + 1 <= size) ++expected;
        REQUIRE(Windows(counting(size), length, stride).count() == expected);
      }
    }
  }
  CHECK(Windows(counting(257), 256, 256).count() == 1);
  CHECK(Windows(counting(256), 256, 256).count() == 0);
}

TEST_CASE("Windows side by side predict every token once", "[data][windows]") {
  Windows const windows(counting(1000), 16, 16);
  std::vector<int> seen(1000, 0), inputs(16), targets(16);
  for (std::int64_t i = 0; i < windows.count(); ++i) {
    windows.fill(i, inputs, targets);
    for (int const target : targets) ++seen[static_cast<std::size_t>(target)];
  }
  for (std::size_t i = 0; i < 1000; ++i) {
    REQUIRE(seen[i] == (i >= 1 && i <= static_cast<std::size_t>(16 * windows.count()) ? 1 : 0));
  }
}

TEST_CASE("A batch is windows in order; the rest of an epoch is dropped", "[data][windows]") {
  Windows const windows(counting(200), 4, 2);
  auto const order = windows.order(3, 1);
  CHECK(windows.batches(7) == windows.count() / 7);
  CHECK(windows.batches(1000) == 0);
  std::vector<int> inputs(28), targets(28), one(4), next(4);
  for (std::int64_t batch = 0; batch < windows.batches(7); ++batch) {
    windows.fill_batch(order, batch, 7, inputs, targets);
    for (int row = 0; row < 7; ++row) {
      windows.fill(order(batch * 7 + row), one, next);
      REQUIRE(std::equal(one.begin(), one.end(), inputs.begin() + 4 * row));
      REQUIRE(std::equal(next.begin(), next.end(), targets.begin() + 4 * row));
    }
  }
  windows.fill_batch(1, 7, inputs, targets);
  CHECK(inputs[0] == 14);
}

TEST_CASE("Batches do not depend on threads or on what was read before", "[data][windows]") {
  Windows const windows(counting(3000), 8, 3);
  auto const batches = static_cast<std::size_t>(windows.batches(4));
  std::vector<std::vector<int>> expected(batches, std::vector<int>(32)), got = expected;
  std::vector<int> targets(32);
  for (std::size_t b = batches; b-- > 0;) {
    windows.fill_batch(windows.order(1, 9), static_cast<std::int64_t>(b), 4, expected[b], targets);
  }
  for (int const threads : {1, 3, 8}) {
    ThreadPool pool(threads);
    auto const order = windows.order(1, 9);
    pool.parallel_for(static_cast<std::int64_t>(batches), [&](std::int64_t begin, auto end) {
      std::vector<int> own(32);
      for (auto b = begin; b < end; ++b) {
        windows.fill_batch(order, b, 4, got[static_cast<std::size_t>(b)], own);
      }
    });
    REQUIRE(got == expected);
  }
}

TEST_CASE("Impossible windows are refused", "[data][windows]") {
  CHECK_THROWS_AS(Windows(counting(9), 0, 1), ConfigError);
  CHECK_THROWS_AS(Windows(counting(9), 1, 0), ConfigError);
  CHECK_THROWS_AS(Windows(counting(9), -1, 1), ConfigError);
  Windows const windows(counting(100), 8, 8);
  std::vector<int> inputs(8), targets(8), wrong(7);
  CHECK_THROWS_AS(windows.batches(0), ConfigError);
  CHECK_THROWS_AS(windows.fill(-1, inputs, targets), ConfigError);
  CHECK_THROWS_AS(windows.fill(windows.count(), inputs, targets), ConfigError);
  CHECK_THROWS_AS(windows.fill(0, wrong, targets), ConfigError);
  CHECK_THROWS_AS(windows.fill(0, inputs, wrong), ConfigError);
  CHECK_THROWS_AS(windows.fill_batch(windows.batches(1), 1, inputs, targets), ConfigError);
  CHECK_THROWS_AS(windows.fill_batch(-1, 1, inputs, targets), ConfigError);
}

TEST_CASE("Slices and reads of a stream stay inside it", "[data][token_stream]") {
  auto const stream = counting(30);
  for (std::int64_t begin = 0; begin <= 30; ++begin) {
    for (std::int64_t end = begin; end <= 30; ++end) {
      auto const part = stream.slice(begin, end);
      REQUIRE(part.size() == end - begin);
      std::vector<int> tokens(static_cast<std::size_t>(part.size()));
      part.read(0, tokens);
      for (std::size_t i = 0; i < tokens.size(); ++i) {
        REQUIRE(tokens[i] == static_cast<int>(begin) + static_cast<int>(i));
      }
    }
  }
  std::vector<int> two(2);
  CHECK_THROWS_AS(stream.read(29, two), ConfigError);
  CHECK_THROWS_AS(stream.read(-1, two), ConfigError);
  CHECK_THROWS_AS(stream.read(INT64_MAX, two), ConfigError);
  CHECK_THROWS_AS(stream.slice(-1, 3), ConfigError);
  CHECK_THROWS_AS(stream.slice(4, 3), ConfigError);
  CHECK_THROWS_AS(stream.slice(0, 31), ConfigError);
  CHECK_THROWS_AS(TokenStream()[0], ConfigError);
  TokenStream().read(0, {});
}
