// SPDX-License-Identifier: Apache-2.0
#include "moenda/statistics/paired.hpp"

#include <catch2/catch.hpp>

using namespace moenda;
using namespace moenda::statistics;

namespace {

std::vector<double> const small{1, 2, 3, 4}, shifted{2.5, 3.4, 4.6, 5.5};

}  // namespace

TEST_CASE("mean, deviation and error of known values", "[statistics]") {
  CHECK(mean(small) == 2.5);
  CHECK(standard_deviation(small) == Approx(1.2909944487));
  CHECK(standard_error(small) == Approx(0.6454972244));
  CHECK(standard_deviation(std::vector{7.0}) == 0);
  CHECK_THROWS_AS(mean(std::vector<double>{}), ConfigError);
}

TEST_CASE("Student's interval has the tabulated width", "[statistics]") {
  // t(0.975, 3) = 3.182446305: any table of the distribution.
  auto const interval = mean_interval(small, 0.95);
  CHECK(interval.high - 2.5 == Approx(3.182446305 * 0.6454972244));
  CHECK(2.5 - interval.low == Approx(3.182446305 * 0.6454972244));
  CHECK(mean_interval(std::vector{1.0}, 0.95).high == INFINITY);
  CHECK_THROWS_AS(mean_interval(small, 1), ConfigError);
  CHECK_THROWS_AS(mean_interval(small, 0), ConfigError);
}

TEST_CASE("a bootstrap stays within the values and covers the mean", "[statistics]") {
  auto const interval = bootstrap_interval(small, 0.95);
  CHECK(interval.low >= 1);
  CHECK(interval.high <= 4);
  CHECK(interval.contains(2.5));
  CHECK(interval.low == Approx(1.5).margin(0.26));  // the 2.5 % point of 256 equally likely means
  auto const again = bootstrap_interval(small, 0.95);
  CHECK(interval.low == again.low);
  CHECK(interval.high == again.high);
  auto const one = bootstrap_interval(std::vector{3.0}, 0.9);
  CHECK(one.low == 3);
  CHECK(one.high == 3);
}

TEST_CASE("a steady difference between pairs is found", "[statistics]") {
  auto const found = compare_paired(small, shifted, 0.1);
  CHECK(found.pairs == 4);
  CHECK(found.difference == Approx(-1.5));
  CHECK(found.verdict == Verdict::lower);
  // differences -1.5, -1.4, -1.6, -1.5: t = -1.5 / (0.0816497 / 2) = -36.74
  CHECK(found.p_different == Approx(4.45e-5).epsilon(0.01));
  CHECK(compare_paired(shifted, small, 0.1).verdict == Verdict::higher);
}

TEST_CASE("equal arms are equivalent only when the margin is wide enough", "[statistics]") {
  std::vector<double> const a{3.10, 3.20, 3.15, 3.18}, b{3.11, 3.19, 3.16, 3.17};
  CHECK(compare_paired(a, b, 0.05).verdict == Verdict::equivalent);
  CHECK(compare_paired(a, b, 0.001).verdict == Verdict::not_shown);
  CHECK(compare_paired(a, b, 0).verdict == Verdict::not_shown);
  CHECK(compare_paired(a, a, 0.01).verdict == Verdict::equivalent);  // no spread: no doubt
}

TEST_CASE("one pair shows nothing", "[statistics]") {
  auto const alone = compare_paired(std::vector{1.0}, std::vector{9.0}, 1);
  CHECK(alone.verdict == Verdict::not_shown);
  CHECK(std::string(words_of(alone)) == "cannot be told");
  CHECK(std::string(words_of(compare_paired(small, small, 0))) == "no difference shown");
  CHECK(alone.p_different == 1);
  CHECK_THROWS_AS(compare_paired(small, std::vector{1.0}, 1), ConfigError);
  CHECK_THROWS_AS(compare_paired(small, small, -1), ConfigError);
  for (double const bad : {NAN, INFINITY}) {
    CHECK_THROWS_AS(compare_paired(std::vector{bad, 1.0}, std::vector{1.0, 2.0}, 1), NumericError);
  }
}
