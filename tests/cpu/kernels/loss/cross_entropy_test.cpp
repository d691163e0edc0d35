// SPDX-License-Identifier: Apache-2.0
// Cross entropy in chunks against a loop in double, its gradient against differences, and what a
// target may be.
#include <array>
#include <catch2/catch.hpp>
#include <cmath>
#include <random>
#include <vector>

#include "moenda/cpu/backend.hpp"
#include "moenda/cpu/kernels/loss/chunk_rows.hpp"

using moenda::cpu::Backend;
using moenda::cpu::cross_entropy;
using moenda::cpu::cross_entropy_chunk_rows;

namespace {

std::size_t size_of(int rows, int cols) {
  return static_cast<std::size_t>(rows) * static_cast<std::size_t>(cols);
}

template <class T>
struct Case {
  Case(int row_count, int vocab, int col_count, double size = 1)
      : rows(row_count), vocab_size(vocab), cols(col_count) {
    std::mt19937 bits(7);
    auto const fill = [&](std::vector<T>& values, std::size_t count) {
      values.resize(count);
      for (auto& value : values) {
        value = static_cast<T>(size * (static_cast<double>(bits()) / 2147483648.0 - 1.0));
      }
    };
    fill(x, size_of(rows, cols));
    fill(w, size_of(vocab, cols));
    for (int row = 0; row < rows; ++row) {
      targets.push_back(static_cast<int>(bits() % static_cast<unsigned>(vocab)));
    }
  }
  int rows, vocab_size, cols;
  std::vector<T> x, w;
  std::vector<int> targets;
};

template <class T>
struct Result {
  double loss_sum = NAN;
  std::vector<T> losses, dx, dw;
};

// dx and losses begin as NaN, dw as 1: whatever is not assigned or not added shows.
template <class T>
Result<T> run(Case<T> const& of, T scale = 1, int threads = 1) {
  Backend<T> backend(threads);
  Result<T> result;
  result.losses.assign(static_cast<std::size_t>(of.rows), T(NAN));
  result.dx.assign(of.x.size(), T(NAN));
  result.dw.assign(of.w.size(), T(1));
  cross_entropy(backend, &result.loss_sum, result.losses.data(), result.dx.data(), result.dw.data(),
                of.x.data(), of.w.data(), of.targets.data(), scale, of.rows, of.vocab_size, of.cols,
                moenda::Precision::fp32);
  return result;
}

template <class T>
double loss_only(Case<T> const& of) {
  Backend<T> backend(1);
  double loss = NAN;
  cross_entropy<T>(backend, &loss, nullptr, nullptr, nullptr, of.x.data(), of.w.data(),
                   of.targets.data(), T(1), of.rows, of.vocab_size, of.cols,
                   moenda::Precision::fp32);
  return loss;
}

template <class T>
Result<double> reference(Case<T> const& of, double scale) {
  Result<double> want;
  want.loss_sum = 0;
  want.losses.assign(static_cast<std::size_t>(of.rows), 0.0);
  want.dx.assign(of.x.size(), 0.0);
  want.dw.assign(of.w.size(), 1.0);
  for (int row = 0; row < of.rows; ++row) {
    auto const r = static_cast<std::size_t>(row);
    int const target = of.targets[r];
    if (target < 0) continue;
    T const* x = &of.x[size_of(row, of.cols)];
    std::vector<double> logits;
    double max = -INFINITY, sum = 0;
    for (int word = 0; word < of.vocab_size; ++word) {
      double logit = 0;
      for (int c = 0; c < of.cols; ++c) {
        logit += double(x[c]) * double(of.w[size_of(word, of.cols) + static_cast<std::size_t>(c)]);
      }
      logits.push_back(logit);
      max = std::max(max, logit);
    }
    for (double const logit : logits) sum += std::exp(logit - max);
    want.losses[r] = max + std::log(sum) - logits[static_cast<std::size_t>(target)];
    want.loss_sum += want.losses[r];
    for (int word = 0; word < of.vocab_size; ++word) {
      double const p = std::exp(logits[static_cast<std::size_t>(word)] - max) / sum;
      double const dlogit = scale * (p - (word == target ? 1 : 0));
      for (int c = 0; c < of.cols; ++c) {
        auto const at = static_cast<std::size_t>(c);
        want.dx[size_of(row, of.cols) + at] += dlogit * double(of.w[size_of(word, of.cols) + at]);
        want.dw[size_of(word, of.cols) + at] += dlogit * double(x[c]);
      }
    }
  }
  return want;
}

template <class T>
double largest_difference(std::vector<T> const& a, std::vector<double> const& b) {
  double largest = 0;
  for (std::size_t i = 0; i < a.size(); ++i) {
    double const difference = std::abs(double(a[i]) - b[i]);
    if (std::isnan(difference)) return difference;
    largest = std::max(largest, difference);
  }
  return largest;
}

}  // namespace

