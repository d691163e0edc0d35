// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <array>

#include "moenda/statistics/summary.hpp"

namespace moenda::statistics {

/// What a paired comparison shows.
enum class Verdict {
  lower,       ///< the difference is below 0
  higher,      ///< the difference is above 0
  equivalent,  ///< the difference is shown to lie within the margin
  not_shown,   ///< neither a difference nor equivalence is shown
};
constexpr auto enum_names(Verdict) {
  return std::array{"lower", "higher", "equivalent", "no difference shown"};
}

/// How two arms differ when each pair shares its seed: pairing removes what the seed alone does.
struct Comparison {
  int pairs = 0;
  double difference = 0;    ///< mean of a - b
  Interval interval;        ///< Student's, of the difference
  Interval bootstrap;       ///< without a distribution
  double p_different = 1;   ///< two-sided paired t-test
  double p_equivalent = 1;  ///< the larger p of the two one-sided tests: Schuirmann 1987
  Verdict verdict = Verdict::not_shown;
};

/// What a comparison shows, in words. A single pair says nothing about chance.
[[nodiscard]] inline char const* words_of(Comparison const& comparison) {
  if (comparison.pairs < 2) return "cannot be told";
  return enum_names(comparison.verdict)[std::size_t(comparison.verdict)];
}

/// Compares a[i] with b[i]. Equivalent: both one-sided tests reject, at 1 - confidence, that the
/// difference lies outside of -margin .. margin (TOST). A difference within the margin that is also
/// significant is called by its sign: it is real, and small. Throws ConfigError unless a and b are
/// equally many, margin >= 0 and confidence lies in 0..1, NumericError for values that are not
/// finite.
[[nodiscard]] inline Comparison compare_paired(std::span<double const> a, std::span<double const> b,
                                               double margin, double confidence = 0.95) {
  require(a.size() == b.size(), "compare_paired: every value needs its partner",
          static_cast<long long>(a.size()), static_cast<long long>(b.size()));
  if (!(margin >= 0)) {
    throw ConfigError("compare_paired: the margin must be at least 0, got " +
                      std::to_string(margin));
  }
  std::vector<double> differences(a.size());
  for (std::size_t i = 0; i < a.size(); ++i) {
    differences[i] = a[i] - b[i];
    if (std::isfinite(differences[i])) continue;
    throw NumericError("compare_paired: values and their differences must be finite, got " +
                       std::to_string(a[i]) + " and " + std::to_string(b[i]));
  }
  Comparison result;
  result.pairs = int(a.size());
  result.difference = mean(differences);
  result.interval = mean_interval(differences, confidence);
  result.bootstrap = bootstrap_interval(differences, confidence);
  if (differences.size() < 2) return result;
  double const error = standard_error(differences);
  boost::math::students_t const t(double(differences.size() - 1));
  // The chance of a mean at least this far above `value` if that were the truth. Without any
  // spread there is no doubt left.
  auto const above = [&](double value) {
    double const distance = result.difference - value;
    if (error == 0) return distance > 0 ? 0.0 : distance < 0 ? 1.0 : 0.5;
    return boost::math::cdf(boost::math::complement(t, distance / error));
  };
  result.p_different = 2 * std::min(above(0), 1 - above(0));
  result.p_equivalent = std::max(above(-margin), 1 - above(margin));
  double const alpha = 1 - confidence;
  if (result.p_different < alpha) {
    result.verdict = result.difference < 0 ? Verdict::lower : Verdict::higher;
  } else if (result.p_equivalent < alpha) {
    result.verdict = Verdict::equivalent;
  }
  return result;
}

}  // namespace moenda::statistics
