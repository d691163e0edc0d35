// SPDX-License-Identifier: Apache-2.0
#include "laws/allocations.hpp"
#include "train/runs.hpp"

namespace {

using namespace runs;
using laws::Double;
using laws::Float;

TEMPLATE_TEST_CASE("training lowers the loss", "[train]", Gpt2, MoeGqa) {
  Float backend(2);
  auto train = train_config();
  train.steps = 60;
  Run<TestType, Float> run(backend, config_of<TestType>(), train);
  run.steps(60);
  CHECK(run.losses.front() > 3.2);  // log 31 = 3.43
  CHECK(run.losses.back() < 2.4);   // the text leaves log 3 = 1.10
}

TEST_CASE("decay touches matrices and embeddings only", "[train]") {
  Double backend(1);
  Training<Gpt2, Double> network(backend, gpt2(), 1, 0.3);
  auto const before = network.values.on_host();
  network.zero_gradients();
  auto state = optimizer::AdamW::start(network);
  optimizer::AdamW::Config const c{.weight_decay = 0.5};
  optimizer::AdamW::step(c, network, state, 0.1, 1);  // no gradient: decay alone
  int decayed = 0, kept = 0;
  walk(network.params, [&](Path const& path, auto const& weight) {
    bool const decays = weight.kind != WeightKind::gain && weight.kind != WeightKind::bias;
    CAPTURE(path.str());
    for (std::ptrdiff_t i = 0; i < weight.size(); ++i) {
      auto const old = before[std::size_t(weight.data + i - network.values.data())];
      REQUIRE(weight.data[i] == Approx(decays ? old * (1 - 0.1 * 0.5) : old).epsilon(1e-14));
      ++(decays ? decayed : kept);
    }
  });
  CHECK(decayed == 31 * 8 * 2 + 12 * 8 + 2 * (4 * 64 + 2 * 56));
  CHECK(kept == 5 * 16);
  CHECK(state.step == 1);
}

TEST_CASE("the first AdamW step is the sign of the gradient", "[train]") {
  Double backend(1);
  Training<Gpt2, Double> network(backend, gpt2(), 1, 0.3);
  auto const before = network.values.on_host();
  network.gradients.assign(laws::numbers<double>(std::ptrdiff_t(before.size()), 3));
  auto state = optimizer::AdamW::start(network);
  optimizer::AdamW::step({.epsilon = 1e-30, .weight_decay = 0}, network, state, 0.01, 0.5);
  for (std::size_t i = 0; i < before.size(); ++i) {
    double const sign = network.gradients[i] > 0 ? 1 : -1;
    REQUIRE(network.values[i] == Approx(before[i] - 0.01 * sign).epsilon(1e-12));
    REQUIRE(state.first_moment[i] == Approx(0.1 * 0.5 * network.gradients[i]));
  }
}

TEST_CASE("clipping scales the gradient to the norm", "[train]") {
  Double backend(1);
  // Moments of the first step are 0.1 * clipped gradient: their norm shows the clipping.
  auto const norm_after = [&](double clip, StepResult& result) {
    auto train = train_config();
    train.gradient_clip = clip;
    Run<Gpt2, Double> run(backend, gpt2(), train);
    result = run.trainer.step();
    double sum = 0;
    for (double const m : run.trainer.state.first_moment) sum += m * m;
    return std::sqrt(sum) / 0.1;
  };
  StepResult result;
  double const unclipped = norm_after(0, result);
  CHECK(unclipped == Approx(result.gradient_norm).epsilon(1e-12));
  double const full = result.gradient_norm;
  CHECK(norm_after(full / 4, result) == Approx(full / 4).epsilon(1e-5));
  CHECK(result.gradient_norm == Approx(full).epsilon(1e-12));  // reported before clipping
  CHECK(norm_after(full * 4, result) == Approx(full).epsilon(1e-12));
}

TEMPLATE_TEST_CASE("accumulated gradients are those of the big batch", "[train]", Gpt2, MoeGqa) {
  Double backend(1);
  auto config = config_of<TestType>();
  if constexpr (std::is_same_v<TestType, MoeGqa>) {
    // Balancing is over what is seen at once, so its loss alone depends on the cut.
    get<loss::LoadBalancing>(config.block.ffn.loss).weight = 0;
  }
  auto big = train_config();
  big.batch_size = 6;
  auto small = big;
  small.batch_size = 2;
  small.gradient_accumulation = 3;
  Run<TestType, Double> a(backend, config, big), b(backend, config, small);
  for (int step = 0; step < 4; ++step) {
    auto const ra = a.trainer.step(), rb = b.trainer.step();
    CHECK(ra.loss.mean == Approx(rb.loss.mean).epsilon(1e-11));
    CHECK(ra.loss.auxiliary == Approx(rb.loss.auxiliary).epsilon(1e-11).margin(1e-15));
    CHECK(ra.gradient_norm == Approx(rb.gradient_norm).epsilon(1e-10));
    CHECK(ra.loss.tokens == rb.loss.tokens);
    CHECK(laws::distance(a.network.values, b.network.values) <= 1e-9);
  }
}

TEST_CASE("a step that is not finite changes nothing", "[train]") {
  Float backend(2);
  for (float const bad : {NAN, INFINITY}) {
    auto train = train_config();
    Run<MoeGqa, Float> run(backend, moe_gqa(), train);
    run.steps(2);
    run.network.params.final_norm.gain.data[3] = bad;
    auto const values = run.network.values.on_host();
    auto const moments = run.trainer.state.second_moment.on_host();
    CHECK_THROWS_AS(run.trainer.step(), NumericError);
    CHECK_THROWS_WITH(run.trainer.step(), Catch::Contains("but step 3 has loss"));
    CHECK(laws::same_bits(run.network.values, values));
    CHECK(laws::same_bits(run.trainer.state.second_moment, moments));
    CHECK(run.trainer.step_count() == 2);

    train.on_nonfinite = OnNonfinite::skip_step;
    Run<MoeGqa, Float> skipping(backend, moe_gqa(), train);
    skipping.steps(2);
    auto& gain = skipping.network.params.final_norm.gain.data[3];
    float const good = std::exchange(gain, bad);
    auto const before = skipping.network.values.on_host();
    auto const result = skipping.trainer.step();
    CHECK(!result.applied);
    CHECK(laws::same_bits(skipping.network.values, before));
    CHECK(skipping.trainer.state.step == 2);
    CHECK(skipping.trainer.step_count() == 3);
    gain = good;
    CHECK(skipping.trainer.step().applied);
    CHECK(skipping.trainer.state.step == 3);
    CHECK(laws::all_finite(skipping.network.values));
  }
}

TEST_CASE("a bad weight anywhere is noticed", "[train]") {
  Float backend(1);
  int noticed = 0, weights = 0;
  Run<MoeGqa, Float> run(backend, moe_gqa(), train_config());
  walk(run.network.params, [&](Path const& path, auto& weight) {
    ++weights;
    float const kept = std::exchange(weight.data[0], NAN);
    CAPTURE(path.str());
    // A row of the embedding or head that is not in the batch would stay unseen: all are tokens.
    try {
      (void)run.trainer.step();
    } catch (NumericError const&) {
      ++noticed;
    }
    weight.data[0] = kept;
  });
  CHECK(noticed == weights);
}

TEST_CASE("a steady training step allocates nothing", "[train]") {
  Float backend(2);
  Run<MoeGqa, Float> run(backend, moe_gqa(), train_config());
  run.steps(3);
  CHECK(laws::allocations_of([&] { (void)run.trainer.step(); }) == 0);
}

TEST_CASE("epochs become steps", "[train]") {
  Float backend(1);
  auto train = train_config();
  train.steps = 0;
  train.epochs = 2.5;
  Run<Gpt2, Float> run(backend, gpt2(), train);  // 74 windows, 18 batches
  CHECK(run.trainer.steps() == 45);
  CHECK(run.trainer.tokens_per_step() == 48);
  train.gradient_accumulation = 4;
  CHECK(Run<Gpt2, Float>(backend, gpt2(), train).trainer.steps() == 11);
  CHECK_THROWS_WITH((Run<Gpt2, Float>(backend, gpt2(), train, windows(12, 30))),
                    Catch::Contains("must fill a batch of 4 windows of 13 tokens"));
}

}  // namespace
