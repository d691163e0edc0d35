// SPDX-License-Identifier: Apache-2.0
// A bias on the selection that moves against the load: router::BiasBalanced.
#include <numeric>
#include <string_view>

#include "laws/router_laws.hpp"
#include "moenda/module/check.hpp"
#include "moenda/module/one_of.hpp"
#include "moenda/router/allow_future_leak.hpp"
#include "moenda/router/bias_balanced.hpp"
#include "moenda/router/gshard.hpp"
#include "moenda/router/noisy_top_k.hpp"
#include "moenda/router/random.hpp"
#include "moenda/router/switch.hpp"
#include "moenda/router/uniform.hpp"

namespace {

using namespace moenda;
using laws::router_width;
using router::BiasBalanced;
using router::Scores;
using router::TopK;
using router::Weighting;

template <class M, bool Draws = false, bool Normalised = true>
struct Case {
  using Module = M;
  static constexpr int num_experts = 5;
  static constexpr bool normalised = Normalised, draws = Draws;
  static typename M::Config config() { return {}; }
};
/// Not quite normalised: a strong bias may select experts whose scores all round to 0.
struct Sigmoid : Case<BiasBalanced<TopK>, false, false> {
  static Module::Config config() {
    return {.inner = {.top_k = 2,
                      .scores = Scores::sigmoid,
                      .weighting = Weighting::score_then_renormalise}};
  }
};
struct Probs : Case<BiasBalanced<TopK>, false, false> {
  static Module::Config config() { return {.inner = {.weighting = Weighting::score_then_select}}; }
};
struct SecondChoices : Case<BiasBalanced<router::GShard>, true, false> {
  static constexpr bool any_count = true;
};
using Routers = std::tuple<Sigmoid, Probs, SecondChoices, Case<OneOf<BiasBalanced<TopK>, TopK>>,
                           Case<BiasBalanced<router::NoisyTopK>, true>,
                           Case<BiasBalanced<router::Switch>, true, false>>;

TEMPLATE_LIST_TEST_CASE("balanced routers obey the router laws", "[laws]", Routers) {
  laws::check_router<TestType>();
}

static_assert(router::TakesSelectionBias<router::AllowFutureLeak<TopK>>);
static_assert(!router::TakesSelectionBias<router::Random>);
static_assert(!router::TakesSelectionBias<router::Uniform>);
static_assert(!router::TakesSelectionBias<BiasBalanced<TopK>>);  // one bias is enough
static_assert(std::string_view(BiasBalanced<TopK>::name) == "bias_balanced_top_k");
static_assert(lists_all_fields<BiasBalanced<TopK>::Config>);

TEMPLATE_TEST_CASE("the bias changes the selection, never the weight of what is selected", "[laws]",
                   Sigmoid, Probs) {
  laws::Routing<TestType, double> biased;
  laws::Routing<Case<TopK>, double> plain;
  plain.config = biased.config.inner;
  for (int e = 0; e < 5; ++e) biased.params.bias.data[e] *= 0.2;
  std::copy_n(biased.values.begin(), plain.values.size(), plain.values.begin());
  auto const x = laws::numbers<double>(300 * router_width, 2);
  auto const a = biased(x);
  auto const b = plain(x);
  CHECK(laws::same_bits(a.probs, b.probs));
  CHECK(laws::same_bits(a.logits, b.logits));
  constexpr bool sigmoid = std::is_same_v<TestType, Sigmoid>;
  int same = 0, changed = 0;
  for (std::size_t row = 0; row < a.selected.size(); row += 5) {
    std::array<std::pair<double, std::size_t>, 5> order;  // by score plus bias
    for (std::size_t e = 0; e < 5; ++e) {
      double const z = a.logits[row + e];
      double const score = sigmoid ? 1 / (1 + std::exp(-z)) : a.probs[row + e];
      order[e] = {-score - biased.params.bias.data[e], row + e};
    }
    std::sort(order.begin(), order.end());
    for (std::size_t k = 0; k < 5; ++k) REQUIRE(a.selected[order[k].second] == (k < 2 ? 1 : 0));
    bool equal = true;
    double sum = 0;  // of the unbiased scores of the selected
    for (std::size_t i = row; i < row + 5; ++i) {
      equal = equal && a.selected[i] == b.selected[i];
      sum += a.selected[i] * a.probs[i];
    }
    ++(equal ? same : changed);
    for (std::size_t i = row; i < row + 5; ++i) {
      if (a.selected[i] == 0) continue;
      if (equal) REQUIRE(a.weights[i] == b.weights[i]);
      REQUIRE(a.weights[i] ==
              Approx(std::is_same_v<TestType, Probs> ? a.probs[i] : a.probs[i] / sum));
    }
  }
  CHECK(same > 30);
  CHECK(changed > 30);
}

/// A router that sees inputs which prefer some experts, and its training.
struct Skewed {
  static constexpr int items = 500, experts = 5;
  laws::Routing<Sigmoid, float> router;
  std::vector<float> x = laws::numbers<float>(items * router_width, 7, 0, 1);  // not around 0

