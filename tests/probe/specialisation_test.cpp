// SPDX-License-Identifier: Apache-2.0
#include "moenda/probe/specialisation.hpp"

#include <catch2/catch.hpp>

#include "files/temporary_folder.hpp"
#include "gates.hpp"
#include "moenda/record/routing_trace.hpp"

using namespace probes;
using Probe = probe::SpecialisationProbe<Shapes>;

TEST_CASE("an expert's tokens are those that name it first", "[probe]") {
  // Tokens 5 5 6 6 of classes 0 and 1; expert 0 is first for every 5, expert 1 for every 6, and
  // the last token goes to both.
  std::vector<std::uint8_t> const classes{0, 0, 0, 0, 0, 0, 1};
  std::vector<int> const tokens{5, 5, 6, 6};
  HandGates const hand(2, {1, 0, 1, 0, 0, 1, 1, 1}, {1, 0, 1, 0, 0, 1, 0.4f, 0.6f});
  Probe probe(classes);
  probe.begin({tokens.data(), 2, 2});
  probe.observe({3, 3}, hand.gates, hand.plan);
  auto const layers = probe.layers();
  REQUIRE(layers.size() == 1);
  auto const& s = layers.front();
  CHECK(s.layer == 3);
  CHECK(s.tokens == 4);
  CHECK(s.tokens_per_expert == std::vector<std::int64_t>{3, 2});
  CHECK(s.coactivation == std::vector<std::int64_t>{3, 1, 1, 2});
  CHECK(s.classes == std::vector<std::int64_t>{2, 0, 0, 2});
  CHECK(s.token_information == Approx(1));
  CHECK(s.class_information == Approx(1));
  CHECK(s.token_explains == Approx(1));
  CHECK(s.class_explains == Approx(1));
  REQUIRE(s.typical.size() == 2);
  REQUIRE(s.typical[0].size() == 1);
  CHECK(s.typical[0][0].token == 5);
  CHECK(s.typical[0][0].count == 2);
  CHECK(s.typical[0][0].share == Approx(1));
  CHECK(s.typical[1].at(0).token == 6);
}

TEST_CASE("a router that does not look at tokens tells nothing of them", "[probe]") {
  std::vector<int> const tokens{5, 6, 5, 6};
  HandGates const hand(2, {1, 0, 1, 0, 0, 1, 0, 1});
  Probe probe(std::vector<std::uint8_t>(7, 0));
  probe.begin({tokens.data(), 1, 4});
  probe.observe({0, 0}, hand.gates, hand.plan);
  auto const s = probe.layers().at(0);
  CHECK(s.token_information == Approx(0).margin(1e-12));
  CHECK(s.class_information == Approx(0).margin(1e-12));
  CHECK(s.typical[0].empty());
}

TEST_CASE("every token of a routed sequence counts", "[probe]") {
  std::vector<int> const tokens{1, 2, 3, 4};
  HandGates hand(2, {1, 0, 0, 1});
  hand.plan.item_rows = 2;
  Probe probe(std::vector<std::uint8_t>(5, 0));
  probe.begin({tokens.data(), 2, 2});
  probe.observe({0, 0}, hand.gates, hand.plan);
  CHECK(probe.layers().at(0).tokens == 4);
  CHECK(probe.layers().at(0).tokens_per_expert == std::vector<std::int64_t>{1, 1});
}

TEST_CASE("a trace says what was chosen, and reads back from its file", "[probe]") {
  std::vector<int> const tokens{5, 6, 7};
  HandGates const hand(3, {1, 0, 1, 0, 0, 0, 0, 1, 0}, {0.75f, 0, 0.25f, 0, 0, 0, 0, 1, 0});
  probe::TraceProbe<Shapes> probe;
  for (int pass = 0; pass < 2; ++pass) {
    probe.begin({tokens.data(), 1, 3});
    probe.observe({1, 4}, hand.gates, hand.plan);
  }
  io::test::TemporaryFolder const folder;
  auto const file = folder.path() / "trace.safetensors";
  io::write_routing_trace(probe.trace(), file);
  auto const trace = io::read_routing_trace(file);
  CHECK(trace.tokens == std::vector<std::int32_t>{5, 6, 7, 5, 6, 7});
  REQUIRE(trace.mixtures.size() == 1);
  auto const& mixture = trace.mixtures.at(1);
  CHECK(mixture.layer == 4);
  CHECK(mixture.num_experts == 3);
  CHECK(mixture.item_begin == std::vector<std::int32_t>{0, 2, 2, 3, 5, 5, 6});
  CHECK(mixture.experts == std::vector<std::int32_t>{0, 2, 1, 0, 2, 1});
  CHECK(mixture.weights == std::vector<float>{0.75f, 0.25f, 1, 0.75f, 0.25f, 1});
  CHECK(trace.selected<float>(1, 0, 3) == hand.selected);
  CHECK(trace.selected<float>(1, 5, 1) == std::vector<float>{0, 1, 0});
  CHECK_THROWS_AS(trace.selected<float>(1, 5, 2), ConfigError);
}

TEST_CASE("a damaged trace is refused", "[probe]") {
  io::test::TemporaryFolder const folder;
  auto const file = folder.path() / "trace.safetensors";
  auto const refused = [&](probe::RoutingTrace::Mixture mixture, char const* why) {
    probe::RoutingTrace trace;
    trace.mixtures[0] = std::move(mixture);
    io::write_routing_trace(trace, file);
    CHECK_THROWS_AS(io::read_routing_trace(file), DataError);
    CHECK_THROWS_WITH(io::read_routing_trace(file), Catch::Contains(why));
  };
  refused({0, 2, {0, 1}, {2}, {1}}, "must lie below num_experts");
  refused({0, 2, {0, 1}, {-1}, {1}}, "must lie below num_experts");
  refused({0, 2, {0, 2}, {1}, {1}}, "must rise from 0 to the number of choices");
  refused({0, 2, {0, 1, 0, 1}, {1}, {1}}, "must rise");
  refused({0, 2, {}, {}, {}}, "must rise");
  refused({0, 2, {0, 1}, {1}, {1, 1}}, "must have 1 values");
}

TEST_CASE("pairs of very many experts are not counted", "[probe]") {
  auto const layer_of = [](std::size_t experts) {
    std::vector<float> chosen(experts, 0.f);
    chosen.front() = chosen.back() = 1;
    HandGates const hand(int(experts), chosen);
    std::vector<int> const tokens{0};
    Probe probe({0});
    probe.begin({tokens.data(), 1, 1});
    probe.observe({0, 0}, hand.gates, hand.plan);
    return probe.layers().at(0);
  };
  auto const few = layer_of(probe::most_paired), many = layer_of(probe::most_paired + 1);
  CHECK(few.coactivation.size() == probe::most_paired * probe::most_paired);
  CHECK(few.coactivation[probe::most_paired - 1] == 1);
  CHECK(many.coactivation.empty());
  CHECK(many.tokens_per_expert.front() == 1);
  CHECK(many.tokens_per_expert.back() == 1);
  CHECK(many.tokens == 1);
}
