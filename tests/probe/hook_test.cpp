// SPDX-License-Identifier: Apache-2.0
// A hook is asked for every mixture by its number, may change where items go, and may teach.
#include "moenda/core/routing_hook.hpp"

#include <catch2/catch.hpp>
#include <cmath>

#include "laws/gradient_check.hpp"
#include "model/models.hpp"
#include "moenda/mixture/sum.hpp"

using namespace models;

namespace {

using Backend = cpu::Backend<double>;
/// Two mixtures in every layer.
using Pair = Sum<Mixture<router::TopK, expert::SwiGlu>,
                 Mixture<router::TopK, Experts<expert::Ffn, expert::SwiGlu>>>;
using Model =
    LanguageModel<TransformerBlock<norm::Rms, attention::MultiHead<position::None>, Pair>>;
using Net = Training<Model, Backend>;

Net::Config config() {
  Net::Config c{.vocab_size = 13, .context_length = 6, .d_model = 4, .num_layers = 2};
  c.block.attention = {.num_heads = 2, .head_dim = 2};
  auto& first = c.block.ffn.at<0>();
  first.router.top_k = 2;
  first.experts = {.count = 4, .each = {.hidden = 3}};
  auto& second = c.block.ffn.at<1>();
  second.router.top_k = 1;
  get<Group<expert::Ffn>>(second.experts) = {.count = 1, .each = {.hidden = 3}};
  get<Group<expert::SwiGlu>>(second.experts) = {.count = 2, .each = {.hidden = 3}};
  return c;
}

struct Sites : RoutingHook<Backend> {
  using Seen = std::vector<std::array<int, 3>>;  // mixture, layer, experts
  void decide(Context<Backend>&, RoutingSite at, Gates<Backend>& gates,
              Reweigh<Backend> const&) override {
    decided.push_back({at.mixture, at.layer, gates.selected.cols});
  }
  void observe(RoutingSite at, Gates<Backend> const&, DispatchPlan<Backend> const& plan) override {
    observed.push_back({at.mixture, at.layer, plan.num_experts});
  }
  void teach(Context<Backend>&, RoutingSite at, Gates<Backend> const& gates,
             GatesGrad<Backend> const&) override {
    taught.push_back({at.mixture, at.layer, gates.selected.cols});
  }
  Seen decided, observed, taught;
};

/// weight * |probs - target|^2 of one mixture: adds its gradient, and measures it.
struct Pull : RoutingHook<Backend> {
  static constexpr double weight = 0.7;
  int mixture = 0;
  double loss = 0;
  static double target(std::ptrdiff_t i) { return 0.1 * double(i % 5); }
  void observe(RoutingSite at, Gates<Backend> const& gates, DispatchPlan<Backend> const&) override {
    if (at.mixture != mixture) return;
    for (std::ptrdiff_t i = 0; i < gates.probs.size(); ++i) {
      loss += weight * std::pow(gates.probs.data[i] - target(i), 2);
    }
  }
  void teach(Context<Backend>&, RoutingSite at, Gates<Backend> const& gates,
             GatesGrad<Backend> const& dgates) override {
    if (at.mixture != mixture) return;
    for (std::ptrdiff_t i = 0; i < gates.probs.size(); ++i) {
      dgates.probs.data[i] += 2 * weight * (gates.probs.data[i] - target(i));
    }
  }
};

/// Sends every item of one mixture to its first `members` experts alone: those of highest weight
/// for it are not asked.
struct Committee : RoutingHook<Backend> {
  int mixture = 0, members = 2;
  void decide(Context<Backend>& ctx, RoutingSite at, Gates<Backend>& gates,
              Reweigh<Backend> const& reweigh) override {
    if (at.mixture != mixture) return;
    auto const selected = ctx.tensor(gates.selected.rows, gates.selected.cols);
    for (std::ptrdiff_t i = 0; i < selected.size(); ++i) {
      selected.data[i] = i % selected.cols < members ? 1 : 0;
    }
    gates.weights = reweigh(ctx, gates, selected);
    gates.selected = selected;
  }
  void observe(RoutingSite at, Gates<Backend> const& gates,
               DispatchPlan<Backend> const& plan) override {
    if (at.mixture != mixture) return;
    tokens_per_expert.clear();
    for (int e = 0; e < plan.num_experts; ++e) {
      tokens_per_expert.push_back(plan.tokens_per_expert(e));
    }
    row_sum = gates.weights.data[0] + gates.weights.data[1];
  }
  std::vector<int> tokens_per_expert;
  double row_sum = 0;
};

}  // namespace

TEST_CASE("a hook is asked for every mixture by its number", "[probe]") {
  Backend backend(1);
  Net network(backend, config(), 1, 0.5);
  TextBatch const text(2, 6, 13);
  Sites sites;
  network.zero_gradients();
  network.accumulate_gradients(text.batch, text.targets, 1, &sites);
  Sites::Seen const forward{{0, 0, 4}, {1, 0, 3}, {2, 1, 4}, {3, 1, 3}};
  CHECK(sites.decided == forward);
  CHECK(sites.observed == forward);
  CHECK(sites.taught == Sites::Seen{{2, 1, 4}, {3, 1, 3}, {0, 0, 4}, {1, 0, 3}});
  Sites again;
  RoutingHooks<Backend> both{&sites, &again};
  network.evaluate(text.batch, text.targets, {}, &both);
  CHECK(again.observed == forward);  // every pass counts from 0
  CHECK(again.taught.empty());
}

TEST_CASE("what a hook teaches is the gradient of its loss", "[probe]") {
  Backend backend(1);
  Net network(backend, config(), 1, 0.5);
  TextBatch const text(2, 6, 13);
  Pull pull;
  pull.mixture = GENERATE(1, 2);
  network.zero_gradients();
  network.accumulate_gradients(text.batch, text.targets, 1, &pull);
  auto const taught = network.gradients.on_host();
  auto const measure = [&] {
    pull.loss = 0;
    laws::ChoiceProbe<Backend> choices;
    RoutingHooks<Backend> both{&pull, &choices};
    auto const task = network.evaluate(text.batch, text.targets, {}, &both);
    return laws::Measured{task.mean + pull.loss, std::move(choices.choices)};
  };
  {
    laws::GradientCheck check;
    walk(network.params, [&](Path const& path, auto& weight) {
      auto const offset = std::size_t(weight.data - network.values.data());
      auto const size = std::size_t(weight.size());
      if (size == 0) return;
      check(path.str(), {weight.data, size}, std::span(taught).subspan(offset, size), measure, 4);
    });
  }
  // Without it the router learns something else.
  network.zero_gradients();
  network.accumulate_gradients(text.batch, text.targets);
  CHECK_FALSE(laws::same_bits(taught, network.gradients.on_host()));
}

TEST_CASE("a hook can send items to some experts alone", "[probe]") {
  Backend backend(1);
  Net network(backend, config(), 1, 0.5);
  TextBatch const text(2, 6, 13);
  Committee committee;
  committee.mixture = 2;
  network.evaluate(text.batch, text.targets, {}, &committee);
  CHECK(committee.tokens_per_expert == std::vector<int>{12, 12, 0, 0});
  CHECK(committee.row_sum == Approx(1));  // weighed by the router's own rule
}
