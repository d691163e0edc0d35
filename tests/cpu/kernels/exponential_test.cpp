// SPDX-License-Identifier: Apache-2.0
// The float functions against the standard library in double, over every exponent.
#include "moenda/cpu/kernels/exponential.hpp"

#include <algorithm>
#include <bit>
#include <catch2/catch.hpp>
#include <cmath>
#include <cstdint>
#include <limits>

using moenda::cpu::exponential;
using moenda::cpu::hyperbolic_tangent;
using moenda::cpu::sigmoid;

namespace {

double units_in_last_place(float got, double want) {
  float const near = std::abs(static_cast<float>(want));
  float const unit = std::nextafter(near, std::numeric_limits<float>::infinity()) - near;
  return std::abs(static_cast<double>(got) - want) / static_cast<double>(unit);
}

// Calls body with about 200,000 finite floats spread over all exponents and both signs.
template <class Body>
void every_size(Body body) {
  for (std::uint64_t bits = 0; bits <= 0xffffffffu; bits += 21001) {
    float const x = std::bit_cast<float>(static_cast<std::uint32_t>(bits));
    if (std::isfinite(x)) body(x);
  }
}

}  // namespace

TEST_CASE("float functions are accurate to the last places", "[exponential]") {
  double worst_exp = 0, worst_tanh = 0, worst_sigmoid = 0;
  every_size([&](float x) {
    auto const wide = static_cast<double>(x);
    if (x > -103.9f && x < 88.72f) {
      worst_exp = std::max(worst_exp, units_in_last_place(exponential(x), std::exp(wide)));
    }
    worst_tanh = std::max(worst_tanh, units_in_last_place(hyperbolic_tangent(x), std::tanh(wide)));
    if (x > -87.0f) {
      worst_sigmoid =
          std::max(worst_sigmoid, units_in_last_place(sigmoid(x), 1 / (1 + std::exp(-wide))));
    }
  });
  CHECK(worst_exp < 1.5);
  CHECK(worst_tanh < 3);
  CHECK(worst_sigmoid < 3);
}

TEST_CASE("float functions at their ends", "[exponential]") {
  constexpr float infinity = std::numeric_limits<float>::infinity();
  constexpr float nan = std::numeric_limits<float>::quiet_NaN();
  CHECK(exponential(0.0f) == 1);
  CHECK(exponential(-infinity) == 0);
  CHECK(exponential(-1e30f) == 0);
  CHECK(exponential(-103.0f) > 0);  // subnormal
  CHECK(std::isfinite(exponential(88.72f)));
  CHECK(exponential(88.73f) == infinity);
  CHECK(exponential(infinity) == infinity);
  CHECK(std::isnan(exponential(nan)));
  CHECK(hyperbolic_tangent(infinity) == 1);
  CHECK(hyperbolic_tangent(-infinity) == -1);
  CHECK(hyperbolic_tangent(1e-30f) == 1e-30f);
  CHECK(std::signbit(hyperbolic_tangent(-0.0f)));
  CHECK(std::isnan(hyperbolic_tangent(nan)));
  CHECK(sigmoid(infinity) == 1);
  CHECK(sigmoid(-infinity) == 0);
  CHECK(sigmoid(0.0f) == 0.5f);
  CHECK(std::isnan(sigmoid(nan)));
}

TEST_CASE("double functions are the standard library's", "[exponential]") {
  for (double const x : {-800.0, -3.25, 0.0, 1e-9, 2.5, 700.0}) {
    CHECK(exponential(x) == std::exp(x));
    CHECK(hyperbolic_tangent(x) == std::tanh(x));
    CHECK(sigmoid(x) == Approx(1 / (1 + std::exp(-x))));
  }
}