TEMPLATE_TEST_CASE("cross entropy equals a loop in double", "[cross_entropy]", float, double) {
  double const unit = sizeof(TestType) == 4 ? 1e-6 : 2e-15;
  for (auto const& [rows, vocab, cols] : {std::array{1, 1, 1},
                                          {3, 2, 5},
                                          {7, 63, 4},
                                          {5, 64, 16},
                                          {9, 65, 3},
                                          {20, 300, 33},
                                          {3, 2048, 7},
                                          {3, 2049, 7},
                                          {2, 6001, 3},
                                          {1, 140000, 2}}) {
    INFO(rows << " rows, vocabulary " << vocab << ", " << cols << " columns");
    Case<TestType> const of(rows, vocab, cols);
    auto const got = run(of, TestType(0.25));
    auto const want = reference(of, 0.25);
    CHECK(std::abs(got.loss_sum - want.loss_sum) < 4 * unit * rows);
    CHECK(std::abs(loss_only(of) - got.loss_sum) == 0);
    CHECK(largest_difference(got.losses, want.losses) < 4 * unit);
    CHECK(largest_difference(got.dx, want.dx) < unit);
    CHECK(largest_difference(got.dw, want.dw) < 4 * unit);
  }
}

TEST_CASE("rows around the edge of a chunk", "[cross_entropy]") {
  int const chunk = cross_entropy_chunk_rows(10);
  for (int const rows : {chunk - 1, chunk, chunk + 1, 2 * chunk + 3}) {
    INFO(rows << " rows, " << chunk << " in a chunk");
    Case<double> const of(rows, 10, 3);
    auto const got = run(of);
    auto const want = reference(of, 1);
    CHECK(std::abs(got.loss_sum - want.loss_sum) < 1e-11);
    CHECK(largest_difference(got.losses, want.losses) < 1e-14);
    CHECK(largest_difference(got.dx, want.dx) < 1e-14);
    CHECK(largest_difference(got.dw, want.dw) < 1e-11);
  }
}

TEST_CASE("a head that nobody trains changes no other number", "[cross_entropy]") {
  Case<double> const of(20, 300, 33);
  auto const want = run(of);
  Backend<double> backend(1);
  double loss = NAN;
  std::vector<double> losses(20, NAN), dx(of.x.size(), NAN);
  cross_entropy<double>(backend, &loss, losses.data(), dx.data(), nullptr, of.x.data(), of.w.data(),
                        of.targets.data(), 1.0, of.rows, of.vocab_size, of.cols,
                        moenda::Precision::fp32);
  CHECK(loss == want.loss_sum);
  CHECK(losses == want.losses);
  CHECK(dx == want.dx);
}

TEST_CASE("a chunk is neither empty nor enormous", "[cross_entropy]") {
  for (int const vocab : {1, 256, 1000, 50257, 262144, 2147483647}) {
    INFO("vocabulary " << vocab);
    int const rows = cross_entropy_chunk_rows(vocab);
    CHECK(rows >= 16);
    CHECK(rows <= 1024);
    CHECK((rows == 16 || static_cast<std::int64_t>(rows) * vocab <= (1 << 26)));
  }
}

TEST_CASE("cross entropy gradients equal central differences", "[cross_entropy]") {
  Case<double> of(6, 70, 5);
  of.targets[2] = -1;
  auto const got = run(of);
  auto const check = [&](std::vector<double>& values, std::vector<double> const& gradient,
                         double start) {
    double worst = 0;
    for (std::size_t i = 0; i < values.size(); ++i) {
      double const old = values[i], step = 1e-5;
      values[i] = old + step;
      double const above = loss_only(of);
      values[i] = old - step;
      double const below = loss_only(of);
      values[i] = old;
      worst = std::max(worst, std::abs((above - below) / (2 * step) - (gradient[i] - start)));
    }
    CHECK(worst < 1e-8);
  };
  check(of.x, got.dx, 0);
  check(of.w, got.dw, 1);
}

