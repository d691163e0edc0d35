// SPDX-License-Identifier: Apache-2.0
#include "cpu/kernels/checks.hpp"
#include "moenda/cpu/backend.hpp"
#include "moenda/cpu/kernels/blocks.hpp"

using namespace moenda;
using checks::numbers;

TEMPLATE_TEST_CASE("fill, copy and add write exactly n scalars", "[cpu][elementwise]", float,
                   double) {
  using T = TestType;
  cpu::Backend<T> backend(3);
  for (std::ptrdiff_t const n : {0, 1, 7, 16383, 16384, 16385, 50001}) {
    auto const size = static_cast<std::size_t>(n);
    auto const a = numbers<T>(n, 1), b = numbers<T>(n, 2);
    std::vector<T> y(size + 1, T(9));
    cpu::fill(backend, y.data(), T(3), n);
    REQUIRE(std::count(y.begin(), y.end() - 1, T(3)) == n);
    for (T const zero : {T(0), -T(0)}) {
      cpu::fill(backend, y.data(), zero, n);
      for (std::size_t i = 0; i < size; ++i) {
        REQUIRE((y[i] == 0 && std::signbit(y[i]) == std::signbit(zero)));
      }
      REQUIRE(y.back() == T(9));
    }
    cpu::copy(backend, y.data(), a.data(), n);
    REQUIRE(std::equal(a.begin(), a.end(), y.begin()));
    cpu::add_forward(backend, y.data(), a.data(), b.data(), n);
    for (std::size_t i = 0; i < size; ++i) REQUIRE(y[i] == a[i] + b[i]);
    REQUIRE(y.back() == T(9));
  }
}

TEST_CASE("add may write to one of its inputs", "[cpu][elementwise]") {
  cpu::Backend<float> backend(2);
  auto const a = numbers<float>(40000, 1), b = numbers<float>(40000, 2);
  auto left = a, right = b;
  cpu::add_forward(backend, left.data(), left.data(), b.data(), 40000);
  cpu::add_forward(backend, right.data(), a.data(), right.data(), 40000);
  REQUIRE(left == right);
  REQUIRE(left[39999] == a[39999] + b[39999]);
}

TEST_CASE("copy_blocks follows both strides and leaves the gaps alone", "[cpu][elementwise]") {
  cpu::Backend<double> backend(3);
  struct Case {
    int blocks;
    std::ptrdiff_t count, y_stride, x_stride;
  };
  for (auto const& c : {Case{5, 3, 4, 7}, Case{1000, 20, 20, 25}, Case{3, 40000, 40010, 40000},
                        Case{1, 16384, 0, 0}, Case{0, 5, 5, 5}, Case{4, 0, 2, 2}}) {
    auto const x = numbers<double>(c.blocks * c.x_stride + c.count, 3);
    std::vector<double> y(static_cast<std::size_t>(c.blocks * c.y_stride + c.count), 9.0);
    auto expected = y;
    for (std::ptrdiff_t b = 0; b < c.blocks; ++b) {
      std::copy_n(x.begin() + b * c.x_stride, c.count, expected.begin() + b * c.y_stride);
    }
    cpu::copy_blocks(backend, y.data(), x.data(), c.blocks, c.count, c.y_stride, c.x_stride);
    REQUIRE(y == expected);
  }
}

TEST_CASE("sums and maxima over lanes agree with plain loops for every length",
          "[cpu][elementwise]") {
  for (std::ptrdiff_t n = 0; n < 70; ++n) {
    auto const x = numbers<float>(n, 5);
    double sum = 0;
    float largest = -2;
    for (float const value : x)
      sum += static_cast<double>(value), largest = std::max(largest, value);
    auto const term = [&](std::ptrdiff_t i) { return x[static_cast<std::size_t>(i)]; };
    REQUIRE(static_cast<double>(cpu::detail::sum_of<float>(n, term)) == Approx(sum).margin(1e-5));
    REQUIRE(cpu::detail::maximum_of<float>(n, -2.0f, term) == largest);
  }
}
