// SPDX-License-Identifier: Apache-2.0
// A probe changes nothing that it looks at, and what is not asked for is not there.
#include <catch2/catch.hpp>

#include "model/models.hpp"
#include "moenda/probe/choices.hpp"
#include "moenda/probe/specialisation.hpp"
#include "moenda/probe/step_measures.hpp"
#include "moenda/probe/trace.hpp"
#include "moenda/router/forced.hpp"

using namespace models;

namespace {

using Backend = cpu::Backend<float>;
using Net = Training<MoeGqa, Backend>;
using ForcedMoeGqa = LanguageModel<TransformerBlock<
    norm::Rms, attention::GroupedQuery<position::Rope, attention::QkNorm>,
    Mixture<router::Forced<router::TopK>, expert::SwiGlu, loss::LoadBalancing, loss::RouterZ>>>;

struct Counting : RoutingProbe<Backend> {
  void observe(int layer, Gates<Backend> const&, DispatchPlan<Backend> const&) override {
    layers.push_back(layer);
  }
  std::vector<int> layers;
};

/// One training pass and one evaluation.
template <class Network>
std::vector<float> passes(Network& network, TextBatch const& text, RoutingProbe<Backend>* probe) {
  network.zero_gradients();
  network.accumulate_gradients(text.batch, text.targets, 1, probe);
  auto const loss = network.losses().back();
  std::vector<float> seen = network.gradients.on_host();
  seen.push_back(float(loss.cross_entropy));
  seen.push_back(float(loss.auxiliary));
  std::vector<float> losses(text.targets.size());
  network.evaluate(text.batch, text.targets, losses, probe);
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
  for (RoutingProbe<Backend>* const probe : std::initializer_list<RoutingProbe<Backend>*>{
           &measures, &choices, &trace, &specialisation}) {
    CHECK(laws::same_bits(passes(network, text, probe), off));
  }
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

TEST_CASE("router::Forced without forced choices is its inner router", "[probe]") {
  Backend backend(1);
  TextBatch const text(2, 12, 31);
  Net plain(backend, moe_gqa(), 1, 0.3);
  ForcedMoeGqa::Config config{
      .vocab_size = 31, .context_length = 12, .d_model = 8, .num_layers = 2};
  auto const from = moe_gqa();
  config.block.attention = from.block.attention;
  config.block.ffn.router = from.block.ffn.router;
  config.block.ffn.experts = from.block.ffn.experts;
  config.block.ffn.loss = from.block.ffn.loss;
  Training<ForcedMoeGqa, Backend> forced(backend, config, 1, 0.3);
  CHECK(laws::same_bits(forced.values, plain.values));
  CHECK(laws::same_bits(passes(forced, text, nullptr), passes(plain, text, nullptr)));
  CHECK(forced.arena.peak() == plain.arena.peak());
  CHECK(std::string(router::Forced<router::TopK>::name) == router::TopK::name);
}
