// SPDX-License-Identifier: Apache-2.0
#include "moenda/core/array.hpp"

#include <algorithm>
#include <catch2/catch.hpp>
#include <cstdint>

#include "moenda/cpu/backend.hpp"

namespace {

using namespace moenda;
using Backend = cpu::Backend<float>;

TEST_CASE("an array begins with zeros, also on huge pages", "[memory]") {
  Backend backend(1);
  for (std::size_t const size : {0u, 1u, 1000u, (8u << 20) / 8 - 1, (8u << 20) / 8, 5000001u}) {
    CAPTURE(size);
    Array<Backend, double> const zeros(backend, size);
    REQUIRE(zeros.size() == size);
    CHECK(reinterpret_cast<std::uintptr_t>(zeros.data()) % 64 == 0);
    CHECK(std::all_of(zeros.begin(), zeros.end(), [](double z) { return z == 0; }));
  }
}

TEST_CASE("an array is moved, not copied, and goes to the host and back", "[memory]") {
  Backend backend(1);
  Array<Backend, int> numbers(backend, 3);
  numbers.assign(std::vector{1, 2, 3});
  auto const* const place = numbers.data();
  auto moved = std::move(numbers);
  CHECK(moved.data() == place);
  CHECK(numbers.empty());  // NOLINT: what a moved array is
  CHECK(moved.on_host() == std::vector{1, 2, 3});
  moved = Array<Backend, int>(backend, 2);
  CHECK(moved.on_host() == std::vector{0, 0});
  CHECK_THROWS_AS(moved.assign(std::vector{1}), ConfigError);
  OnHost seen(moved);
  *seen.at(moved.data() + 1) = 7;
  seen.give_back();
  CHECK(moved[1] == 7);
}

TEST_CASE("an array that nobody has memory for is refused", "[memory]") {
  Backend backend(1);
  CHECK_THROWS_AS((Array<Backend, double>(backend, std::size_t(-1))), std::bad_alloc);
  // The least number whose bytes cannot be counted.
  CHECK_THROWS_AS((Array<Backend, double>(backend, std::size_t(-1) / 8 + 1)), std::bad_alloc);
}

}  // namespace
