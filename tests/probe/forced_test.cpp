// SPDX-License-Identifier: Apache-2.0
// Other choices than the router's: replayed ones, and counterfactual ones.
#include <catch2/catch.hpp>

#include "model/models.hpp"
#include "moenda/probe/counterfactual.hpp"
#include "moenda/probe/forced_choices.hpp"
#include "moenda/probe/trace.hpp"
#include "moenda/router/gshard.hpp"

using namespace models;

namespace {

using Backend = cpu::Backend<double>;
template <class Router>
using Model = LanguageModel<TransformerBlock<norm::Rms, attention::GroupedQuery<position::Rope>,
                                             Mixture<Router, expert::SwiGlu>>>;
using Net = Network<Model<router::TopK>, Backend>;
using Forced = probe::ForcedChoices<Backend>;

Net::Config config(router::TopK::Config router) {
  return {.vocab_size = 31,
          .context_length = 12,
          .d_model = 8,
          .num_layers = 2,
          .block = {.attention = {.num_heads = 2, .num_kv_heads = 1, .head_dim = 4},
                    .ffn = {.router = router, .experts = {.count = 3, .each = {.hidden = 6}}}}};
}
constexpr router::TopK::Config top_1{.top_k = 1, .weighting = router::Weighting::score_then_select};

std::vector<double> losses_of(Net& network, TextBatch const& text,
                              RoutingHook<Backend>* hook = nullptr) {
  std::vector<double> losses(text.targets.size());
  network.evaluate(text.batch, text.targets, losses, hook);
  return losses;
}

/// A probe that keeps the choices of all layers, as tables.
struct Tables : RoutingHook<Backend> {
  void observe(RoutingSite, Gates<Backend> const& gates, DispatchPlan<Backend> const&) override {
    selected.emplace_back(gates.selected.data, gates.selected.data + gates.selected.size());
    weights.emplace_back(gates.weights.data, gates.weights.data + gates.weights.size());
  }
  std::vector<std::vector<double>> selected, weights;  // [layer][items * experts]
};

}  // namespace

TEST_CASE("a replayed trace gives the same bits", "[probe]") {
  auto const router =
      GENERATE(router::TopK::Config{.top_k = 2}, top_1,
               router::TopK::Config{.top_k = 2,
                                    .scores = router::Scores::sigmoid,
                                    .weighting = router::Weighting::score_then_renormalise,
                                    .scaling_factor = 2.5});
  Backend backend(2);
  Net network(backend, config(router), 1, 0.3);
  TextBatch const text(2, 12, 31);
  auto const own = losses_of(network, text);
  probe::TraceProbe<Backend> probe;
  probe.begin(text.batch);
  network.evaluate(text.batch, text.targets, {}, &probe);
  auto const replay = [&] {
    std::vector<std::vector<double>> tables;
    Forced forced;
    for (int m = 0; m < 2; ++m) {
      tables.push_back(probe.trace().selected<double>(m, 0, text.batch.rows()));
      forced.force(m, {tables.back().data(), text.batch.rows(), 3});
    }
    return losses_of(network, text, &forced);
  };
  CHECK(laws::same_bits(replay(), own));
  // Also where the router itself would now choose otherwise.
  for (auto& layer : network.params.layers) {
    for (std::ptrdiff_t i = 0; i < layer.ffn.router.weight.size(); ++i) {
      layer.ffn.router.weight.data[i] *= -1;
    }
  }
  Tables tables;
  std::vector<double> losses(text.targets.size());
  network.evaluate(text.batch, text.targets, losses, &tables);
  CHECK(tables.selected[0] != probe.trace().selected<double>(0, 0, text.batch.rows()));
  CHECK_FALSE(laws::same_bits(replay(), losses));
}

TEST_CASE("the weights of forced experts follow the router's rule", "[probe]") {
  Backend backend(1);
  TextBatch const text(1, 5, 31);
  auto const weights = [&](router::TopK::Config router, std::vector<double> table) {
    Net network(backend, config(router), 1, 0.3);
    Forced forced;
    forced.force(0, {table.data(), 5, 3});
    Tables probe;
    RoutingHooks<Backend> both{&forced, &probe};
    network.evaluate(text.batch, text.targets, {}, &both);
    CHECK(probe.selected[0] == table);
    CHECK((probe.selected[1] != table || router.top_k == 3));  // the second layer is free
    return probe.weights[0];
  };
  std::vector<double> all(15, 1), first(15, 0);
  for (std::size_t i = 0; i < 15; i += 3) first[i] = 1;
  auto const probs = weights({.top_k = 3}, all);
  auto const switched = weights(top_1, first);
  auto const renormalised =
      weights({.top_k = 1, .weighting = router::Weighting::score_then_renormalise}, first);
  for (std::size_t i = 0; i < 15; ++i) {
    CHECK(switched[i] == Approx(i % 3 == 0 ? probs[i] : 0).margin(1e-15));
    CHECK(renormalised[i] == Approx(first[i]));
  }
}

