// SPDX-License-Identifier: Apache-2.0
#include "moenda/core/random.hpp"

#include <catch2/catch.hpp>
#include <set>

namespace {

using namespace moenda;
using Words = std::array<std::uint32_t, 4>;

TEST_CASE("Philox4x32-10 gives the known answers of Random123", "[random]") {
  constexpr std::uint32_t ones = 0xffffffff;
  static_assert(philox({0, 0, 0, 0}, {0, 0}) ==
                Words{0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8});
  static_assert(philox({ones, ones, ones, ones}, {ones, ones}) ==
                Words{0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd});
  static_assert(
      philox({0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344}, {0xa4093822, 0x299f31d0}) ==
      Words{0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1});
  SUCCEED();
}

TEST_CASE("a draw depends on seed, stream and index", "[random]") {
  std::set<std::uint64_t> seen;
  for (std::uint64_t const seed : {0ull, 1ull, 1ull << 32, ~0ull}) {
    for (std::uint64_t const stream : {0ull, 1ull, 1ull << 32}) {
      for (std::uint64_t const index : {0ull, 1ull, 1ull << 32, ~0ull}) {
        seen.insert(Random(seed, stream).bits(index));
      }
    }
  }
  CHECK(seen.size() == 4 * 3 * 4);
  CHECK(Random(7, 3).bits(5) == Random(7, 3).bits(5));
  CHECK(stream_of("a.b") != stream_of("a.c"));
  static_assert(stream_of("") == 0xcbf29ce484222325);   // FNV-1a's offset basis
  static_assert(stream_of("a") == 0xaf63dc4c8601ec8c);  // and its published value for "a"
}

TEST_CASE("uniform and normal draws have their moments", "[random]") {
  Random const random(1);
  int const n = 100000;
  double mean = 0, square = 0, normal_mean = 0, normal_square = 0, fourth = 0;
  for (std::uint64_t i = 0; i < n; ++i) {
    double const u = random.uniform(i), z = random.normal(i);
    REQUIRE(u >= 0);
    REQUIRE(u < 1);
    REQUIRE(std::isfinite(z));
    mean += u / n, square += u * u / n;
    normal_mean += z / n, normal_square += z * z / n, fourth += z * z * z * z / n;
  }
  CHECK(mean == Approx(0.5).margin(5 * 0.289 / std::sqrt(n)));
  CHECK(square == Approx(1 / 3.0).margin(5 * 0.3 / std::sqrt(n)));
  CHECK(normal_mean == Approx(0).margin(5 / std::sqrt(n)));
  CHECK(normal_square == Approx(1).margin(5 * 1.42 / std::sqrt(n)));
  CHECK(fourth == Approx(3).margin(5 * 9.8 / std::sqrt(n)));
}

}  // namespace
