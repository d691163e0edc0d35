// SPDX-License-Identifier: Apache-2.0
// The grouped products against the plain ones, group by group.
#include <algorithm>
#include <array>
#include <catch2/catch.hpp>
#include <cmath>
#include <cstdint>
#include <numeric>
#include <vector>

#include "cpu/kernels/checks.hpp"
#include "moenda/cpu/backend.hpp"

using namespace moenda;
using namespace moenda::cpu;

namespace {

using checks::numbers;

/// Results of the three products, one after the other.
template <class T>
struct Results {
  std::vector<T> y, dx, dw;
  bool operator==(Results const&) const = default;
};

/// Groups of the given sizes. Rows of x are picked out of a smaller x, some more than once.
template <class T>
struct Groups {
  int out, in, count, rows, x_rows;
  std::vector<int> begin, row_of;
  std::vector<T> x, w, dy;

  Groups(std::vector<int> const& sizes, int out_, int in_)
      : out(out_), in(in_), count(int(sizes.size())), begin(1, 0) {
    for (int const size : sizes) begin.push_back(begin.back() + size);
    rows = begin.back();
    x_rows = rows / 2 + 1;
    for (int r = 0; r < rows; ++r) row_of.push_back((r * 7 + r / 5) % x_rows);
    x = numbers<T>(std::ptrdiff_t(rows) * in,
                   1);  // x_rows of them are picked from; all, without row_of
    w = numbers<T>(std::ptrdiff_t(count) * out * in, 2);
    dy = numbers<T>(std::ptrdiff_t(rows) * out, 3);
  }
  static std::size_t size_of(int a, int b) { return std::size_t(a) * std::size_t(b); }

  [[nodiscard]] Results<T> empty_results() const {
    // y and dx are assigned, dw is added to.
    return {std::vector<T>(size_of(rows, out), T(9)), std::vector<T>(size_of(rows, in), T(9)),
            std::vector<T>(size_of(count * out, in), T(1))};
  }
  [[nodiscard]] Results<T> grouped(Backend<T>& backend, bool picked) const {
    auto all = empty_results();
    std::vector<T const*> weights;
    std::vector<T*> dweights;
    for (int g = 0; g < count; ++g) {
      weights.push_back(w.data() + size_of(g * out, in));
      dweights.push_back(all.dw.data() + size_of(g * out, in));
    }
    int const* const from = picked ? row_of.data() : nullptr;
    grouped_matmul_forward(backend, all.y.data(), x.data(), from, weights.data(), begin.data(),
                           count, out, in, backend.precision);
    grouped_matmul_backward_input(backend, all.dx.data(), dy.data(), weights.data(), begin.data(),
                                  count, out, in, backend.precision);
    grouped_matmul_backward_weight(backend, dweights.data(), dy.data(), x.data(), from,
                                   begin.data(), count, out, in, backend.precision);
    return all;
  }
  /// The same by the plain products, on copied rows.
  [[nodiscard]] Results<T> one_by_one(Backend<T>& backend, bool picked) const {
    auto all = empty_results();
    auto copies = x;
    for (int r = 0; r < rows && picked; ++r) {
      std::copy_n(x.data() + size_of(row_of[std::size_t(r)], in), in,
                  copies.data() + size_of(r, in));
    }
    for (int g = 0; g < count; ++g) {
      int const first = begin[std::size_t(g)], size = begin[std::size_t(g) + 1] - first;
      T const* const weight = w.data() + size_of(g * out, in);
      T const* const from = copies.data() + size_of(first, in);
      T const* const up = dy.data() + size_of(first, out);
      matmul_forward(backend, all.y.data() + size_of(first, out), from, weight, size, out, in,
                     backend.precision);
      matmul_backward_input(backend, all.dx.data() + size_of(first, in), up, weight, size, out, in,
                            backend.precision);
      matmul_backward_weight(backend, all.dw.data() + size_of(g * out, in), up, from, size, out, in,
                             backend.precision);
    }
    return all;
  }
};

/// Shares of 1/1, 1/2, 1/3, ...: few experts get most of the rows, many get none.
std::vector<int> zipf(int groups, int rows) {
  double total = 0;
  for (int g = 0; g < groups; ++g) total += 1.0 / (g + 1);
  std::vector<int> sizes;
  for (int g = 0; g < groups; ++g) sizes.push_back(int(rows / total / (g + 1)));
  return sizes;
}

template <class T>
std::vector<Groups<T>> cases() {
  return {Groups<T>({0, 1, 2, 7, 8, 9, 14, 15, 33, 0, 70}, 40, 65), Groups<T>({0, 0, 0, 0}, 12, 20),
          Groups<T>({}, 12, 20), Groups<T>({150}, 33, 48),
          // One output and one input would lie without gaps along the depth of a weight's gradient,
          // which the plain product then sums in another order than that of picked rows.
          Groups<T>({3, 0, 5}, 1, 2), Groups<T>({40, 3, 1}, 4, 600),
          Groups<T>({21, 2600, 1}, 30, 20),   // more rows than a block has
          Groups<T>({90, 1200, 11}, 20, 40),  // gradients of weights over blocks of the depth
          Groups<T>(zipf(64, 900), 64, 96)};
}

template <class T>
void check_against_plain(Backend<T>& backend) {
  for (auto const& groups : cases<T>()) {
    CAPTURE(groups.count, groups.rows, groups.out, groups.in);
    for (bool const picked : {false, true}) {
      REQUIRE(groups.grouped(backend, picked) == groups.one_by_one(backend, picked));
    }
  }
}

}  // namespace

// Groups are cut into the same blocks of the depth as single products: equal bits.
TEMPLATE_TEST_CASE("grouped products have the bits of the plain ones", "[grouped_matmul]", float,
                   double) {
  Backend<TestType> backend(2);
  check_against_plain(backend);
}
TEST_CASE("grouped products of bf16 have the bits of the plain ones", "[grouped_matmul]") {
  Backend<float> backend(2, MatmulKernel::packed, Precision::bf16);
  check_against_plain(backend);
}
TEST_CASE("grouped products by Eigen have the bits of the plain ones", "[grouped_matmul]") {
  Backend<float> backend(1, MatmulKernel::eigen);
  check_against_plain(backend);
}

TEST_CASE("grouped products give the same bits for any number of threads", "[grouped_matmul]") {
  for (auto const precision : {Precision::fp32, Precision::bf16}) {
    Backend<float> one(1, MatmulKernel::packed, precision);
    std::vector<Results<float>> expected;
    auto const examples = cases<float>();
    for (auto const& groups : examples) expected.push_back(groups.grouped(one, true));
    for (int const threads : {2, 3, 8}) {
      Backend<float> many(threads, MatmulKernel::packed, precision);
      for (std::size_t i = 0; i < examples.size(); ++i) {
        REQUIRE(examples[i].grouped(many, true) == expected[i]);
      }
    }
  }
}

TEST_CASE("a group without rows leaves its gradient as it is", "[grouped_matmul]") {
  Backend<float> backend(2);
  Groups<float> const groups({5, 0, 20}, 6, 10);
  auto const results = groups.grouped(backend, true);
  auto const weight = std::ptrdiff_t{6} * 10;
  CHECK(std::all_of(results.dw.begin() + weight, results.dw.begin() + 2 * weight,
                    [](float value) { return value == 1; }));
  CHECK(results.dw.front() != 1);
}