TEST_CASE("ignored rows count nothing", "[cross_entropy]") {
  Case<float> of(12, 40, 6);
  for (std::size_t const row : {0u, 5u, 11u}) of.targets[row] = -1;
  auto const got = run(of);
  auto const want = reference(of, 1);
  CHECK(std::abs(got.loss_sum - want.loss_sum) < 1e-5);
  CHECK(largest_difference(got.dx, want.dx) < 1e-6);
  CHECK(largest_difference(got.dw, want.dw) < 1e-5);
  for (std::size_t const row : {0u, 5u, 11u}) {
    CHECK(got.losses[row] == 0);
    for (std::size_t c = 0; c < 6; ++c) CHECK(got.dx[row * 6 + c] == 0);
  }
  of.targets.assign(12, -1);
  auto const nothing = run(of);
  CHECK(nothing.loss_sum == 0);
  CHECK(nothing.dw == std::vector<float>(of.w.size(), 1.0f));
}

TEST_CASE("huge logits stay finite", "[cross_entropy]") {
  Case<float> const of(8, 100, 4, 100.0);  // logits up to 4e4
  auto const got = run(of);
  auto const want = reference(of, 1);
  CHECK(got.loss_sum == Approx(want.loss_sum).epsilon(1e-5));
  for (auto const* values : {&got.losses, &got.dx, &got.dw}) {
    for (float const value : *values) REQUIRE(std::isfinite(value));
  }
}

TEST_CASE("NaN in a logit shows in the loss", "[cross_entropy]") {
  for (std::size_t const word : {3u, 98u, 2500u, 4999u}) {  // in whole registers and behind them
    Case<float> of(2, word < 100 ? 100 : 5000, 1);
    of.w[word] = NAN;
    CHECK(std::isnan(run(of).loss_sum));
  }
}

TEST_CASE("cross entropy has the same bits for any number of threads", "[cross_entropy]") {
  Case<float> const of(530, 130, 24);
  auto const want = run(of);
  for (int const threads : {2, 3, 8}) {
    auto const got = run(of, 1.0f, threads);
    CHECK(got.loss_sum == want.loss_sum);
    CHECK(got.losses == want.losses);
    CHECK(got.dx == want.dx);
    CHECK(got.dw == want.dw);
  }
}

TEST_CASE("a target outside the vocabulary is named and nothing is computed", "[cross_entropy]") {
  for (int const target : {-2, 40, 2147483647, -2147483647 - 1}) {
    Case<float> of(600, 40, 2);
    of.targets[599] = target;
    Backend<float> backend(1);
    double loss = 3;
    std::vector<float> dx(of.x.size(), 5.0f), dw(of.w.size(), 6.0f);
    auto const call = [&] {
      cross_entropy<float>(backend, &loss, nullptr, dx.data(), dw.data(), of.x.data(), of.w.data(),
                           of.targets.data(), 1, of.rows, of.vocab_size, of.cols,
                           moenda::Precision::fp32);
    };
    CHECK_THROWS_AS(call(), moenda::DataError);
    CHECK_THROWS_WITH(call(), Catch::Contains("row 599") && Catch::Contains("vocab_size 40") &&
                                  Catch::Contains("is " + std::to_string(target)));
    CHECK(loss == 3);
    CHECK(dx == std::vector<float>(of.x.size(), 5.0f));
    CHECK(dw == std::vector<float>(of.w.size(), 6.0f));
  }
}

TEST_CASE("cross entropy refuses impossible calls", "[cross_entropy]") {
  Backend<float> backend(1);
  float x[4] = {};
  int const target = 0;
  double loss = 0;
  auto const call = [&](float* dx, float* dw, int rows, int vocab, int cols) {
    cross_entropy<float>(backend, &loss, nullptr, dx, dw, x, x, &target, 1, rows, vocab, cols,
                         moenda::Precision::fp32);
  };
  CHECK_THROWS_AS(call(nullptr, x, 1, 1, 1), moenda::ConfigError);
  CHECK_THROWS_AS(call(nullptr, nullptr, -1, 1, 1), moenda::ConfigError);
  CHECK_THROWS_AS(call(nullptr, nullptr, 1, 0, 1), moenda::ConfigError);
  CHECK_THROWS_AS(call(nullptr, nullptr, 1, 1, 0), moenda::ConfigError);
  loss = 1;
  call(nullptr, nullptr, 0, 1, 1);
  CHECK(loss == 0);
}
