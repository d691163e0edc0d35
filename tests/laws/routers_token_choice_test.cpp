// SPDX-License-Identifier: Apache-2.0
// Routers of the literature in which tokens choose, and the controls that look at nothing.
#include "laws/router_laws.hpp"
#include "moenda/router/gshard.hpp"
#include "moenda/router/noisy_top_k.hpp"
#include "moenda/router/per_sequence.hpp"
#include "moenda/router/random.hpp"
#include "moenda/router/switch.hpp"
#include "moenda/router/uniform.hpp"

namespace {

using namespace moenda;
using laws::router_width;
using router::GShard;
using router::SecondPolicy;

template <class M, int E>
struct Case {
  using Module = M;
  static constexpr int num_experts = E;
  static constexpr bool normalised = true;
  static typename M::Config config() { return {}; }
};
struct Noisy : Case<router::NoisyTopK, 5> {
  static constexpr bool draws = true;
};
struct Switch : Case<router::Switch, 4> {
  static constexpr bool normalised = false, draws = true;
};
template <SecondPolicy Policy, int E = 5>
struct Second : Case<GShard, E> {
  static constexpr bool normalised = Policy == SecondPolicy::all;
  static constexpr bool draws = Policy == SecondPolicy::random;
  static constexpr bool any_count = draws || Policy == SecondPolicy::threshold;
  static GShard::Config config() { return {.second_policy = Policy, .threshold = 0.4}; }
};
struct AtRandom : Case<router::Random, 4> {
  static constexpr bool draws = true, reads_position = true;
  static Module::Config config() { return {.top_k = 3}; }
};
struct Turns : Case<router::Uniform, 4> {
  static constexpr bool reads_position = true;
  static Module::Config config() { return {.top_k = 2}; }
};
using Routers =
    std::tuple<Noisy, Switch, Second<SecondPolicy::random>, Second<SecondPolicy::all>,
               Second<SecondPolicy::none>, Second<SecondPolicy::threshold>, AtRandom, Turns>;

TEMPLATE_LIST_TEST_CASE("token-choice routers obey the router laws", "[laws]", Routers) {
  laws::check_router<TestType>();
}

// Noisy top-k -------------------------------------------------------------------------------------

TEST_CASE("noisy top-k starts at 0: the noise alone decides, evenly", "[laws]") {
  int const experts = Noisy::num_experts, items = 4000;
  laws::Routing<Noisy, double> router;
  moenda::walk(router.params, [](Path const&, auto const& w) { CHECK(w.initial_scale == 0); });
  std::fill(router.values.begin(), router.values.end(), 0);
  router.with_gates(laws::numbers<double>(items * router_width, 1), true,
                    [&](auto&, auto const& gates, auto&) {
                      double sum = 0, squares = 0, n = double(gates.noisy.size());
                      std::vector<double> load(std::size_t(experts), 0);
                      for (std::size_t i = 0; i < std::size_t(gates.noisy.size()); ++i) {
                        REQUIRE(gates.clean.data[i] == 0);
                        REQUIRE(gates.sigma.data[i] == Approx(std::log(2)));  // softplus(0)
                        sum += gates.noisy.data[i];
                        squares += gates.noisy.data[i] * gates.noisy.data[i];
                        load[i % std::size_t(experts)] += gates.selected.data[i];
                      }
                      double const variance = std::log(2) * std::log(2);
                      CHECK(std::abs(sum / n) < 4 * std::sqrt(variance / n));
                      CHECK(std::abs(squares / n - variance) < 4 * variance * std::sqrt(2 / n));
                      double const p = 2.0 / experts;
                      for (double const l : load)
                        CHECK(std::abs(l - items * p) < 4 * std::sqrt(items * p * (1 - p)));
                    });
}

TEST_CASE("noisy top-k is plain top-k at evaluation", "[laws]") {
  laws::Routing<Noisy, double> router;
  auto const x = laws::numbers<double>(50 * router_width, 2);
  router.with_gates(x, false, [&](auto& ctx, auto const& gates, auto&) {
    CHECK(gates.clean.data == nullptr);
    CHECK(gates.noisy.data == nullptr);
    CHECK(gates.sigma.data == nullptr);
    auto const best = ops::top_k_of_rows(ctx, gates.logits, 2);
    for (int i = 0; i < best.size(); ++i) REQUIRE(gates.selected.data[i] == best.data[i]);
  });
  auto const a = router(x, true), b = router(x, false);
  CHECK(laws::same_bits(a.logits, b.logits));       // the clean ones
  CHECK(!laws::same_bits(a.selected, b.selected));  // the noise was heard
}

TEST_CASE("gradients of the clean logits and of the noise come back", "[laws]") {
  laws::Routing<Noisy, double> router;
  int const items = 5, experts = Noisy::num_experts;
  auto x = laws::numbers<double>(items * router_width, 4);
  auto const dclean = laws::numbers<double>(items * experts, 6);
  auto const dsigma = laws::numbers<double>(items * experts, 7);
  auto const measure = [&] {
    return router.with_gates(x, true, [&](auto&, auto const& gates, auto&) {
      laws::Measured m;
      for (std::size_t i = 0; i < dclean.size(); ++i) {
        m.loss += dclean[i] * gates.clean.data[i] + dsigma[i] * gates.sigma.data[i];
      }
      return m;
    });
  };
  auto const dx = router.with_gates(x, true, [&](auto& ctx, auto const&, auto& cache) {
    auto const zero = [&] { return ops::zeros(ctx, items, experts); };
    GatesGrad<laws::Double> d{zero(), zero(), zero(), zero(), zero()};
    std::copy(dclean.begin(), dclean.end(), d.clean.data);
    std::copy(dsigma.begin(), dsigma.end(), d.sigma.data);
    auto const t =
        router::NoisyTopK::backward(ctx, router.config, router.params, router.grads, cache, d);
    return std::vector<double>(t.data, t.data + t.size());
  });
  laws::GradientCheck check;
  check("x", x, dx, measure);
  check("weights", router.values, router.gradients, measure);
}

// Switch ------------------------------------------------------------------------------------------

TEST_CASE("switch multiplies by the probability of the best expert", "[laws]") {
  laws::Routing<Switch, double> router;
  CHECK(router.params.weight.initial_scale * router.params.weight.initial_scale == Approx(0.1));
  int const experts = Switch::num_experts;
  auto const gates = router(laws::numbers<double>(50 * router_width, 2), false);
  for (std::size_t i = 0; i < gates.selected.size(); i += std::size_t(experts)) {
    auto const p = gates.probs.begin() + std::ptrdiff_t(i);
    auto const best = std::size_t(std::max_element(p, p + experts) - p);
    REQUIRE(gates.selected[i + best] == 1);
    REQUIRE(gates.weights[i + best] == gates.probs[i + best]);
  }
}

// GShard ------------------------------------------------------------------------------------------

TEST_CASE("gshard sends second choices with probability min(1, g2 / threshold)", "[laws]") {
  using Random = Second<SecondPolicy::random>;
  for (double const threshold : {0.5, 0.2}) {  // the paper's 2 g2, and Mesh-TensorFlow
    laws::Routing<Random, double> router;
    router.config.threshold = threshold;
    int const items = 20000, experts = Random::num_experts;
    auto const gates = router(laws::numbers<double>(items * router_width, 3, -2, 2));
    std::array<double, 4> sent{}, expected{}, variance{};  // by g2, as a part of 0.5
    for (std::size_t i = 0; i < gates.selected.size(); i += std::size_t(experts)) {
      auto logits = std::vector(gates.logits.begin() + std::ptrdiff_t(i),
                                gates.logits.begin() + std::ptrdiff_t(i) + experts);
      std::sort(logits.rbegin(), logits.rend());
      double const g2 = 1 / (1 + std::exp(logits[0] - logits[1]));
      double const p = std::min(1.0, g2 / threshold);
      double count = 0;
      for (std::size_t e = 0; e < std::size_t(experts); ++e) count += gates.selected[i + e];
      REQUIRE(count >= 1);
      auto const bin = std::min<std::size_t>(3, std::size_t(g2 * 8));
      sent[bin] += count - 1;
      expected[bin] += p;
      variance[bin] += p * (1 - p);
    }
    for (std::size_t bin = 0; bin < 4; ++bin) {
      CAPTURE(threshold, bin);
      CHECK(expected[bin] > 100);
      CHECK(std::abs(sent[bin] - expected[bin]) <= 4 * std::sqrt(variance[bin]) + 1e-9);
    }
  }
}

TEST_CASE("the other policies of gshard, and its priorities", "[laws]") {
  auto const x = laws::numbers<double>(300 * router_width, 3);
  laws::Routing<Second<SecondPolicy::random>, double> random;
  laws::Routing<Second<SecondPolicy::all>, double> all;
  laws::Routing<Second<SecondPolicy::none>, double> none;
  laws::Routing<Second<SecondPolicy::threshold>, double> threshold;
  auto const both = all(x);
  auto const first = none(x);
  auto const some = threshold(x);
  CHECK(laws::same_bits(random(x, false).selected, both.selected));  // no draws at evaluation
  CHECK(!laws::same_bits(random(x, true).selected, both.selected));
  std::size_t held_back = 0;
  for (std::size_t i = 0; i < both.selected.size(); ++i) {
    // What is not sent out changes nothing about the weight of the first.
    REQUIRE(first.weights[i] == both.weights[i]);
    bool const second = both.selected[i] == 1 && first.selected[i] == 0;
    bool const sent = first.selected[i] == 1 || (second && both.weights[i] > 0.4);
    REQUIRE(some.selected[i] == (sent ? 1 : 0));
    held_back += second && !sent;
    if (second) REQUIRE(both.weights[i] <= 0.5);
  }
  CHECK(held_back > 0);
  random.with_gates(x, true, [&](auto&, auto const& gates, auto&) {
    for (std::size_t i = 0; i < first.selected.size(); ++i) {
      REQUIRE(gates.priority.data[i] == first.selected[i]);
    }
  });
}

TEST_CASE("gshard wants two experts and a threshold", "[laws]") {
  Problems problems;
  GShard::check({.threshold = 0}, {.num_experts = 1}, problems);
  CHECK(problems.str() ==
        "gshard: the number of experts must be at least 2, for a first and a second choice, got 1\n"
        "threshold: threshold must be above 0 and at most 1, got 0");
}

// Controls ----------------------------------------------------------------------------------------

/// The selection [batch rows, experts] of a router without weights, at evaluation.
template <class Case>
std::vector<float> selection(Batch batch, bool training = false, std::uint64_t step = 0) {
  laws::Routing<Case, float> router;
  router.arena.rewind();
  Context<laws::Float> ctx{router.backend, router.arena, batch};
  ctx.training = training;
  ctx.step = step;
  auto const x = ops::zeros(ctx, batch.rows(), router_width);
  typename Case::Module::template Cache<laws::Float> cache{};
  auto const gates = Case::Module::forward(ctx, router.config, router.params, cache, x, 4);
  return {gates.selected.data, gates.selected.data + gates.selected.size()};
}
std::vector<double> load(std::vector<float> const& selected) {
  std::vector<double> sums(4);
  for (std::size_t i = 0; i < selected.size(); ++i) sums[i % 4] += double(selected[i]);
  return sums;
}

TEMPLATE_TEST_CASE("controls answer a text alike in any batch, whole or token by token", "[laws]",
                   AtRandom, Turns) {
  auto const tokens = laws::ids(3 * 8, 30, 1);
  auto const whole = selection<TestType>({tokens.data(), 3, 8});
  for (int b = 0; b < 3; ++b) {
    for (int t = 0; t < 8; ++t) {
      CAPTURE(b, t);
      auto const one = selection<TestType>({tokens.data() + b * 8 + t, 1, 1, t});
      auto const row = whole.begin() + (b * 8 + t) * 4;
      REQUIRE(one == std::vector<float>(row, row + 4));
    }
  }
}

TEST_CASE("a random router draws every step anew, and evenly", "[laws]") {
  auto const tokens = laws::ids(4000, 30, 1);
  Batch const batch{tokens.data(), 4, 1000};
  for (bool const training : {true, false}) {
    auto const selected = selection<AtRandom>(batch, training, 1);
    double const p = 3.0 / 4;
    for (double const l : load(selected)) {
      CHECK(std::abs(l - 4000 * p) < 4 * std::sqrt(4000 * p * (1 - p)));
    }
    CHECK(selected == selection<AtRandom>(batch, training, 1));
  }
  CHECK(selection<AtRandom>(batch, true, 1) != selection<AtRandom>(batch, true, 2));
  CHECK(selection<AtRandom>({nullptr, 1, 5}).size() == 20);  // a layer alone has no token ids
}

struct LotOfSequences : Case<router::PerSequence<router::Random>, 4> {
  static Module::Config config() { return {.top_k = 1}; }
};

TEST_CASE("sequences draw by all that they hold", "[laws]") {
  int const sequences = 1000, seq_len = 3;
  for (int const channels : {0, 1, 2}) {  // 0: tokens, of which the first is always the same
    CAPTURE(channels);
    auto tokens = laws::ids(sequences * seq_len, 30, 1);
    for (std::size_t i = 0; i < tokens.size(); i += seq_len) tokens[i] = 7;
    auto const features = laws::numbers<float>(sequences * seq_len * std::max(1, channels), 2);
    std::vector<int> const lengths(sequences, 2);
    auto const batch_of = [&](int first, int count, int length) {
      Batch batch{channels == 0 ? tokens.data() + first * seq_len : nullptr, count, length};
      batch.channels = channels;
      if (channels > 0) batch.features = features.data() + first * seq_len * channels;
      return batch;
    };
    auto const selected = selection<LotOfSequences>(batch_of(0, sequences, seq_len));
    for (double const l : load(selected)) {
      CHECK(std::abs(l - sequences / 4.0) < 4 * std::sqrt(sequences * 3 / 16.0));
    }
    for (int const b : {0, 10, 999}) {  // alone as in company
      auto const row = selected.begin() + b * 4;
      CHECK(selection<LotOfSequences>(batch_of(b, 1, seq_len)) == std::vector(row, row + 4));
    }
    auto padded = batch_of(20, 1, seq_len);  // two rows and padding as two rows alone
    padded.lengths = lengths.data();
    CHECK(selection<LotOfSequences>(padded) == selection<LotOfSequences>(batch_of(20, 1, 2)));
    if (channels == 0) continue;
    auto const rows = selection<AtRandom>(batch_of(0, 1, sequences * seq_len));  // single rows, too
    auto const again = selection<AtRandom>(batch_of(0, 1, 1));
    CHECK(std::vector(rows.begin(), rows.begin() + 4) == again);
    auto const table =
        selection<AtRandom>(batch_of(0, sequences, 1));  // sequences of one row: a table
    for (double const l : load(table)) CHECK(std::abs(l - sequences * 0.75) < 4 * std::sqrt(188));
  }
}

TEST_CASE("a uniform router gives every expert the same number of tokens", "[laws]") {
  for (bool const training : {true, false}) {
    auto const selected = selection<Turns>({nullptr, 3, 8}, training);
    CHECK(load(selected) == std::vector<double>(4, 12));
    CHECK(std::vector<float>(selected.begin(), selected.begin() + 8) ==
          std::vector<float>{1, 1, 0, 0, 0, 0, 1, 1});
  }
}

}  // namespace
