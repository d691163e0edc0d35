// SPDX-License-Identifier: Apache-2.0
#include <limits>
#include <numeric>

#include "cpu/kernels/checks.hpp"

using namespace moenda;
using checks::mask;
using checks::numbers;

namespace {

float const infinity = std::numeric_limits<float>::infinity();
float const nan_value = std::numeric_limits<float>::quiet_NaN();

template <class T>
std::vector<double> softmax_formula(std::vector<T> const& z, T const* m, int rows, int cols) {
  std::vector<double> p(z.size());
  for (int r = 0; r < rows; ++r) {
    double sum = 0;
    for (int i = r * cols; i < (r + 1) * cols; ++i) {
      auto const k = static_cast<std::size_t>(i);
      p[k] = m == nullptr || m[i] != T(0) ? std::exp(static_cast<double>(z[k])) : 0;
      sum += p[k];
    }
    for (int i = r * cols; sum > 0 && i < (r + 1) * cols; ++i) {
      p[static_cast<std::size_t>(i)] /= sum;
    }
  }
  return p;
}

std::vector<float> softmax_of(std::vector<float> const& z, std::vector<float> const& m = {}) {
  cpu::Backend<float> backend(1);
  std::vector<float> p(z.size(), 9.0f);
  cpu::softmax_forward(backend, p.data(), z.data(), m.empty() ? nullptr : m.data(), 1,
                       static_cast<int>(z.size()));
  return p;
}

}  // namespace

TEMPLATE_TEST_CASE("softmax agrees with its formula", "[cpu][softmax]", float, double) {
  using T = TestType;
  cpu::Backend<T> backend(3);
  for (int const rows : {0, 1, 3, 130}) {
    for (int const cols : {1, 2, 3, 8, 16, 33, 64, 100}) {
      auto const z = numbers<T>(rows * cols, 1, -9, 9);
      auto const m = mask<T>(rows * cols, 2, 0.4);
      for (T const* taken : {static_cast<T const*>(nullptr), m.data()}) {
        std::vector<T> p(z.size(), T(9));
        cpu::softmax_forward(backend, p.data(), z.data(), taken, rows, cols);
        checks::require_near(p, softmax_formula(z, taken, rows, cols), checks::tolerance<T>);
      }
    }
  }
}

TEST_CASE("softmax gradients agree with differences and are assigned", "[cpu][softmax]") {
  cpu::Backend<double> backend(2);
  auto z = numbers<double>(6 * 9, 1, -2, 2);
  auto const m = mask<double>(6 * 9, 2, 0.5), dp = numbers<double>(6 * 9, 3);
  std::vector<double> p(z.size()), dz(z.size(), 9.0);
  for (double const* taken : {static_cast<double const*>(nullptr), m.data()}) {
    auto const loss = [&] {
      cpu::softmax_forward(backend, p.data(), z.data(), taken, 6, 9);
      return checks::dot(dp, p);
    };
    loss();
    cpu::softmax_backward(backend, dz.data(), dp.data(), p.data(), 6, 9);
    checks::require_gradient(z, dz, loss);
  }
}

TEST_CASE("softmax of unusual rows is defined", "[cpu][softmax]") {
  REQUIRE(softmax_of({1, 2, 3}, {0, 0, 0}) == std::vector<float>{0, 0, 0});
  REQUIRE(softmax_of({nan_value, 2, infinity}, {0, 1, 0}) == std::vector<float>{0, 1, 0});
  REQUIRE(softmax_of({-infinity, 2}) == std::vector<float>{0, 1});
  REQUIRE(softmax_of({3e38f, 3e38f}) == std::vector<float>{0.5f, 0.5f});
  REQUIRE(softmax_of({-3e38f, 3e38f}) == std::vector<float>{0, 1});
  for (auto const& row :
       {std::vector<float>{1, nan_value, 3}, {1, infinity, 3}, {-infinity, -infinity}}) {
    for (float const p : softmax_of(row)) REQUIRE(std::isnan(p));
  }
  auto const masked = softmax_of({nan_value, 2, 5}, {1, 0, 1});
  REQUIRE((std::isnan(masked[0]) && masked[1] == 0 && std::isnan(masked[2])));
}

