// SPDX-License-Identifier: Apache-2.0
#pragma once
// Rotary positions for contexts longer than those of the training: other frequencies.
#include <algorithm>
#include <array>
#include <cmath>
#include <numbers>
#include <span>

#include "moenda/core/fields.hpp"
#include "moenda/module/rules.hpp"

namespace moenda::position {

/// none: base^(-2i/head_dim) as it is. linear: all frequencies divided by `factor` (Chen et al.
/// 2023). llama3: only those whose wave is long for the original context (Grattafiori et al. 2024,
/// section 3.4.3 as released). yarn: those that turn seldom in it, and lengths multiplied (Peng et
/// al. 2023, section 3).
enum class ScalingKind { none, linear, llama3, yarn };
constexpr auto enum_names(ScalingKind) { return std::array{"none", "linear", "llama3", "yarn"}; }

struct RopeScaling {
  ScalingKind kind = ScalingKind::none;
  double factor = 1;                ///< how many times longer contexts shall be
  int original_context_length = 0;  ///< of llama3 and yarn
  double low_factor = 1;            ///< of llama3: waves longer than original / low are scaled
  double high_factor = 4;           ///< of llama3: those shorter than original / high are not
  double beta_fast = 32;            ///< of yarn: what turns more often than this is not scaled
  double beta_slow = 1;             ///< of yarn: what turns less often is scaled
  double amplitude = 0;             ///< of yarn: factor of queries and keys; 0: 0.1 ln(factor) + 1
  bool whole_pairs = true;          ///< of yarn: the ramp begins and ends at whole pairs
  MOENDA_FIELDS(RopeScaling, kind, factor, original_context_length, low_factor, high_factor,
                beta_fast, beta_slow, amplitude, whole_pairs);

  static void check(RopeScaling const& c, Problems& problems) {
    if (c.kind == ScalingKind::none) return;
    problems.expect(c.factor >= 1 && std::isfinite(c.factor), "factor", "at least 1", c.factor);
    problems.expect(c.amplitude >= 0 && std::isfinite(c.amplitude), "amplitude",
                    "0 (by formula) or above", c.amplitude);
    if (c.kind == ScalingKind::linear) return;
    problems.expect(c.original_context_length >= 1, "original_context_length",
                    "at least 1 where kind is llama3 or yarn", c.original_context_length);
    problems.expect(c.low_factor > 0, "low_factor", "above 0", c.low_factor);
    problems.expect(c.high_factor > c.low_factor, "high_factor", "above low_factor", c.high_factor);
    problems.expect(c.beta_slow > 0, "beta_slow", "above 0", c.beta_slow);
    problems.expect(c.beta_fast >= c.beta_slow, "beta_fast", "at least beta_slow", c.beta_fast);
  }
  /// What the lengths of queries and keys are multiplied by.
  [[nodiscard]] double length_factor() const {
    if (kind != ScalingKind::yarn) return 1;
    return amplitude > 0 ? amplitude : 0.1 * std::log(factor) + 1;
  }
  /// Fills `frequencies` [head_dim / 2], of base^(-2i/head_dim).
  void fill(std::span<double> frequencies, double base) const {
    auto const pairs = static_cast<int>(frequencies.size());
    for (int i = 0; i < pairs; ++i) {
      double const plain = std::pow(base, -double(i) / pairs);
      frequencies[std::size_t(i)] = scaled(plain, i, pairs, base);
    }
  }

 private:
  [[nodiscard]] double scaled(double plain, int pair, int pairs, double base) const {
    switch (kind) {
      case ScalingKind::none:
        return plain;
      case ScalingKind::linear:
        return plain / factor;
      case ScalingKind::llama3:
        return between(plain,
                       (original_context_length * plain / (2 * std::numbers::pi) - low_factor) /
                           (high_factor - low_factor));
      case ScalingKind::yarn:
        break;
    }
    double first = pair_that_turns(beta_fast, pairs, base);
    double last = pair_that_turns(beta_slow, pairs, base);
    if (whole_pairs) first = std::floor(first), last = std::ceil(last);
    first = std::max(first, 0.0), last = std::min(last, 2.0 * pairs - 1);
    double const width = last == first ? 0.001 : last - first;
    return between(plain, 1 - (pair - first) / width);
  }
  /// All of the plain frequency at 1 and above, none of it at 0 and below.
  [[nodiscard]] double between(double plain, double share) const {
    share = std::clamp(share, 0.0, 1.0);
    return plain * (share + (1 - share) / factor);
  }
  /// Which pair turns so many times within the original context.
  [[nodiscard]] double pair_that_turns(double times, int pairs, double base) const {
    return pairs * std::log(original_context_length / (times * 2 * std::numbers::pi)) /
           std::log(base);
  }
};

}  // namespace moenda::position
