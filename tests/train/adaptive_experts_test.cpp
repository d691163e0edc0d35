// SPDX-License-Identifier: Apache-2.0
// Experts of router::TopAny that come and go between optimizer steps.
#include "files/temporary_folder.hpp"
#include "moenda/router/top_any.hpp"
#include "train/runs.hpp"

namespace {

using namespace runs;
using laws::Double;
using laws::Float;
using router::TopAny;

/// A router with `experts` places and moments of its optimizer, all 7.
struct Places {
  static constexpr int d_model = 3;
  using Row = std::vector<double>;

  explicit Places(TopAny::Config c, int experts = 4)
      : config(c), params(TopAny::params<Double>(c, d_model, experts)), grads(params) {
    auto const size = std::size_t(count(params));
    values.resize(size), gradients.resize(size), first.assign(size, 7), second.assign(size, 7);
    bind(params, values.data());
    bind(grads, gradients.data());
    std::fill_n(params.weight.data, params.weight.size(), 0.5);
    std::fill_n(params.threshold.data, params.threshold.size(), 0.25);
  }
  /// One optimizer step that collected these.
  void step(Row const& activations, Row const& unrouted_sum = {0, 0, 0}) {
    std::fill(gradients.begin(), gradients.end(), 0.0);
    std::copy(activations.begin(), activations.end(), grads.activations.data);
    std::copy(unrouted_sum.begin(), unrouted_sum.end(), grads.unrouted_sum.data);
    *grads.unrouted.data = unrouted_sum == Row{0, 0, 0} ? 0 : 1;
    std::array const moments{first.data(), second.data()};
    StepEnd<Double> end{backend, 1, steps_taken++, steps};
    end.values = values.data();
    end.moments = moments;
    moenda::after_step<TopAny>(end, config, params, grads);
  }
  [[nodiscard]] static Row of(Weight<Double> const& w) { return {w.data, w.data + w.size()}; }
  [[nodiscard]] Row presence() const { return of(params.presence); }
  [[nodiscard]] Row row(int expert) const {
    auto const* begin = params.weight.data + expert * d_model;
    return {begin, begin + d_model};
  }
  /// The optimizer's memory of the row of an expert, and of its threshold.
  [[nodiscard]] Row memory(std::vector<double> const& moment, int expert) const {
    auto const* of_row = moment.data() + expert * d_model;
    auto const* of_threshold = moment.data() + params.weight.size() + expert;
    Row all(of_row, of_row + d_model);
    all.push_back(*of_threshold);
    return all;
  }

