// SPDX-License-Identifier: Apache-2.0

#include "cpu/kernels/checks.hpp"

using namespace moenda;
using checks::numbers;

namespace {

double const base = 10000;

struct Rotation {
  int rows, num_heads, head_dim, seq_len, first_position;
};

template <class T>
std::vector<double> rope_formula(std::vector<T> const& x, Rotation const& s, double sign) {
  std::vector<double> y(x.size());
  int const half = s.head_dim / 2;
  for (int r = 0; r < s.rows; ++r) {
    for (int h = 0; h < s.num_heads; ++h) {
      for (int i = 0; i < half; ++i) {
        double const angle =
            sign * (s.first_position + r % s.seq_len) * std::pow(base, -2.0 * i / s.head_dim);
        auto const u = static_cast<std::size_t>((r * s.num_heads + h) * s.head_dim + i);
        auto const v = u + static_cast<std::size_t>(half);
        auto const a = static_cast<double>(x[u]), b = static_cast<double>(x[v]);
        y[u] = a * std::cos(angle) - b * std::sin(angle);
        y[v] = b * std::cos(angle) + a * std::sin(angle);
      }
    }
  }
  return y;
}

template <class T>
std::vector<T> rotated(cpu::Backend<T>& backend, std::vector<T> x, Rotation const& s, int sign) {
  cpu::rope_rotate(backend, x.data(), s.rows, s.num_heads, s.head_dim, s.seq_len, s.first_position,
                   base, sign, nullptr);
  return x;
}

}  // namespace

TEMPLATE_TEST_CASE("rope agrees with its formula, wherever positions start", "[cpu][rope]", float,
                   double) {
  using T = TestType;
  cpu::Backend<T> backend(3);
  for (auto const& s :
       {Rotation{0, 2, 8, 4, 0}, Rotation{1, 1, 2, 1, 0}, Rotation{1, 3, 64, 1, 777},
        Rotation{6, 2, 6, 3, 0}, Rotation{5, 2, 8, 9, 62}, Rotation{300, 2, 16, 150, 0},
        Rotation{200, 1, 34, 200, 63}, Rotation{3, 1, 8, 3, -2}, Rotation{70, 1, 8, 70, 100000}}) {
    auto const x = numbers<T>(std::ptrdiff_t{s.rows} * s.num_heads * s.head_dim, 1);
    for (int const sign : {1, -1}) {
      checks::require_near(rotated(backend, x, s, sign), rope_formula(x, s, sign),
                           sizeof(T) == 4 ? 1e-6 : 1e-10);
    }
  }
}

TEST_CASE("rope keeps norms and -1 undoes it", "[cpu][rope]") {
  cpu::Backend<double> backend(2);
  Rotation const s{90, 2, 10, 90, 5};
  auto const x = numbers<double>(90 * 20, 1);
  auto const y = rotated(backend, x, s, 1);
  for (std::size_t head = 0; head < 180; ++head) {
    double before = 0, after = 0;
    for (std::size_t i = head * 10; i < head * 10 + 10; ++i)
      before += x[i] * x[i], after += y[i] * y[i];
    REQUIRE(after == Approx(before).epsilon(1e-12));
  }
  checks::require_near(rotated(backend, y, s, -1), x, 1e-12);
}

TEST_CASE("the backward of rope is its transpose", "[cpu][rope]") {
  cpu::Backend<double> backend(2);
  Rotation const s{6, 2, 4, 3, 70};
  auto x = numbers<double>(6 * 8, 1);
  auto const dy = numbers<double>(6 * 8, 2);
  checks::require_gradient(x, rotated(backend, dy, s, -1),
                           [&] { return checks::dot(dy, rotated(backend, x, s, 1)); });
}

TEST_CASE("rotated q.k depends on the distance alone", "[cpu][rope]") {
  cpu::Backend<double> backend(1);
  auto const q = numbers<double>(16, 1), k = numbers<double>(16, 2);
  auto const product = [&](int i, int j) {
    return checks::dot(rotated(backend, q, {1, 1, 16, 1, i}, 1),
                       rotated(backend, k, {1, 1, 16, 1, j}, 1));
  };
  for (int const distance : {0, 1, 5, 64, 100}) {
    for (int const j : {1, 17, 63, 64, 1000}) {
      REQUIRE(product(j + distance, j) == Approx(product(distance, 0)).margin(1e-10));
    }
  }
  REQUIRE(std::abs(product(3, 0) - product(0, 0)) > 1e-3);
}

TEST_CASE("a position gets the same bits alone and within a sequence", "[cpu][rope]") {
  cpu::Backend<float> backend(3);
  auto const x = numbers<float>(200 * 8, 1);
  auto const whole = rotated(backend, x, {200, 1, 8, 200, 0}, 1);
  for (int const p : {0, 1, 63, 64, 127, 199}) {
    std::vector<float> const row(x.begin() + p * 8, x.begin() + (p + 1) * 8);
    auto const alone = rotated(backend, row, {1, 1, 8, 1, p}, 1);
    REQUIRE(std::equal(alone.begin(), alone.end(), whole.begin() + p * 8));
  }
}

TEST_CASE("rope refuses odd heads and empty sequences", "[cpu][rope]") {
  cpu::Backend<float> backend(1);
  std::vector<float> x(12, 1.0f);
  REQUIRE_THROWS_AS(cpu::rope_rotate(backend, x.data(), 4, 1, 3, 4, 0, base, 1, nullptr),
                    ConfigError);
  REQUIRE_THROWS_AS(cpu::rope_rotate(backend, x.data(), 3, 1, 4, 0, 0, base, 1, nullptr),
                    ConfigError);
  REQUIRE(x == std::vector<float>(12, 1.0f));
}

TEST_CASE("rope has the same bits for any thread count", "[cpu][rope]") {
  auto const x = numbers<float>(600 * 96, 1);
  checks::require_same_bits([&](cpu::Backend<float>& backend) {
    return rotated(backend, x, {600, 3, 32, 300, 41}, 1);
  });
}
