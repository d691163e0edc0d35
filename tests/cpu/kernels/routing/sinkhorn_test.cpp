// SPDX-License-Identifier: Apache-2.0

#include "cpu/kernels/checks.hpp"

using namespace moenda;
using checks::numbers;

namespace {

template <class T>
std::vector<T> log_plan(std::vector<T> const& z, int cols, int iterations = 20,
                        std::vector<T> const& present = {}) {
  cpu::Backend<T> backend(2);
  std::vector<T> plan(z.size());
  int const rows = int(z.size()) / cols;
  cpu::sinkhorn_forward(backend, plan.data(), z.data(), present.empty() ? nullptr : present.data(),
                        iterations, rows, cols);
  return plan;
}

/// The largest |sum - expected| of the exponentials over rows and over columns.
template <class T>
std::pair<double, double> marginal_errors(std::vector<T> const& plan, int cols) {
  auto const n = std::size_t(cols), rows = plan.size() / n;
  std::vector<double> row(rows), column(n);
  for (std::size_t i = 0; i < plan.size(); ++i) {
    row[i / n] += std::exp(double(plan[i]));
    column[i % n] += std::exp(double(plan[i]));
  }
  double of_rows = 0, of_columns = 0;
  for (double const sum : row) of_rows = std::max(of_rows, std::abs(sum - 1.0 / double(rows)));
  for (double const sum : column) of_columns = std::max(of_columns, std::abs(sum - 1.0 / cols));
  return {of_rows, of_columns};
}

TEMPLATE_TEST_CASE("a Sinkhorn plan has equal rows and equal columns", "[cpu][sinkhorn]", float,
                   double) {
  for (auto const& [rows, cols] : {std::pair(40, 4), std::pair(129, 8), std::pair(3, 3)}) {
    auto const z = numbers<TestType>(rows * cols, 31, -2, 2);
    auto const [of_rows, of_columns] = marginal_errors(log_plan(z, cols), cols);
    CAPTURE(rows, cols);
    CHECK(of_rows < 1e-4);
    CHECK(of_columns < 1e-4);
    CHECK(of_columns * double(cols) < 1e-5);  // the columns come last
  }
}

TEST_CASE("a Sinkhorn plan forgets constants per row and per column", "[cpu][sinkhorn]") {
  constexpr int rows = 33, cols = 5;
  auto const z = numbers<double>(rows * cols, 32, -2, 2);
  auto by_row = z, by_column = z;
  auto const a = numbers<double>(rows, 33, -9, 9), b = numbers<double>(cols, 34, -9, 9);
  for (std::size_t i = 0; i < z.size(); ++i) by_row[i] += a[i / cols], by_column[i] += b[i % cols];
  auto const plan = log_plan(z, cols, 200);
  checks::require_near(log_plan(by_row, cols, 200), plan, 1e-10);
  checks::require_near(log_plan(by_column, cols, 200), plan, 1e-10);
  checks::require_near(log_plan(by_row, cols, 1), log_plan(z, cols, 1), 1e-10);  // at once
}

TEST_CASE("a Sinkhorn plan of equal logits is uniform", "[cpu][sinkhorn]") {
  for (double const p : log_plan(std::vector<double>(6 * 4, 3.5), 4)) {
    CHECK(p == Approx(-std::log(24.0)).epsilon(1e-14));
  }
}

/// Clark et al. 2022 and Megatron-LM iterate on K = exp(z) itself.
std::vector<double> plan_of_exponentials(std::vector<double> const& z, int cols, int iterations) {
  auto const n = std::size_t(cols), rows = z.size() / n;
  std::vector<double> d0(rows), d1(n, 1), plan(z.size());
  for (int i = 0; i < iterations; ++i) {
    for (std::size_t r = 0; r < rows; ++r) {
      double sum = 0;
      for (std::size_t c = 0; c < n; ++c) sum += std::exp(z[r * n + c]) * d1[c];
      d0[r] = 1 / (double(rows) * sum);
    }
    for (std::size_t c = 0; c < n; ++c) {
      double sum = 0;
      for (std::size_t r = 0; r < rows; ++r) sum += std::exp(z[r * n + c]) * d0[r];
      d1[c] = 1 / (double(n) * sum);
    }
  }
  for (std::size_t i = 0; i < z.size(); ++i) plan[i] = d0[i / n] * std::exp(z[i]) * d1[i % n];
  return plan;
}

TEST_CASE("Sinkhorn in logarithms is Sinkhorn of exponentials", "[cpu][sinkhorn]") {
  for (int const iterations : {1, 2, 20}) {
    auto const z = numbers<double>(50 * 7, 35, -2, 2);
    auto plan = log_plan(z, 7, iterations);
    for (auto& p : plan) p = std::exp(p);
    checks::require_near(plan, plan_of_exponentials(z, 7, iterations), 1e-14);
  }
}

template <class T>
bool all_finite(std::vector<T> const& values) {
  return std::all_of(values.begin(), values.end(), [](T v) { return std::isfinite(v); });
}

TEST_CASE("Sinkhorn takes logits of any size", "[cpu][sinkhorn]") {
  for (float const size : {1e2f, 1e4f}) {
    auto const plan = log_plan(numbers<float>(64 * 5, 36, -size, size), 5);
    CHECK(all_finite(plan));
    CHECK(marginal_errors(plan, 5).second < (size == 1e2f ? 1e-5 : 1e-3));
  }
  // One expert that all prefer by far: plain top-1 collapses, the plan shares the rows out. A row
  // that is not finite changes nothing for the others.
  std::vector<double> z(40 * 4);
  for (std::size_t i = 0; i < z.size(); ++i) {
    z[i] = (i % 4 == 1 ? 1e4 : 0) + numbers<double>(1, i, -3, 3)[0];
  }
  auto const with_bad_row = [&](double bad) {
    auto more = z;
    more.insert(more.end(), {0, bad, 0, 0});
    auto plan = log_plan(more, 4, 100);
    plan.resize(z.size());
    return plan;
  };
  auto const plan = with_bad_row(NAN);
  CHECK(all_finite(plan));
  std::vector<int> best(4);
  for (std::size_t r = 0; r < 40; ++r) {
    ++best[std::size_t(std::max_element(&plan[4 * r], &plan[4 * r] + 4) - &plan[4 * r])];
  }
  for (int const count : best) CHECK((count >= 5 && count <= 15));
  CHECK(plan == with_bad_row(INFINITY));
}

TEST_CASE("a Sinkhorn plan is that of the rows that are present", "[cpu][sinkhorn]") {
  constexpr std::size_t rows = 90, cols = 5;  // several blocks of rows, one of them without a row
  auto const z = numbers<double>(int(rows * cols), 39, -3, 3);
  std::vector<double> present(rows, 1), rest;
  for (std::size_t r = 0; r < rows; ++r) {
    if (r % 3 == 0 || (r > 30 && r < 70)) present[r] = 0;
    if (present[r] != 0) rest.insert(rest.end(), &z[r * cols], &z[r * cols] + cols);
  }
  auto const plan = log_plan(z, int(cols), 20, present);
  std::vector<double> kept;
  for (std::size_t r = 0; r < rows; ++r) {
    if (present[r] != 0) kept.insert(kept.end(), &plan[r * cols], &plan[r * cols] + cols);
  }
  checks::require_near(kept, log_plan(rest, int(cols)), 1e-12);
  CHECK(all_finite(plan));
  CHECK(log_plan(z, int(cols), 20, std::vector<double>(rows, 1)) == log_plan(z, int(cols)));
  CHECK(log_plan(z, int(cols), 20, std::vector<double>(rows, 0)) == z);  // nothing to balance
}

TEST_CASE("Sinkhorn gives the same bits for any number of threads", "[cpu][sinkhorn]") {
  auto const z = numbers<float>(300 * 6, 38, -3, 3);
  checks::require_same_bits([&](auto& backend) {
    std::vector<float> plan(z.size());
    cpu::sinkhorn_forward<float>(backend, plan.data(), z.data(), nullptr, 5, 300, 6);
    return plan;
  });
}

}  // namespace
