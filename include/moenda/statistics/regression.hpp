// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <cmath>
#include <cstddef>
#include <span>

#include "moenda/core/error.hpp"
#include "moenda/statistics/summary.hpp"

namespace moenda::statistics {

namespace detail {

[[nodiscard]] inline double sum_of_squared_errors(std::span<double const> predicted,
                                                  std::span<double const> targets) {
  require(predicted.size() == targets.size() && !predicted.empty(),
          "statistics: every target needs a prediction", static_cast<long long>(predicted.size()),
          static_cast<long long>(targets.size()));
  double sum = 0;
  for (std::size_t i = 0; i < predicted.size(); ++i) {
    sum += (predicted[i] - targets[i]) * (predicted[i] - targets[i]);
  }
  return sum;
}

}  // namespace detail

/// Root of the mean squared error, in units of the target.
[[nodiscard]] inline double root_mean_squared_error(std::span<double const> predicted,
                                                    std::span<double const> targets) {
  return std::sqrt(detail::sum_of_squared_errors(predicted, targets) / double(targets.size()));
}

/// The share of the targets' variance that is explained, R^2; below 0 where their mean would have
/// been the better prediction. Targets without variance: 1 if all are met, else 0, as scikit-learn
/// says.
[[nodiscard]] inline double r_squared(std::span<double const> predicted,
                                      std::span<double const> targets) {
  double const errors = detail::sum_of_squared_errors(predicted, targets);
  double const middle = mean(targets);
  double spread = 0;
  for (double const target : targets) spread += (target - middle) * (target - middle);
  if (spread == 0) return errors == 0 ? 1 : 0;
  return 1 - errors / spread;
}

/// Pearson's correlation; NaN where one of the two does not vary.
[[nodiscard]] inline double correlation(std::span<double const> x, std::span<double const> y) {
  require(x.size() == y.size() && !x.empty(), "statistics::correlation: numbers must come in pairs",
          static_cast<long long>(x.size()), static_cast<long long>(y.size()));
  double const mean_x = mean(x), mean_y = mean(y);
  double both = 0, of_x = 0, of_y = 0;
  for (std::size_t i = 0; i < x.size(); ++i) {
    both += (x[i] - mean_x) * (y[i] - mean_y);
    of_x += (x[i] - mean_x) * (x[i] - mean_x);
    of_y += (y[i] - mean_y) * (y[i] - mean_y);
  }
  return both / std::sqrt(of_x * of_y);
}

}  // namespace moenda::statistics