  Double backend{1};
  TopAny::Config config;
  TopAny::Params<Double> params, grads;
  std::vector<double> values, gradients, first, second;
  std::int64_t steps_taken = 0, steps = 100;
};
using Row = Places::Row;

TEST_CASE("an expert that nobody activated is removed, at the end of a window", "[train]") {
  Places places({.adapt_every = 3});
  places.step({5, 0, 0, 1});
  places.step({5, 0, 2, 0});
  CHECK(places.presence() == Row{0, 0, 0, 0});
  CHECK(Places::of(places.params.activations) == Row{10, 0, 2, 1});
  places.step({5, 0, 0, 0});
  CHECK(places.presence() == Row{0, -1, 0, 0});
  CHECK(*places.params.experts_removed.data == 1);
  CHECK(*places.params.experts_added.data == 0);
  CHECK(Places::of(places.params.activations) == Row{0, 0, 0, 0});  // the next window
  CHECK(*places.params.recorded_steps.data == 0);
  CHECK(places.row(1) == Row{0.5, 0.5, 0.5});
  CHECK(places.memory(places.first, 1) == Row{7, 7, 7, 7});
}

TEST_CASE("the last expert is kept", "[train]") {
  Places places({.adapt_every = 1});
  places.step({0, 0, 0, 0});
  CHECK(places.presence() == Row{0, -1, -1, -1});
  CHECK(*places.params.experts_removed.data == 3);
  places.step({0, 0, 0, 0});
  CHECK(places.presence() == Row{0, -1, -1, -1});

  Places other({.adapt_every = 1});
  other.step({0, 0, 3, 0});  // the one in use, wherever it stands
  CHECK(other.presence() == Row{-1, -1, 0, -1});
  other.step({0, 0, 0, 0});
  CHECK(other.presence() == Row{-1, -1, 0, -1});
}

TEST_CASE("an expert is added where items activated nobody", "[train]") {
  Places places({.initial_experts = 2, .adapt_every = 2});
  places.step({1, 1, 0, 0}, {0, 3, 0});
  places.step({1, 1, 0, 0}, {4, 0, 0});
  CHECK(places.presence() == Row{0, 0, 1, 0});
  CHECK(*places.params.experts_added.data == 1);
  CHECK(places.row(2) == Row{0.8, 0.6, 0});  // the direction of their sum, of length 1
  CHECK(places.params.threshold.data[2] == 0);
  for (auto const* moment : {&places.first, &places.second}) {  // and no other
    CHECK(places.memory(*moment, 2) == Row{0, 0, 0, 0});
    CHECK(places.memory(*moment, 1) == Row{7, 7, 7, 7});
    CHECK(places.memory(*moment, 3) == Row{7, 7, 7, 7});
  }
  CHECK(places.row(1) == Row{0.5, 0.5, 0.5});
  CHECK(places.params.threshold.data[1] == 0.25);
  CHECK(*places.params.unrouted.data == 0);
  CHECK(Places::of(places.params.unrouted_sum) == Row{0, 0, 0});
}

TEST_CASE("one expert is added at a time, and none without a free place", "[train]") {
  Places places({.initial_experts = 1, .adapt_every = 1});
  Row all(4, 1.0);
  for (int free = 3; free >= 0; --free) {
    auto const presence = places.presence();
    CHECK(std::count(presence.begin(), presence.end(), 1.0) == 3 - free);
    places.step(all, {1, 0, 0});
  }
  CHECK(places.presence() == Row{0, 1, 1, 1});
  CHECK(*places.params.experts_added.data == 3);
}

TEST_CASE("a place that just became free is used, and an added expert can go", "[train]") {
  Places places({.adapt_every = 1});
  places.step({1, 1, 0, 1}, {0, 0, -2});
  CHECK(places.presence() == Row{0, 0, 1, 0});
  CHECK(places.row(2) == Row{0, 0, -1});
  CHECK(*places.params.experts_removed.data == 1);
  CHECK(*places.params.experts_added.data == 1);
  places.step({1, 1, 0, 1});
  CHECK(places.presence() == Row{0, 0, -1, 0});
}

TEST_CASE("a sum without a direction adds nobody", "[train]") {
  for (double const bad : {0.0, double(NAN), double(INFINITY)}) {
    Places places({.initial_experts = 1, .adapt_every = 1});
    places.step({1, 0, 0, 0}, {bad, 0, 0});
    CHECK(places.presence() == Row{0, 0, 0, 0});
    CHECK(places.row(1) == Row{0.5, 0.5, 0.5});
  }
}

TEST_CASE("experts stay outside their part of the training", "[train]") {
  Places places({.adapt_every = 2, .adapt_from = 0.1, .adapt_until = 0.13});
  for (int step = 0; step < 10; ++step) places.step({1, 0, 0, 0});  // a tenth of the training
  CHECK(*places.params.recorded_steps.data == 0);
  places.step({1, 1, 0, 0});
  CHECK(places.presence() == Row{0, 0, 0, 0});
  places.step({1, 0, 0, 0});
  CHECK(places.presence() == Row{0, 0, -1, -1});
  for (int step = 0; step < 20; ++step) places.step({1, 0, 0, 0});
  CHECK(places.presence() == Row{0, 0, -1, -1});

  Places never({.adapt_every = 0});
  for (int step = 0; step < 100; ++step) never.step({0, 0, 0, 0}, {1, 1, 1});
  CHECK(never.presence() == Row{0, 0, 0, 0});
}

using Model = LanguageModel<TransformerBlock<norm::Rms, attention::MultiHead<position::Learned>,
                                             Mixture<TopAny, expert::Ffn, loss::LoadBalancing>>>;
Model::Config model() {
  Model::Config c{.vocab_size = 31, .context_length = 12, .d_model = 8, .num_layers = 2};
  c.block.attention = {.num_heads = 2, .head_dim = 4};
  c.block.ffn.experts = {.count = 6, .each = {.hidden = 5}};
  c.block.ffn.router = {.temperature = 0.3,
                        .initial_experts = 2,
                        .load_balancing_weight = 0.1,
                        .efficiency_weight = 0.1,
                        .adapt_every = 3};
  return c;
}

TEST_CASE("a run whose experts come and go resumes, to the bit", "[train]") {
  auto train = train_config();
  train.gradient_accumulation = 2;
  io::test::TemporaryFolder folder;
  Float backend(1);
  Run<Model, Float> straight(backend, model(), train);
  straight.steps(12);
  std::vector<double> losses;
  for (int part = 0; part < 3; ++part) {
    Float other(1 + part);  // the number of threads may change from part to part
    Run<Model, Float> resumed(other, model(), train);
    if (auto const newest = newest_checkpoint(folder.path())) {
      load_checkpoint(*newest, resumed.network, resumed.trainer);
    }
    resumed.steps(4);  // not a multiple of adapt_every: windows go on across checkpoints
    losses.insert(losses.end(), resumed.losses.begin(), resumed.losses.end());
    save_checkpoint(folder.path(), resumed.network, resumed.trainer, {});
    if (part == 2) require_same_state(straight, resumed);
  }
  CHECK(losses == straight.losses);
  float changes = 0;
  for (auto const& layer : straight.network.params.layers) {
    changes += *layer.ffn.router.experts_added.data + *layer.ffn.router.experts_removed.data;
  }
  CHECK(changes > 2);
}

/// How many experts are there.
int active(TopAny::Config const& c, TopAny::Params<Float> const& p) {
  int n = 0;
  for (int e = 0; e < p.presence.cols; ++e) {
    float const presence = p.presence.data[e];
    n += presence > 0 || (presence == 0 && e < c.initial_experts);
  }
  return n;
}

TEST_CASE("a model with experts that come and go learns", "[train]") {
  auto train = train_config();
  train.steps = 60;
  auto config = model();
  config.block.ffn.router.adapt_every = 6;
  Float backend(2);
  Run<Model, Float> run(backend, config, train);
  run.steps(60);
  CHECK(run.losses.back() < run.losses.front() - 1);
  for (auto const& layer : run.network.params.layers) {
    auto const& router = layer.ffn.router;
    auto const change = int(*router.experts_added.data - *router.experts_removed.data);
    CHECK(active(config.block.ffn.router, router) == 2 + change);
    CHECK(active(config.block.ffn.router, router) >= 1);
  }
}

}  // namespace
