// SPDX-License-Identifier: Apache-2.0
// The three products of a linear layer against plain loops in double.
#include <array>
#include <catch2/catch.hpp>
#include <limits>
#include <vector>

#include "cpu/kernels/checks.hpp"
#include "moenda/cpu/backend.hpp"

using namespace moenda;
using namespace moenda::cpu;

namespace {

using checks::numbers;

/// A linear layer, its input and the gradient of its output. Results are y, dx, dw one after the
/// other; y and dx begin as 9 because they are assigned, dw as 1 because it is added to.
template <class T>
struct Linear {
  int rows, out, in;
  std::size_t x_size, w_size, y_size;
  std::vector<T> x, w, dy;

  explicit Linear(std::array<int, 3> const& sizes_of_layer)
      : rows(sizes_of_layer[0]),
        out(sizes_of_layer[1]),
        in(sizes_of_layer[2]),
        x_size(std::size_t(rows) * std::size_t(in)),
        w_size(std::size_t(out) * std::size_t(in)),
        y_size(std::size_t(rows) * std::size_t(out)),
        x(numbers<T>(std::ptrdiff_t(x_size), 1)),
        w(numbers<T>(std::ptrdiff_t(w_size), 2)),
        dy(numbers<T>(std::ptrdiff_t(y_size), 3)) {}

  [[nodiscard]] std::vector<T> result(MatmulKernel kernel) const {
    Backend<T> backend(2, kernel);
    std::vector<T> all(y_size + x_size, T(9));
    all.resize(all.size() + w_size, T(1));
    T* const y = all.data();
    T *const dx = y + y_size, *const dw = dx + x_size;
    matmul_forward(backend, y, x.data(), w.data(), rows, out, in, Precision::fp32);
    matmul_backward_input(backend, dx, dy.data(), w.data(), rows, out, in, Precision::fp32);
    matmul_backward_weight(backend, dw, dy.data(), x.data(), rows, out, in, Precision::fp32);
    return all;
  }
  [[nodiscard]] std::vector<double> expected() const {
    std::vector<double> all(y_size + x_size, 0.0);
    all.resize(all.size() + w_size, 1.0);
    for (int r = 0; r < rows; ++r) {
      for (int o = 0; o < out; ++o) {
        for (int i = 0; i < in; ++i) {
          auto const at_x = std::size_t(r * in + i), at_w = std::size_t(o * in + i),
                     at_y = std::size_t(r * out + o);
          all[at_y] += double(x[at_x]) * double(w[at_w]);
          all[y_size + at_x] += double(dy[at_y]) * double(w[at_w]);
          all[y_size + x_size + at_w] += double(dy[at_y]) * double(x[at_x]);
        }
      }
    }
    return all;
  }
};

}  // namespace

TEST_CASE("bf16 is refused where there is none", "[matmul]") {
  float x = 1, y = 0;
  double wide = 1;
  Backend<float> eigen(1, MatmulKernel::eigen);
  Backend<double> doubles(1);
  CHECK_THROWS_AS(matmul_forward(eigen, &y, &x, &x, 1, 1, 1, Precision::bf16), ConfigError);
  CHECK_THROWS_AS(matmul_forward(doubles, &wide, &wide, &wide, 1, 1, 1, Precision::bf16),
                  ConfigError);
}

TEMPLATE_TEST_CASE("the three products of a linear layer, packed and by Eigen", "[matmul]", float,
                   double) {
  for (auto const& sizes_of_layer : {std::array{33, 20, 65},
                                     {1, 40, 70},
                                     {70, 4, 33},
                                     {0, 3, 5},
                                     {5, 0, 4},
                                     {4, 6, 0},
                                     {200, 100, 60}}) {
    Linear<TestType> const layer(sizes_of_layer);
    CAPTURE(layer.rows, layer.out, layer.in);
    auto const expected = layer.expected();
    auto const tolerance = double(std::numeric_limits<TestType>::epsilon()) * 200;
    for (auto const kernel : {MatmulKernel::packed, MatmulKernel::eigen}) {
      auto const got = layer.result(kernel);
      REQUIRE(got.size() == expected.size());
      for (std::size_t i = 0; i < got.size(); ++i) {
        REQUIRE(double(got[i]) == Approx(expected[i]).margin(tolerance).epsilon(tolerance));
      }
    }
  }
}

TEST_CASE("a last block of one row is not taken for a product of few rows", "[matmul]") {
  constexpr int rows = 411769, out = 32;  // with AVX-512 172 blocks of 2394 rows, and one row
  Backend<float> backend(2);
  auto const x = numbers<float>(rows, 1), w = numbers<float>(out, 2);
  std::vector<float> y(std::size_t(rows) * out);
  matmul_forward(backend, y.data(), x.data(), w.data(), rows, out, 1, Precision::fp32);
  for (std::size_t i = 0; i < y.size(); ++i) {
    if (y[i] != x[i / out] * w[i % out]) FAIL("row " << i / out << " is wrong");
  }
}
