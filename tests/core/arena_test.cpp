// SPDX-License-Identifier: Apache-2.0
#include "moenda/core/arena.hpp"

#include <catch2/catch.hpp>
#include <cmath>
#include <cstdint>
#include <cstring>

namespace {

using namespace moenda;

int live = 0, taken = 0, fail_at = -1;
struct Counting : HostSpace {
  static void* allocate(std::size_t bytes) {
    if (taken == fail_at) throw std::bad_alloc();
    ++taken, ++live;
    return HostSpace::allocate(bytes);
  }
  static void release(void* memory) {
    --live;
    HostSpace::release(memory);
  }
};
Counting counting() {
  live = taken = 0;
  fail_at = -1;
  return {};
}
constexpr std::size_t megabyte = std::size_t{1} << 20;

TEST_CASE("memory is aligned and does not overlap", "[arena]") {
  Arena arena;
  std::byte* end = nullptr;
  for (std::size_t const bytes : {1u, 64u, 0u, 65u, 3u, 1000u}) {
    auto* memory = static_cast<std::byte*>(arena.take(bytes));
    REQUIRE(reinterpret_cast<std::uintptr_t>(memory) % 64 == 0);
    REQUIRE(memory >= end);
    std::memset(memory, 1, bytes);
    end = memory + bytes;
  }
}

TEST_CASE("rewinding gives the same memory again", "[arena]") {
  Arena arena;
  auto* first = arena.take(100);
  auto const mark = arena.mark();
  auto* second = arena.take(100);
  (void)arena.take(100);
  arena.rewind(mark);
  CHECK(arena.take(100) == second);
  arena.rewind();
  CHECK(arena.take(100) == first);
}

TEST_CASE("marks work across chunks", "[arena]") {
  Arena arena;
  (void)arena.take(3 * megabyte);
  auto const mark = arena.mark();
  auto* second = arena.take(3 * megabyte);  // does not fit the first chunk of 4 MB
  auto const inner = arena.mark();
  (void)arena.take(9 * megabyte);
  CHECK(arena.peak() >= 15 * megabyte);
  arena.rewind(inner);
  auto* third = arena.take(megabyte);
  CHECK(third != second);
  arena.rewind(mark);
  (void)arena.take(3 * megabyte);
  auto const peak = arena.peak();
  arena.rewind();
  (void)arena.take(megabyte);
  CHECK(arena.peak() == peak);
}

TEST_CASE("a step of the same size allocates nothing from the third on", "[arena]") {
  {
    Arena arena(counting());
    for (int step = 0; step < 5; ++step) {
      arena.rewind();
      int const before = taken;
      for (int i = 0; i < 20; ++i) (void)arena.take(megabyte);
      if (step >= 2) CHECK(taken == before);
    }
    CHECK(live == 1);  // merged
  }
  CHECK(live == 0);
}

TEST_CASE("a failed allocation leaves a working arena and no leak", "[arena]") {
  {
    Arena arena(counting());
    (void)arena.take(megabyte);
    auto const mark = arena.mark();
    fail_at = taken;
    CHECK_THROWS_AS(arena.take(9 * megabyte), std::bad_alloc);
    CHECK_THROWS_AS(arena.take(9 * megabyte), std::bad_alloc);
    fail_at = -1;
    CHECK_NOTHROW(arena.take(9 * megabyte));
    arena.rewind(mark);
    (void)arena.take(9 * megabyte);
    fail_at = taken;  // while merging
    CHECK_THROWS_AS(arena.rewind(), std::bad_alloc);
    fail_at = -1;
    CHECK_NOTHROW(arena.take(100));
  }
  CHECK(live == 0);
}

TEST_CASE("sizes nobody has are refused", "[arena]") {
  Arena arena;
  CHECK_THROWS_AS(arena.take(std::numeric_limits<std::size_t>::max()), ConfigError);
  CHECK_THROWS_AS(arena.take(std::numeric_limits<std::size_t>::max() / 2), ConfigError);
}

TEST_CASE("poison is NaN in both precisions", "[arena]") {
  Arena arena;
  arena.poison = true;
  CHECK(std::isnan(*static_cast<float*>(arena.take(4))));
  CHECK(std::isnan(*static_cast<double*>(arena.take(8))));
}

}  // namespace
