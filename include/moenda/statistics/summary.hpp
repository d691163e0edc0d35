// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <algorithm>
#include <boost/math/distributions/students_t.hpp>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "moenda/core/error.hpp"
#include "moenda/core/random.hpp"

namespace moenda::statistics {

/// From `low` to `high`, both included.
struct Interval {
  double low = 0, high = 0;

  [[nodiscard]] bool contains(double value) const { return low <= value && value <= high; }
  [[nodiscard]] bool within(double least, double most) const {
    return least <= low && high <= most;
  }
};

namespace detail {

inline void require_confidence(double confidence) {
  if (confidence > 0 && confidence < 1) return;
  throw ConfigError("statistics: confidence must lie between 0 and 1, got " +
                    std::to_string(confidence));
}

}  // namespace detail

[[nodiscard]] inline double mean(std::span<double const> values) {
  require(!values.empty(), "statistics::mean: there must be a value", 0, 1);
  double sum = 0;
  for (double const value : values) sum += value;
  return sum / double(values.size());
}

/// Of the values, with n - 1 in the denominator; 0 for a single one.
[[nodiscard]] inline double standard_deviation(std::span<double const> values) {
  double const middle = mean(values);
  double sum = 0;
  for (double const value : values) sum += (value - middle) * (value - middle);
  return values.size() < 2 ? 0 : std::sqrt(sum / double(values.size() - 1));
}

/// Of the mean.
[[nodiscard]] inline double standard_error(std::span<double const> values) {
  return standard_deviation(values) / std::sqrt(double(values.size()));
}

/// Student's interval of the mean: right for normal values, and for few of them. It needs two;
/// one value says nothing about its own spread, so its interval is everything.
[[nodiscard]] inline Interval mean_interval(std::span<double const> values, double confidence) {
  detail::require_confidence(confidence);
  double const middle = mean(values);
  if (values.size() < 2) return {-INFINITY, INFINITY};
  boost::math::students_t const t(double(values.size() - 1));
  double const reach = boost::math::quantile(t, 0.5 + confidence / 2) * standard_error(values);
  return {middle - reach, middle + reach};
}

/// The middle `confidence` of the means of samples drawn with replacement: Efron 1979. It assumes
/// no distribution, but of n values it can only make C(2n - 1, n) different samples: 10 of three.
[[nodiscard]] inline Interval bootstrap_interval(std::span<double const> values, double confidence,
                                                 std::uint64_t seed = 1, int samples = 10'000) {
  detail::require_confidence(confidence);
  require(samples >= 100, "statistics: a bootstrap needs at least 100 samples", samples, 100);
  (void)mean(values);  // refuses an empty list
  std::vector<double> means(static_cast<std::size_t>(samples));
  Random const random(seed, stream_of("bootstrap"));
  auto const n = values.size();
  for (std::size_t s = 0; s < means.size(); ++s) {
    double sum = 0;
    for (std::size_t i = 0; i < n; ++i) sum += values[random.bits(s * n + i) % n];
    means[s] = sum / double(n);
  }
  std::sort(means.begin(), means.end());
  auto const at = [&](double share) {
    return means[static_cast<std::size_t>(std::lround(share * double(means.size() - 1)))];
  };
  return {at(0.5 - confidence / 2), at(0.5 + confidence / 2)};
}

}  // namespace moenda::statistics
