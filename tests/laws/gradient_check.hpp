// SPDX-License-Identifier: Apache-2.0
#pragma once
// Gradients against central differences, in double. A router's choice makes the loss jump: where
// one flips between x - h and x + h the difference quotient means nothing, so that coordinate is
// skipped and counted; a check that skips too many fails.
#include <algorithm>
#include <array>
#include <catch2/catch.hpp>
#include <cmath>
#include <exception>
#include <span>
#include <string>
#include <vector>

#include "moenda/core/routing_hook.hpp"
#include "moenda/cpu/backend.hpp"

namespace laws {

/// A loss, and the discrete choices that were made on the way to it.
struct Measured {
  double loss = 0;
  std::vector<int> choices;
};

/// Writes down which item every slot of every plan took, expert by expert.
template <class B>
struct ChoiceProbe : moenda::RoutingHook<B> {
  std::vector<int> choices;
  void observe(moenda::RoutingSite, moenda::Gates<B> const&,
               moenda::DispatchPlan<B> const& plan) override {
    choices.insert(choices.end(), plan.bins.begin(), plan.bins.end());
    choices.insert(choices.end(), plan.item_of_slot.begin(), plan.item_of_slot.end());
  }
};

class GradientCheck {
 public:
  static constexpr double largest_share_skipped = 0.2;

  /// measure() -> Measured, a function of x. Looks at about `coordinates` of x, spread evenly; 0:
  /// all of them.
  template <class Measure>
  void operator()(std::string const& what, std::span<double> x, std::span<double const> gradient,
                  Measure const& measure, std::size_t coordinates = 0) {
    REQUIRE(x.size() == gradient.size());
    auto const chosen = measure().choices;
    std::size_t const stride =
        coordinates == 0 ? 1 : std::max<std::size_t>(1, x.size() / coordinates);
    for (std::size_t i = 0; i < x.size(); i += stride) {
      INFO(what << "[" << i << "]");
      check_one(x[i], gradient[i], chosen, measure);
    }
  }
  ~GradientCheck() {
    if (std::uncaught_exceptions() > 0) return;  // an assertion failed already
    CHECK(checked_ > 0);                         // one that looked at nothing is a broken check
    CHECK(double(skipped_) <= largest_share_skipped * double(checked_ + skipped_));
  }
  GradientCheck() = default;
  GradientCheck(GradientCheck const&) = delete;
  GradientCheck& operator=(GradientCheck const&) = delete;
  [[nodiscard]] int skipped() const { return skipped_; }

 private:
  template <class Measure>
  void check_one(double& x, double gradient, std::vector<int> const& chosen,
                 Measure const& measure) {
    // Two step sizes: a small one drowns in rounding where the loss is large, a large one where it
    // is curved. A right gradient agrees with one of them.
    double worst = INFINITY;
    double const kept = x;
    bool flipped = false;
    for (double const step : {1e-5, 1e-4}) {
      x = kept + step;
      auto const above = measure();
      x = kept - step;
      auto const below = measure();
      x = kept;
      if (above.choices != chosen || below.choices != chosen) {
        flipped = true;
        continue;
      }
      double const expected = (above.loss - below.loss) / (2 * step);
      worst = std::min(worst, std::abs(gradient - expected) / (1 + std::abs(expected)));
    }
    if (flipped && worst == INFINITY) {
      ++skipped_;
      return;
    }
    ++checked_;
    CAPTURE(gradient);
    REQUIRE(worst <= 1e-7);
  }

  int checked_ = 0, skipped_ = 0;
};

}  // namespace laws
