// SPDX-License-Identifier: Apache-2.0
#include "moenda/probe/difficulty.hpp"

#include <array>
#include <catch2/catch.hpp>
#include <vector>

#include "gates.hpp"

using namespace probes;
using Probe = probe::DifficultyProbe<Shapes>;
using Quarters = std::array<double, 4>;

namespace {

/// Shows one batch of so many sequences to the probe, one layer of two experts.
void show(Probe& probe, std::vector<int> const& tokens, int sequences, HandGates const& hand,
          std::vector<float> const& losses, int layer = 0) {
  probe.begin({tokens.data(), sequences, int(tokens.size()) / sequences});
  probe.observe({layer, layer}, hand.gates, hand.plan);
  probe.end(losses);
}

}  // namespace

TEST_CASE("tokens that are hard to predict after are those of large loss", "[probe]") {
  // Over two batches: the tokens of loss 1, 2, 3, 4 take 0, 1, 2, 2 experts.
  Probe probe;
  show(probe, {7, 7}, 1, HandGates(2, {1, 1, 0, 0}), {3, 1}, 5);
  show(probe, {7, 7}, 1, HandGates(2, {1, 1, 0, 1}), {4, 2}, 5);
  auto const layers = probe.layers();
  REQUIRE(layers.size() == 1);
  CHECK(layers[0].layer == 5);
  CHECK(layers[0].by_loss == Quarters{0, 1, 2, 2});
}

TEST_CASE("rare tokens are those that stand seldom in the text", "[probe]") {
  // Token 3 stands five times, 9 twice, 4 once: the quarters are 3 3 | 3 3 | 3 9 | 9 4.
  Probe probe;
  std::vector<int> const tokens{4, 3, 9, 3, 3, 9, 3, 3};
  HandGates const hand(2, {1, 1, 0, 1, 0, 0, 0, 1, 0, 1, 0, 0, 0, 1, 0, 1});
  show(probe, tokens, 2, hand, {8, 7, 6, 5, 4, 3, 2, 1});
  CHECK(probe.layers().at(0).by_rarity == Quarters{1, 1, 0.5, 1});
}

TEST_CASE("every token of a routed sequence has the experts of the sequence", "[probe]") {
  Probe probe;
  HandGates hand(2, {1, 1, 1, 0});
  hand.plan.item_rows = 2;
  show(probe, {1, 1, 1, 1}, 2, hand, {4, 3, 2, 1});
  CHECK(probe.layers().at(0).by_loss == Quarters{1, 1, 2, 2});
}

TEST_CASE("what cannot be ordered is left out", "[probe]") {
  Probe few;
  show(few, {1, 2}, 1, HandGates(2, {1, 0, 0, 1}), {1, 2});
  CHECK(few.layers().empty());
  Probe gap;  // the layer routed only the second batch
  std::vector<int> const tokens{1, 2, 3, 4};
  gap.begin({tokens.data(), 1, 4});
  gap.end(std::vector<float>{1, 2, 3, 4});
  show(gap, {1, 2, 3, 4}, 1, HandGates(2, {1, 0, 1, 0, 1, 0, 1, 0}), {1, 2, 3, 4});
  CHECK(gap.layers().empty());
  Probe twice;  // two mixtures in one layer: each for itself
  twice.begin({tokens.data(), 1, 4});
  HandGates const one(2, {1, 0, 1, 0, 1, 0, 1, 0}), two(2, {1, 1, 1, 1, 1, 1, 1, 1});
  twice.observe({0, 0}, one.gates, one.plan);
  twice.observe({1, 0}, two.gates, two.plan);
  twice.end(std::vector<float>{1, 2, 3, 4});
  REQUIRE(twice.layers().size() == 2);
  CHECK(twice.layers()[0].by_loss == Quarters{1, 1, 1, 1});
  CHECK(twice.layers()[1].by_loss == Quarters{2, 2, 2, 2});
  CHECK(twice.layers()[1].layer == 0);
}
