// SPDX-License-Identifier: Apache-2.0
// A probe changes nothing that it looks at, and what is not asked for is not there.
#include <catch2/catch.hpp>

#include "model/models.hpp"
#include "moenda/probe/choices.hpp"
#include "moenda/probe/forced_choices.hpp"
#include "moenda/probe/specialisation.hpp"
#include "moenda/probe/step_measures.hpp"
#include "moenda/probe/trace.hpp"

using namespace models;

namespace {

using Backend = cpu::Backend<float>;
using Net = Training<MoeGqa, Backend>;

struct Counting : RoutingHook<Backend> {
  void observe(RoutingSite at, Gates<Backend> const&, DispatchPlan<Backend> const&) override {
    layers.push_back(at.layer);
  }
  std::vector<int> layers;
};

/// One training pass and one evaluation.
template <class Network>
std::vector<float> passes(Network& network, TextBatch const& text, RoutingHook<Backend>* hook) {
  network.zero_gradients();
  network.accumulate_gradients(text.batch, text.targets, 1, hook);
  auto const loss = network.losses().back();
  std::vector<float> seen = network.gradients.on_host();
  seen.push_back(float(loss.mean));
  seen.push_back(float(loss.auxiliary));
  std::vector<float> losses(text.targets.size());
  network.evaluate(text.batch, text.targets, losses, hook);
  seen.insert(seen.end(), losses.begin(), losses.end());
  return seen;
}

}  // namespace

TEST_CASE("a probe is called once per layer and pass, and changes no bit", "[probe]") {
  Backend backend(2);
  Net network(backend, moe_gqa(), 1, 0.3);
  TextBatch const text(2, 12, 31);
  auto const off = passes(network, text, nullptr);
  auto const peak = network.arena.peak();
  Counting counting;
  CHECK(laws::same_bits(passes(network, text, &counting), off));
  CHECK(counting.layers == std::vector<int>{0, 1, 0, 1});
  probe::StepMeasures<Backend> measures;
  probe::Choices<Backend> choices;
  probe::TraceProbe<Backend> trace;
  probe::SpecialisationProbe<Backend> specialisation(std::vector<std::uint8_t>(31, 0));
  trace.begin(text.batch);
  specialisation.begin(text.batch);
  RoutingHooks<Backend> all{&measures, &choices, &trace, &specialisation};
  CHECK(laws::same_bits(passes(network, text, &all), off));
  probe::ForcedChoices<Backend> nothing_forced;
  CHECK(laws::same_bits(passes(network, text, &nothing_forced), off));
  CHECK(network.arena.peak() == peak);  // probes work in memory of their own
  // What they saw is what was there: 24 tokens, two experts each, in two passes.
  auto const layers = measures.layers();
  REQUIRE(layers.size() == 2);
  std::int64_t sum = 0;
  for (auto const n : layers[1].tokens_per_expert) sum += n;
  CHECK(sum == 2 * 24 * 2);
  CHECK(layers[1].experts_per_item == 2);
  CHECK(specialisation.layers().at(1).tokens_per_expert == layers[1].tokens_per_expert);
}