TEST_CASE("selected weights: values, sums and gradients", "[cpu][softmax]") {
  cpu::Backend<double> backend(3);
  int const rows = 7, cols = 20;
  auto x = numbers<double>(rows * cols, 1, 0.1, 1);
  auto m = mask<double>(rows * cols, 2, 0.3);
  std::fill_n(m.begin(), cols, 0.0);  // a row that selects nothing
  auto const dy = numbers<double>(rows * cols, 3);
  std::vector<double> y(x.size()), dx(x.size(), 9.0), sums(static_cast<std::size_t>(rows));
  for (bool const renormalise : {false, true}) {
    auto const loss = [&] {
      cpu::select_forward(backend, y.data(), sums.data(), x.data(), m.data(), renormalise, rows,
                          cols);
      return checks::dot(dy, y);
    };
    loss();
    for (int r = 0; r < rows; ++r) {
      auto const row = y.begin() + r * cols;
      double const sum = std::accumulate(row, row + cols, 0.0);
      if (r == 0) REQUIRE((sum == 0 && sums[0] == 1));
      if (r > 0 && renormalise) REQUIRE(sum == Approx(1));
      for (int i = r * cols; i < (r + 1) * cols; ++i) {
        auto const k = static_cast<std::size_t>(i);
        REQUIRE(y[k] * sums[static_cast<std::size_t>(r)] == Approx(m[k] * x[k]));
      }
    }
    cpu::select_backward(backend, dx.data(), dy.data(), y.data(), sums.data(), m.data(),
                         renormalise, rows, cols);
    if (renormalise) std::fill_n(dx.begin(), cols, 0.0);  // checked above: that row is constant 0
    checks::require_gradient(x, dx, loss);
  }
}

TEST_CASE("renormalising survives sums below the smallest normal number", "[cpu][softmax]") {
  cpu::Backend<float> backend(1);
  std::vector<float> const x{1e-40f, 3e-40f}, m{1, 1};
  std::vector<float> y(2), sums(1);
  cpu::select_forward(backend, y.data(), sums.data(), x.data(), m.data(), true, 1, 2);
  checks::require_near(y, std::vector<float>{0.25f, 0.75f}, 1e-4);
}

TEMPLATE_TEST_CASE("top_k marks what sorting marks", "[cpu][top_k]", float, double) {
  using T = TestType;
  cpu::Backend<T> backend(3);
  for (int const cols : {1, 2, 3, 8, 64, 256, 700}) {
    for (int const k : {-1, 0, 1, 2, 3, 8, 16, 17, 33, 255, 256, 1000}) {
      int const rows = 9;
      auto x = numbers<T>(rows * cols, 1);
      for (auto& value : x) value = std::round(value * 6);  // many ties
      std::vector<T> got(x.size(), T(7)), expected(x.size());
      for (int r = 0; r < rows; ++r) {
        std::vector<int> order(static_cast<std::size_t>(cols));
        std::iota(order.begin(), order.end(), r * cols);
        std::stable_sort(order.begin(), order.end(), [&](int a, int b) {
          return x[static_cast<std::size_t>(a)] > x[static_cast<std::size_t>(b)];
        });
        for (int i = 0; i < std::min(k, cols); ++i) {
          expected[static_cast<std::size_t>(order[static_cast<std::size_t>(i)])] = T(1);
        }
      }
      cpu::top_k_of_rows(backend, got.data(), x.data(), k, rows, cols);
      INFO("cols " << cols << ", k " << k);
      REQUIRE(got == expected);
    }
  }
}

TEST_CASE("top_k chooses exactly k whatever the row holds", "[cpu][top_k]") {
  cpu::Backend<float> backend(2);
  int const cols = 40;
  std::vector<float> const kinds{nan_value, infinity, -infinity, 0.0f, -0.0f, 1.0f};
  for (int const k : {1, 2, 16, 17, 39}) {
    for (std::size_t first = 0; first < kinds.size(); ++first) {
      for (std::size_t second = 0; second < kinds.size(); ++second) {
        std::vector<float> x(static_cast<std::size_t>(cols), kinds[first]), m(x.size());
        for (std::size_t c = 1; c < x.size(); c += 3) x[c] = kinds[second];
        cpu::top_k_of_rows(backend, m.data(), x.data(), k, 1, cols);
        REQUIRE(std::accumulate(m.begin(), m.end(), 0.0f) == static_cast<float>(k));
      }
    }
  }
  std::vector<float> const x{nan_value, -infinity, nan_value, -5};
  std::vector<float> m(4);
  cpu::top_k_of_rows(backend, m.data(), x.data(), 2, 1, 4);
  REQUIRE(m == std::vector<float>{1, 0, 0, 1});
}

TEST_CASE("softmax, selection and top_k have the same bits for any thread count",
          "[cpu][softmax]") {
  int const rows = 501, cols = 40;
  auto const z = numbers<float>(rows * cols, 1, -5, 5), dy = numbers<float>(rows * cols, 2);
  checks::require_same_bits([&](cpu::Backend<float>& backend) {
    std::vector<float> all, m(z.size()), p(z.size()), y(z.size()), sums(rows);
    for (int const k : {2, 20}) {
      cpu::top_k_of_rows(backend, m.data(), z.data(), k, rows, cols);
      checks::append(all, m);
      cpu::softmax_forward(backend, p.data(), z.data(), m.data(), rows, cols);
      checks::append(all, p);
      cpu::softmax_backward(backend, y.data(), dy.data(), p.data(), rows, cols);
      checks::append(all, y);
      cpu::select_forward(backend, y.data(), sums.data(), p.data(), m.data(), true, rows, cols);
      cpu::select_backward(backend, p.data(), dy.data(), y.data(), sums.data(), m.data(), true,
                           rows, cols);
      checks::append(all, p);
    }
    return all;
  });
}