TEST_CASE("choices cannot be forced in training, nor in another shape", "[probe]") {
  Backend backend(1);
  Net network(backend, config(top_1));
  TextBatch const text(1, 4, 31);
  std::vector<double> table(12, 1);
  Forced forced;
  forced.force(0, {table.data(), 3, 3});
  CHECK_THROWS_WITH(losses_of(network, text, &forced),
                    Catch::Contains("the shape of the router's"));
  forced.force(0, {table.data(), 4, 3});
  Context<Backend> ctx{backend, network.arena, text.batch};
  ctx.hook = &forced;
  Net::Model::Cache<Backend> cache;
  CHECK_THROWS_WITH(Net::Model::forward(ctx, network.config, network.params, cache),
                    Catch::Contains("only be forced at evaluation"));
}

TEST_CASE("a counterfactual changes one token and nothing else", "[probe]") {
  Backend backend(2);
  Net network(backend, config(top_1), 3, 0.3);
  TextBatch const text(1, 7, 31);
  int const layer = GENERATE(0, 1), copies = GENERATE(1, 3, 16);
  auto const found = probe::counterfactual(network, text.batch, text.targets, layer, copies);
  REQUIRE(found.tokens() == 7);
  REQUIRE(found.num_experts == 3);
  auto const own = losses_of(network, text);
  Tables tables;
  network.evaluate(text.batch, text.targets, {}, &tables);
  double oracle = 0, regret = 0;
  for (int t = 0; t < 7; ++t) {
    auto const at = std::size_t(t);
    CHECK(found.loss_of(t, found.chosen[at]) == Approx(own[at]).epsilon(1e-12));
    CHECK(tables.selected[std::size_t(layer)][at * 3 + std::size_t(found.chosen[at])] == 1);
    double best = found.loss_of(t, 0);
    for (int e = 0; e < 3; ++e) {
      // One by one: only this token is sent elsewhere, in a batch of its own.
      auto table = tables.selected[std::size_t(layer)];
      std::fill_n(table.begin() + t * 3, 3, 0.0);
      table[at * 3 + std::size_t(e)] = 1;
      Forced forced;
      forced.force(layer, {table.data(), 7, 3});
      CHECK(found.loss_of(t, e) == Approx(losses_of(network, text, &forced)[at]).epsilon(1e-12));
      best = std::min(best, found.loss_of(t, e));
    }
    CHECK(found.regret_of(t) == Approx(own[at] - best).margin(1e-12));
    CHECK(found.regret_of(t) >= 0);
    oracle += best / 7;
    regret += found.regret_of(t) / 7;
  }
  CHECK(found.oracle_loss() == Approx(oracle));
  CHECK(found.mean_regret() == Approx(regret));
  CHECK(found.mean_regret() > 0);  // an untrained router is not always right
}

TEST_CASE("counterfactuals refuse what they cannot compare", "[probe]") {
  Backend backend(1);
  TextBatch const text(1, 4, 31), two(2, 4, 31);
  Net network(backend, config(top_1)), pair(backend, config({.top_k = 2}));
  auto const ask = [&](Net& of, TextBatch const& what, int layer) {
    return probe::counterfactual(of, what.batch, what.targets, layer);
  };
  CHECK_THROWS_WITH(ask(network, two, 0), Catch::Contains("one sequence"));
  CHECK_THROWS_WITH(ask(network, text, 2), Catch::Contains("mixture 2 must route"));
  CHECK_THROWS_WITH(ask(pair, text, 0), Catch::Contains("one expert"));
  // GShard's one expert keeps the weight that it had beside a second one.
  auto const same = config(top_1);
  using GShards = Network<Model<router::GShard>, Backend>;
  GShards::Config c{.vocab_size = same.vocab_size,
                    .context_length = same.context_length,
                    .d_model = same.d_model,
                    .num_layers = same.num_layers};
  c.block.attention = {.num_heads = 2, .num_kv_heads = 1, .head_dim = 4};
  c.block.ffn = {.router = {.second_policy = router::SecondPolicy::none},
                 .experts = {.count = 3, .each = {.hidden = 6}}};
  GShards gshard(backend, c, 1, 1);
  CHECK_THROWS_WITH(probe::counterfactual(gshard, text.batch, text.targets, 0),
                    Catch::Contains("must change nothing"));
}
