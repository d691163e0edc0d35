// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <algorithm>
#include <cmath>
#include <cstddef>
#include <span>
#include <string>
#include <vector>

#include "moenda/core/error.hpp"
#include "moenda/statistics/classification.hpp"

namespace moenda::statistics {

inline constexpr double smallest_temperature = 0.01, largest_temperature = 100;

/// softmax(logits / temperature), row by row.   logits [rows, classes] -> probabilities.
[[nodiscard]] inline std::vector<double> softmax_of_rows(std::span<double const> logits,
                                                         std::size_t classes,
                                                         double temperature = 1) {
  require(classes >= 1 && logits.size() % classes == 0,
          "statistics: every row must have a number per class (numbers vs classes)",
          static_cast<long long>(logits.size()), static_cast<long long>(classes));
  std::vector<double> probs(logits.size());
  for (std::size_t i = 0; i < logits.size(); i += classes) {
    auto const row = logits.subspan(i, classes);
    double const most = *std::max_element(row.begin(), row.end());
    double sum = 0;
    for (std::size_t c = 0; c < classes; ++c) {
      sum += probs[i + c] = std::exp((row[c] - most) / temperature);
    }
    for (std::size_t c = 0; c < classes; ++c) probs[i + c] /= sum;
  }
  return probs;
}

/// The temperature of least log loss for validation logits: Guo et al. 2017, section 4.2. It leaves
/// the predicted classes and every ranking of two classes as they are. In 1 / temperature the loss
/// is convex, so its slope has one zero, which is found by bisection. Where every row is right the
/// loss falls forever with the temperature and nothing is known of how wrong others may be, so the
/// temperature stays 1. Where nothing was learned it is largest_temperature. Throws NumericError
/// for logits that are not finite.
[[nodiscard]] inline double fit_temperature(std::span<double const> logits,
                                            std::span<int const> classes_of) {
  auto const classes = detail::columns_of(logits, classes_of);
  for (double const logit : logits) {
    if (!std::isfinite(logit)) {
      throw NumericError("fit_temperature: logits must be finite, got " + std::to_string(logit));
    }
  }
  // d loss / d (1 / temperature): the mean logit under the model minus that of the true class.
  auto const slope = [&](double temperature) {
    auto const probs = softmax_of_rows(logits, classes, temperature);
    double sum = 0;
    for (std::size_t i = 0; i < classes_of.size(); ++i) {
      double const truth = logits[i * classes + static_cast<std::size_t>(classes_of[i])];
      for (std::size_t c = 0; c < classes; ++c) {
        sum += probs[i * classes + c] * (logits[i * classes + c] - truth);
      }
    }
    return sum;
  };
  if (slope(smallest_temperature) <= 0) return 1;
  double low = std::log(smallest_temperature), high = std::log(largest_temperature);
  for (int i = 0; i < 60; ++i) {
    double const middle = (low + high) / 2;
    (slope(std::exp(middle)) > 0 ? low : high) = middle;  // too sure: the temperature must rise
  }
  return std::exp((low + high) / 2);
}

}  // namespace moenda::statistics
