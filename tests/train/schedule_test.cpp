// SPDX-License-Identifier: Apache-2.0
#include "moenda/train/schedule.hpp"

#include <catch2/catch.hpp>

namespace {

using namespace moenda;

double factor(Schedule::Config const& c, std::int64_t step, std::int64_t steps = 101) {
  return Schedule::factor(c, step, steps);
}

TEST_CASE("the warm-up rises linearly from above 0 to 1", "[schedule]") {
  for (auto const shape : {ScheduleShape::constant, ScheduleShape::linear, ScheduleShape::cosine,
                           ScheduleShape::warmup_stable_decay}) {
    Schedule::Config const c{.shape = shape, .warmup_steps = 4};
    CHECK(factor(c, 0) == 0.25);
    CHECK(factor(c, 1) == 0.5);
    CHECK(factor(c, 3) == 1);
    CHECK(factor(c, 4) == 1);
  }
}

TEST_CASE("every shape passes through its known values", "[schedule]") {
  Schedule::Config c{.shape = ScheduleShape::constant, .final_ratio = 0.2};
  CHECK(factor(c, 0) == 1);
  CHECK(factor(c, 100) == 1);
  c.shape = ScheduleShape::linear;
  CHECK(factor(c, 0) == 1);
  CHECK(factor(c, 50) == Approx(0.6));
  CHECK(factor(c, 100) == Approx(0.2));
  c.shape = ScheduleShape::cosine;
  CHECK(factor(c, 0) == 1);
  CHECK(factor(c, 25) == Approx(0.2 + 0.8 * (1 + std::sqrt(0.5)) / 2));
  CHECK(factor(c, 50) == Approx(0.6));
  CHECK(factor(c, 100) == Approx(0.2));
  c.shape = ScheduleShape::warmup_stable_decay;
  c.decay_fraction = 0.2;  // of 101 steps: the last 20
  CHECK(factor(c, 0) == 1);
  CHECK(factor(c, 81) == 1);
  CHECK(factor(c, 100) == Approx(0.2));
  CHECK(factor(c, 91) == Approx(1 - 0.8 * 10 / 19));
}

TEST_CASE("no number of steps breaks a schedule", "[schedule]") {
  for (auto const shape : {ScheduleShape::constant, ScheduleShape::linear, ScheduleShape::cosine,
                           ScheduleShape::warmup_stable_decay}) {
    for (std::int64_t const warmup : {0, 1, 5, 1000}) {
      for (double const decay : {0.0, 0.5, 1.0}) {
        for (std::int64_t const steps : {1, 2, 5, 6}) {
          for (std::int64_t step = 0; step < steps + 3; ++step) {
            double const f = factor({shape, warmup, 0.1, decay}, step, steps);
            CAPTURE(int(shape), warmup, decay, steps, step);
            REQUIRE(f > 0);
            REQUIRE(f <= 1);
          }
        }
      }
    }
  }
}

TEST_CASE("wrong schedules are refused", "[schedule]") {
  Problems problems;
  Schedule::check({.warmup_steps = -1, .final_ratio = 1.5, .decay_fraction = -0.1}, problems);
  REQUIRE(problems.found().size() == 3);
  CHECK(problems.found()[0].what == "warmup_steps must be at least 0, got -1");
  Problems nan;
  Schedule::check({.final_ratio = NAN}, nan);
  CHECK(nan.found().size() == 1);
}

}  // namespace
