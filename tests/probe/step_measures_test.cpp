// SPDX-License-Identifier: Apache-2.0
#include "moenda/probe/step_measures.hpp"

#include <catch2/catch.hpp>

#include "gates.hpp"
#include "moenda/probe/choices.hpp"
#include "moenda/probe/dead_experts.hpp"

using namespace probes;
using Measures = probe::StepMeasures<Shapes>;

TEST_CASE("a step's measures are those of its choices", "[probe]") {
  // Items 0 1 2 3 choose {0, 1}, {0}, {0, 1}, {0}; expert 2 is dead.
  HandGates hand(3, {1, 1, 0, 1, 0, 0, 1, 1, 0, 1, 0, 0}, {},
                 {0.5f, 0.5f, 0, 1, 0, 0, 0.5f, 0.5f, 0, 1, 0, 0});
  hand.drop(3);
  Measures probe;
  probe.observe({4, 4}, hand.gates, hand.plan);
  auto const layers = probe.layers();
  REQUIRE(layers.size() == 1);
  auto const& m = layers.front();
  CHECK(m.layer == 4);
  CHECK(m.tokens_per_expert == std::vector<std::int64_t>{4, 2, 0});
  CHECK(m.max_violation == Approx(1));  // 4 against a mean of 2
  CHECK(m.evenness ==
        Approx((std::log(6.0) - (4 * std::log(4.0) + 2 * std::log(2.0)) / 6) / std::log(3.0)));
  CHECK(m.dropped_share == Approx(0.5));
  CHECK(m.dead_experts == 1);
  CHECK(m.experts_per_item == Approx(1.5));
  REQUIRE(m.router_entropy.has_value());
  CHECK(*m.router_entropy == Approx(std::log(2.0) / std::log(3.0) / 2));  // two items doubt
}

TEST_CASE("padding is no item", "[probe]") {
  HandGates hand(2, {1, 0, 0, 1, 0, 0, 0, 0}, {}, {0.5f, 0.5f, 0.5f, 0.5f, 1, 0, 1, 0});
  std::vector<float> present{1, 1, 0, 0};
  hand.gates.present = {present.data(), 4, 1};
  Measures probe;
  probe.observe({0, 0}, hand.gates, hand.plan);
  CHECK(probe.layers().at(0).experts_per_item == 1);
  CHECK(*probe.layers().at(0).router_entropy == Approx(1));
}

TEST_CASE("micro-batches of a step add up, and clear begins a new one", "[probe]") {
  HandGates const first(2, {1, 0, 1, 0}), second(2, {0, 1, 0, 1});
  Measures probe;
  probe.observe({0, 0}, first.gates, first.plan);
  probe.observe({0, 0}, second.gates, second.plan);
  CHECK(probe.layers().at(0).tokens_per_expert == std::vector<std::int64_t>{2, 2});
  CHECK(probe.layers().at(0).max_violation == 0);
  CHECK_FALSE(probe.layers().at(0).router_entropy.has_value());
  probe.clear();
  CHECK(probe.layers().empty());
  probe.observe({0, 0}, second.gates, second.plan);
  CHECK(probe.layers().at(0).dead_experts == 1);
}

TEST_CASE("two mixtures of one layer are measured apart", "[probe]") {
  HandGates const outer(2, {1, 0}), inner(3, {0, 0, 1});
  Measures probe;
  probe.observe({0, 7}, outer.gates, outer.plan);
  probe.observe({1, 7}, inner.gates, inner.plan);
  auto const both = probe.layers();
  REQUIRE(both.size() == 2);
  CHECK(both[0].tokens_per_expert == std::vector<std::int64_t>{1, 0});
  CHECK(both[1].tokens_per_expert == std::vector<std::int64_t>{0, 0, 1});
  CHECK(both[1].mixture == 1);
  CHECK(both[1].layer == 7);
}

TEST_CASE("an expert is dead after a while without tokens, and alive again with one", "[probe]") {
  probe::DeadExperts dead(3);
  auto const step = [&](std::vector<std::int64_t> tokens_per_expert) {
    dead.add({{.layer = 1, .tokens_per_expert = std::move(tokens_per_expert)}});
    return dead.count();
  };
  CHECK(step({0, 5, 0}) == 0);
  CHECK(step({0, 5, 0}) == 0);
  CHECK(step({0, 5, 0}) == 2);
  CHECK(step({1, 5, 0}) == 1);
  CHECK(step({0, 0, 1}) == 0);
}

TEST_CASE("churn is the share of items with another set of experts", "[probe]") {
  HandGates const before(2, {1, 0, 1, 0, 1, 1, 0, 1}), after(2, {1, 0, 0, 1, 1, 0, 0, 1});
  probe::Choices<Shapes> a, b;
  a.observe({2, 2}, before.gates, before.plan);
  b.observe({2, 2}, after.gates, after.plan);
  CHECK(b.churn_since(a, 2) == Approx(0.5));
  CHECK(b.churn_since(b, 2) == 0);
  CHECK(b.churn_since(a, 7) == 0);
  b.clear();
  b.observe({2, 2}, before.gates, before.plan);
  CHECK(b.churn_since(a, 2) == 0);
}
