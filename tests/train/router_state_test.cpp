// SPDX-License-Identifier: Apache-2.0
// What routers keep beside their weights, through whole trainings.
#include "files/temporary_folder.hpp"
#include "laws/allocations.hpp"
#include "train/runs.hpp"

namespace {

using namespace runs;
using laws::Float;

using Moe = Mixture<
    OneOf<router::BiasBalanced<router::TopK>, router::NoisyTopK, router::GShard, router::Random>,
    expert::SwiGlu>;
using Model =
    LanguageModel<TransformerBlock<norm::Rms, attention::GroupedQuery<position::Rope>, Moe>>;

Model::Config config() {
  router::BiasBalanced<router::TopK>::Config const router{
      .inner = {.top_k = 1,
                .scores = router::Scores::sigmoid,
                .weighting = router::Weighting::score_then_select,
                .num_groups = 2,
                .jitter = 0.1},
      .rate = 0.02,
      .frozen_from = 0.75};
  return {.vocab_size = 31,
          .context_length = 12,
          .d_model = 8,
          .num_layers = 2,
          .block = {.attention = {.num_heads = 2, .num_kv_heads = 1, .head_dim = 4},
                    .ffn = {.router = router, .experts = {.count = 4, .each = {.hidden = 6}}}}};
}
/// The biases of all layers.
template <class Network>
std::vector<float> biases(Network const& network) {
  std::vector<float> all;
  walk(network.params, [&](Path const&, auto const& w) {
    if (w.kind == WeightKind::state) all.insert(all.end(), w.data, w.data + w.size());
  });
  return all;
}

TEST_CASE("balancing biases move once per step, then rest, and are not trained", "[train]") {
  auto train = train_config();
  train.gradient_accumulation = 2;
  Float backend(2);
  Run<Model, Float> run(backend, config(), train);
  CHECK(biases(run.network) == std::vector<float>(8, 0));
  auto last = biases(run.network);
  for (int step = 0; step < 12; ++step) {
    run.steps(1);
    auto const now = biases(run.network);
    int moved = 0;
    for (std::size_t i = 0; i < now.size(); ++i) {
      double const by = std::abs(double(now[i]) - double(last[i]));
      REQUIRE((by == 0 || by == Approx(0.02).epsilon(1e-4)));
      moved += by != 0;
    }
    CAPTURE(step);
    CHECK((moved > 0) == (step < 9));  // 0.75 of 12 steps
    last = now;
  }
}

/// One of each kind.
std::vector<Model::Config> configs() {
  std::vector<Model::Config> all(4, config());
  all[1].block.ffn.router = router::NoisyTopK::Config{.top_k = 2};
  all[2].block.ffn.router = router::GShard::Config{};
  all[3].block.ffn.router = router::Random::Config{.top_k = 2};
  return all;
}

TEST_CASE("a training with balancing biases and noise resumes to the bit", "[train]") {
  for (auto const& c : configs()) {
    io::test::TemporaryFolder folder;
    Float backend(2), other(1);
    Run<Model, Float> straight(backend, c, train_config());
    straight.steps(12);
    Run<Model, Float> first(other, c, train_config());
    first.steps(5);
    save_checkpoint(folder.path(), first.network, first.trainer, {});
    Run<Model, Float> resumed(backend, c, train_config());
    load_checkpoint(newest_checkpoint(folder.path()).value(), resumed.network, resumed.trainer);
    CHECK(biases(resumed.network) == biases(first.network));
    resumed.steps(7);
    require_same_state(straight, resumed);
  }
}

TEST_CASE("steps with these routers allocate nothing", "[train]") {
  for (auto const& c : configs()) {
    Float backend(2);
    Run<Model, Float> run(backend, c, train_config());
    run.steps(6);
    CHECK(laws::allocations_of([&] { (void)run.trainer.step(); }) == 0);
  }
}

}  // namespace
