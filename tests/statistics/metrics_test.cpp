// SPDX-License-Identifier: Apache-2.0
// Cases that can be counted by hand; tests/golden/metrics_test.cpp compares with scikit-learn.
#include <catch2/catch.hpp>

#include "moenda/statistics/classification.hpp"
#include "moenda/statistics/regression.hpp"
#include "moenda/statistics/temperature.hpp"

using namespace moenda;
using namespace moenda::statistics;

namespace {

std::vector<int> const labels{0, 0, 1, 1};

}  // namespace

TEST_CASE("areas of known rankings", "[statistics]") {
  std::vector<double> const right{1, 2, 3, 4}, wrong{4, 3, 2, 1}, equal(4, 7), mixed{1, 3, 2, 4};
  CHECK(roc_auc(right, labels) == 1);
  CHECK(roc_auc(wrong, labels) == 0);
  CHECK(roc_auc(equal, labels) == 0.5);
  CHECK(roc_auc(mixed, labels) == 0.75);
  CHECK(average_precision(right, labels) == 1);
  CHECK(average_precision(equal, labels) == 0.5);  // the share of positives
  CHECK(average_precision(mixed, labels) == Approx((1 + 2.0 / 3) / 2));
  std::vector<double> const infinite{-INFINITY, 0, INFINITY, INFINITY};
  CHECK(roc_auc(infinite, labels) == 1);
}

TEST_CASE("areas that are not defined are NaN, and scores must be numbers", "[statistics]") {
  std::vector<double> const scores{1, 2};
  CHECK(std::isnan(roc_auc(scores, std::vector{1, 1})));
  CHECK(std::isnan(roc_auc(scores, std::vector{0, 0})));
  CHECK(std::isnan(average_precision(scores, std::vector{0, 0})));
  CHECK(std::isnan(roc_auc(std::vector<double>{}, std::vector<int>{})));
  CHECK_THROWS_AS(roc_auc(std::vector{NAN, 1.0}, std::vector{0, 1}), NumericError);
  CHECK_THROWS_AS(roc_auc(scores, labels), ConfigError);
}

TEST_CASE("counts of right and wrong classes", "[statistics]") {
  std::vector<int> const predicted{0, 1, 1, 1};
  CHECK(accuracy(predicted, labels) == 0.75);
  CHECK(f1(predicted, labels) == Approx(0.8));
  CHECK(macro_f1(predicted, labels) == Approx((0.8 + 2.0 / 3) / 2));
  CHECK(f1(predicted, labels, 5) == 0);
  CHECK(predicted_classes(std::vector{0.5, 0.5, 0.2, 0.8}, 2) == std::vector{0, 1});
  CHECK_THROWS_AS(accuracy({}, {}), ConfigError);
  CHECK_THROWS_AS(predicted_classes(std::vector{0.5}, 2), ConfigError);
}

TEST_CASE("log loss and calibration of known beliefs", "[statistics]") {
  std::vector<double> const sure{1, 0, 1, 0}, half(4, 0.5);
  std::vector<int> const both{0, 1};
  CHECK(log_loss(half, both) == Approx(std::log(2)));
  CHECK(log_loss(sure, both) == Approx(52 * std::log(2) / 2));  // one wrong, at 2^-52
  CHECK(expected_calibration_error(sure, both) == 0.5);
  CHECK(expected_calibration_error(half, both) == 0);
  CHECK_THROWS_AS(log_loss(half, std::vector{0, 2}), ConfigError);
  CHECK_THROWS_AS(log_loss(half, std::vector{0, 1, 1}), ConfigError);
  CHECK_THROWS_AS(expected_calibration_error(half, both, 0), ConfigError);
}

TEST_CASE("a temperature undoes a factor", "[statistics]") {
  // 3 of 4 rows agree with a logit of log(3): calibrated as it is.
  double const z = std::log(3.0);
  std::vector<int> const truth{0, 0, 0, 1};
  for (double const factor : {0.1, 1.0, 8.0}) {
    std::vector<double> logits;
    for (int i = 0; i < 4; ++i) logits.insert(logits.end(), {z * factor + 5, 5});
    CHECK(fit_temperature(logits, truth) == Approx(factor).epsilon(1e-9));
  }
}

TEST_CASE("a temperature stays where validation does not say it", "[statistics]") {
  std::vector<double> const logits{2, 1, 0, 1};
  CHECK(fit_temperature(logits, std::vector{0, 1}) == 1);  // no errors
  CHECK(fit_temperature(logits, std::vector{1, 0}) == Approx(largest_temperature));
  CHECK(std::isfinite(fit_temperature(std::vector{1e308, -1e308, 0.0, 0.0}, std::vector{0, 1})));
  CHECK_THROWS_AS(fit_temperature(std::vector{NAN, 1.0}, std::vector{0}), NumericError);
  CHECK_THROWS_AS(fit_temperature(std::vector<double>{}, std::vector<int>{}), ConfigError);
}

TEST_CASE("errors of regression", "[statistics]") {
  std::vector<double> const targets{1, 2, 3}, off{2, 3, 4}, constant(3, 2);
  CHECK(root_mean_squared_error(off, targets) == 1);
  CHECK(r_squared(targets, targets) == 1);
  CHECK(r_squared(constant, targets) == 0);
  CHECK(r_squared(off, targets) == -0.5);
  CHECK(r_squared(constant, constant) == 1);
  CHECK(r_squared(targets, constant) == 0);
  CHECK_THROWS_AS(r_squared({}, {}), ConfigError);
}