  Skewed() { std::fill_n(bias(), experts, 0.f); }
  float* bias() { return router.params.bias.data; }
  float* counts() { return router.grads.bias.data; }
  std::vector<float> biases() { return {bias(), bias() + experts}; }
  /// One micro-batch.
  void pass() {
    router.with_gates(x, true, [&](auto& ctx, auto const&, auto& cache) {
      auto const zero = [&] { return ops::zeros(ctx, items, experts); };
      GatesGrad<laws::Float> const d{zero(), zero(), zero()};
      using Module = Sigmoid::Module;
      Module::backward(ctx, router.config, router.params, router.grads, cache, d);
    });
  }
  void end_step(std::int64_t step, std::int64_t steps) {
    StepEnd<laws::Float> const end{router.backend, 1, step, steps};
    Sigmoid::Module::after_step(end, router.config, router.params, router.grads);
    std::fill(router.gradients.begin(), router.gradients.end(), 0.f);
  }
  /// max_e (load_e - mean) / mean.
  double max_violation() {
    auto const gates = router(x, false);
    std::vector<double> load(experts);
    for (std::size_t i = 0; i < gates.selected.size(); ++i) load[i % 5] += gates.selected[i];
    return *std::max_element(load.begin(), load.end()) / (items * 2.0 / experts) - 1;
  }
};

TEST_CASE("loads of a skewed router become even", "[laws]") {
  for (double const dead_zone : {0.0, 0.2}) {
    CAPTURE(dead_zone);
    Skewed skewed;
    skewed.router.config.dead_zone = dead_zone;
    skewed.router.config.rate = 0.01;
    CHECK(skewed.max_violation() > 0.8);
    for (int step = 0; step < 90; ++step) skewed.pass(), skewed.end_step(step, 100);
    CHECK(skewed.max_violation() < (dead_zone == 0 ? 0.1 : 0.3));
    auto const settled = skewed.biases();
    skewed.pass();
    skewed.end_step(90, 100);
    // In the dead zone nothing moves; the sign rule never rests.
    CHECK((skewed.biases() == settled) == (dead_zone > 0));
  }
}

TEST_CASE("the bias moves by the counts of all micro-batches of a step", "[laws]") {
  Skewed skewed;
  skewed.pass();
  skewed.pass();
  CHECK(std::accumulate(skewed.counts(), skewed.counts() + 5, 0.0) == 2 * 2 * Skewed::items);
  float const counts[] = {100, 79, 81, 119, 121};  // mean 100
  auto const moved = [&](double dead_zone) {
    skewed.router.config.dead_zone = dead_zone;
    std::fill_n(skewed.bias(), 5, 0.f);
    std::copy_n(counts, 5, skewed.counts());
    skewed.end_step(0, 100);
    return skewed.biases();
  };
  float const rate = 0.001f;
  CHECK(moved(0) == std::vector<float>{0, rate, rate, -rate, -rate});
  CHECK(moved(0.2) == std::vector<float>{0, rate, 0, 0, -rate});
  std::fill_n(skewed.bias(), 5, 0.f);
  skewed.end_step(0, 100);  // nothing was routed
  CHECK(skewed.biases() == std::vector<float>(5, 0));
}

TEST_CASE("assignments of padding are not counted", "[laws]") {
  Skewed skewed;
  std::array const lengths{60, 0, 100, 7, 33};  // 5 sequences of 100
  skewed.router.lengths = lengths;
  skewed.pass();
  CHECK(std::accumulate(skewed.counts(), skewed.counts() + 5, 0.0) == 2 * 200);
}

TEST_CASE("the bias rests at evaluation and after frozen_from", "[laws]") {
  Skewed skewed;
  auto const start = skewed.biases();
  skewed.max_violation();  // runs at evaluation
  CHECK(std::vector<float>(skewed.counts(), skewed.counts() + 5) == std::vector<float>(5, 0));
  auto const moves_at = [&](int step) {
    auto const before = skewed.biases();
    skewed.pass();
    skewed.end_step(step, 100);
    return skewed.biases() != before;
  };
  CHECK(moves_at(0));
  CHECK(moves_at(96));
  CHECK(!moves_at(97));
  CHECK(!moves_at(99));
  skewed.router.config.frozen_from = 1;
  CHECK(moves_at(99));
  skewed.router.config.frozen_from = 0;
  CHECK(!moves_at(0));
}

TEST_CASE("settings of the bias are checked, and those inside", "[laws]") {
  Problems problems;
  BiasBalanced<TopK>::Config const config{
      .inner = {.top_k = 9}, .rate = -1, .dead_zone = 1, .frozen_from = 1.5};
  check<BiasBalanced<TopK>>(config, {.num_experts = 4}, problems);
  CHECK(problems.str() ==
        "rate: rate must be at least 0, got -1\n"
        "dead_zone: dead_zone must be at least 0 and below 1, got 1\n"
        "frozen_from: frozen_from must be in 0..1, a part of the training, got 1.5\n"
        "inner.top_k: top_k must be in 1..4, the number of experts, got 9");
}

}  // namespace
