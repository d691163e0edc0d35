// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>
#include <numbers>

#include "moenda/core/fields.hpp"
#include "moenda/module/rules.hpp"

namespace moenda {

/// How the learning rate moves after the warm-up. cosine: Loshchilov & Hutter 2017, eq. 5 without
/// restarts. warmup_stable_decay: constant, then a linear decay at the end: Hu et al. 2024,
/// section 4.
enum class ScheduleShape { constant, linear, cosine, warmup_stable_decay };
constexpr auto enum_names(ScheduleShape) {
  return std::array{"constant", "linear", "cosine", "warmup_stable_decay"};
}

/// The learning rate of every step, as a factor of the peak.
struct Schedule {
  struct Config {
    ScheduleShape shape = ScheduleShape::cosine;
    std::int64_t warmup_steps = 0;
    double final_ratio = 0.1;     ///< the last learning rate as a share of the peak
    double decay_fraction = 0.2;  ///< of all steps, for warmup_stable_decay
    MOENDA_FIELDS(Config, shape, warmup_steps, final_ratio, decay_fraction);
  };
  static void check(Config const& c, Problems& problems) {
    problems.expect(c.warmup_steps >= 0, "warmup_steps", "at least 0", c.warmup_steps);
    problems.expect(c.final_ratio >= 0 && c.final_ratio <= 1, "final_ratio", "in 0..1",
                    c.final_ratio);
    problems.expect(c.decay_fraction >= 0 && c.decay_fraction <= 1, "decay_fraction", "in 0..1",
                    c.decay_fraction);
  }

  /// The factor of step `step` (0 .. steps - 1). The warm-up rises linearly to 1, starting above 0.
  [[nodiscard]] static double factor(Config const& c, std::int64_t step, std::int64_t steps) {
    if (step < c.warmup_steps) return double(step + 1) / double(c.warmup_steps);
    auto const decay_begin =
        c.shape == ScheduleShape::warmup_stable_decay
            ? std::max(c.warmup_steps,
                       steps - std::int64_t(std::llround(c.decay_fraction * double(steps))))
            : c.warmup_steps;
    double const span = double(std::max<std::int64_t>(1, steps - 1 - decay_begin));
    double const done = std::clamp(double(step - decay_begin) / span, 0.0, 1.0);
    switch (c.shape) {
      case ScheduleShape::constant:
        return 1;
      case ScheduleShape::cosine:
        return c.final_ratio + (1 - c.final_ratio) * (1 + std::cos(std::numbers::pi * done)) / 2;
      case ScheduleShape::linear:
      case ScheduleShape::warmup_stable_decay:
        return 1 - (1 - c.final_ratio) * done;
    }
    return 1;
  }
};

}  // namespace moenda
