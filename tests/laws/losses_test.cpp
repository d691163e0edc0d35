// SPDX-License-Identifier: Apache-2.0
#include "laws/loss_laws.hpp"
#include "moenda/loss/entropy.hpp"
#include "moenda/loss/importance.hpp"
#include "moenda/loss/load_balancing.hpp"
#include "moenda/loss/penalty.hpp"
#include "moenda/loss/router_z.hpp"
#include "moenda/loss/smooth_load.hpp"

namespace {

using namespace moenda;
using laws::LossTables;

double squared_variation(std::vector<double> const& values) {
  double mean = 0, squares = 0;
  for (double const v : values) mean += v / double(values.size());
  for (double const v : values) squares += (v - mean) * (v - mean) / double(values.size());
  return squares / (mean * mean);
}

template <loss::Over Scope>
struct Balance {
  using Module = loss::LoadBalancing;
  static constexpr char const* missing = "probs";
  static Module::Config config() { return {.weight = 0.3, .over = Scope}; }
  static double balanced(double) { return 0.3; }
  static double collapsed(double experts) { return 0.3 * experts; }
  static double reference(LossTables const& t) {
    double all = 0, loss = 0;
    for (double const s : t.selected) all += s;
    for (int e = 0; e < t.experts; ++e) {
      double const f = t.sum(e, [&](auto i) { return t.selected[i]; }) / all;
      double const p = t.sum(e, [&](auto i) { return t.probs[i]; }) / t.items;
      loss += 0.3 * t.experts * f * p;
    }
    return loss;
  }
};
struct Z {
  using Module = loss::RouterZ;
  static constexpr char const* missing = "logits";
  static Module::Config config() { return {.weight = 0.3}; }
  static double balanced(double experts) { return 0.3 * std::pow(std::log(experts), 2); }
  static double collapsed(double) { return 0.3 * laws::sure_logit * laws::sure_logit; }
  static double reference(LossTables const& t) {
    double loss = 0;
    for (int i = 0; i < t.items; ++i) {
      double sum = 0;
      for (int e = 0; e < t.experts; ++e) sum += std::exp(t.logits[t.at(i, e)]);
      loss += 0.3 * std::pow(std::log(sum), 2) / t.items;
    }
    return loss;
  }
};
struct Important {
  using Module = loss::Importance;
  static constexpr char const* missing = nullptr;
  static Module::Config config() { return {.weight = 0.3}; }
  static double balanced(double) { return 0; }
  static double collapsed(double experts) { return 0.3 * (experts - 1); }
  static double reference(LossTables const& t) {
    std::vector<double> importance;
    for (int e = 0; e < t.experts; ++e) {
      importance.push_back(t.sum(e, [&](auto i) { return t.selected[i] * t.weights[i]; }));
    }
    return 0.3 * squared_variation(importance);
  }
};
struct Smooth {
  using Module = loss::SmoothLoad;
  static constexpr char const* missing = "clean and noisy logits";
  static Module::Config config() { return {.weight = 0.3}; }
  static double balanced(double) { return 0; }
  static double collapsed(double experts) { return 0.3 * (experts - 1); }
  static double reference(LossTables const& t) {
    std::vector<double> load(std::size_t(t.experts));
    for (int i = 0; i < t.items; ++i) {
      double top_k = 0;
      for (int e = 0; e < t.experts; ++e) top_k += t.selected[t.at(i, e)];
      for (int e = 0; e < t.experts; ++e) {
        std::vector<double> others;  // k-th largest noisy logit, e excluded
        for (int o = 0; o < t.experts; ++o) {
          if (o != e) others.push_back(t.noisy(t.at(i, o)));
        }
        std::sort(others.begin(), others.end(), std::greater<>());
        double const u =
            (t.clean[t.at(i, e)] - others[std::size_t(top_k) - 1]) / t.sigma[t.at(i, e)];
        load[std::size_t(e)] += (1 + std::erf(u / std::sqrt(2.0))) / 2;
      }
    }
    return 0.3 * squared_variation(load);
  }
};
struct Spread {
  using Module = loss::Penalty;
  static constexpr char const* missing = "logits";
  static Module::Config config() { return {.weight = 0.3}; }
  static double balanced(double experts) { return 0.3 / experts; }
  static double collapsed(double experts) { return 0.3 / experts; }
  static double reference(LossTables t) {
    for (double& z : t.logits) z /= 1.66;
    laws::softmax_of(t);
    double a = 0, b = 1.0 / t.experts;
    for (double const p : t.probs) a += p * (1 - p) / double(t.probs.size());
    for (int e = 0; e < t.experts; ++e) {
      double const q = t.sum(e, [&](auto i) { return t.probs[i]; }) / t.items;
      b -= q * (1 - q) / t.experts;
    }
    return 0.3 * (a + b);
  }
};
template <int OfToken, int OfMean>  // in tenths
struct Sure {
  using Module = loss::Entropy;
  static constexpr char const* missing = "probs";
  static Module::Config config() {
    return {.token_weight = OfToken / 10.0, .marginal_weight = OfMean / 10.0};
  }
  static double balanced(double experts) { return (OfToken - OfMean) / 10.0 * std::log(experts); }
  static double collapsed(double) { return 0; }
  static double reference(LossTables const& t) {
    double of_token = 0, of_mean = 0;
    for (double const p : t.probs) of_token -= p * std::log(p) / t.items;
    for (int e = 0; e < t.experts; ++e) {
      double const q = t.sum(e, [&](auto i) { return t.probs[i]; }) / t.items;
      of_mean -= q * std::log(q);
    }
    return OfToken / 10.0 * of_token - OfMean / 10.0 * of_mean;
  }
};

using Losses = std::tuple<Balance<loss::Over::micro_batch>, Balance<loss::Over::sequence>,
                          Balance<loss::Over::global_batch>, Z, Important, Smooth, Spread,
                          Sure<3, 0>, Sure<0, 3>, Sure<2, 5>, Sure<-2, -1>>;

TEMPLATE_LIST_TEST_CASE("losses obey the loss laws", "[laws]", Losses) {
  laws::check_loss<TestType>();
}

template <class Case>
double value_of(LossTables const& t) {
  return laws::LossSubject<Case, double>()(t).value;
}

TEST_CASE("sure and even choices are the best of the penalty and of entropy", "[laws]") {
  for (int const experts : {1, 2, 4, 8}) {
    auto const t = laws::sure_tables(experts, true);
    CHECK(value_of<Spread>(t) == Approx(0.3 / (experts * experts)).epsilon(1e-12));
    CHECK(value_of<Sure<2, 5>>(t) == Approx(-0.5 * std::log(experts)).margin(1e-12));
    CHECK(value_of<Sure<2, 0>>(t) == Approx(0).margin(1e-12));
  }
}

TEST_CASE("the penalty cannot undo a collapse", "[laws]") {
  for (auto const& t : {laws::sure_tables(4, false), laws::balanced_tables(4, 1)}) {
    auto const got = laws::LossSubject<Spread, double>()(t);
    for (double const d : got.logits) CHECK(std::abs(d) <= 1e-15);
  }
}

TEST_CASE("probabilities of 0 leave the entropy and its gradient finite", "[laws]") {
  LossTables t(2, 3);
  t.probs = {1, 0, 0, 1, 0, 0};
  laws::LossSubject<Sure<2, 5>, float> loss;
  auto const got = loss(t);
  CHECK(got.value == Approx(0).margin(1e-12));
  CHECK(laws::all_finite(got.all()));
}

TEST_CASE("noise that vanishes leaves the smooth load finite", "[laws]") {
  auto t = laws::random_tables(9, 4, 2, 1);
  std::fill(t.sigma.begin(), t.sigma.end(), 0.0);
  std::fill(t.noise.begin(), t.noise.end(), 0.0);
  t.sigma[5] = 1e-30;
  t.sigma[6] = 2e-38, t.clean[6] = 300;  // so far ahead that a float has no number for it
  t.sigma[7] = 1e-42;
  laws::LossSubject<Smooth, float> loss;
  auto const got = loss(t);
  CHECK(std::isfinite(got.value));
  CHECK(laws::all_finite(got.all()));
}

TEST_CASE("the mean over sequences sees what a batch hides", "[laws]") {
  // Sequence 0 takes expert 0 alone, sequence 1 expert 1: even in all, collapsed in each.
  LossTables t(8, 2);
  for (int i = 0; i < 8; ++i) t.selected[t.at(i, i / 4)] = t.probs[t.at(i, i / 4)] = 1;
  Batch const batch{nullptr, 2, 4};
  laws::LossSubject<Balance<loss::Over::micro_batch>, double> whole;
  laws::LossSubject<Balance<loss::Over::sequence>, double> each;
  CHECK(whole(t, batch).value == Approx(0.3).epsilon(1e-15));
  CHECK(each(t, batch).value == Approx(0.6).epsilon(1e-15));
  CHECK_THROWS_WITH(each(t, {nullptr, 8, 3}), Catch::Contains("routes tokens (items vs tokens)"));
}

TEST_CASE("sequences that are routed whole can be padding too", "[laws]") {
  auto const t = laws::random_tables(3, 4, 2, 9);
  std::vector<int> const lengths{5, 0, 2};
  auto const first = laws::random_tables(3, 4, 2, 9);
  LossTables there(2, 4);
  for (int e = 0; e < 4; ++e) {
    for (auto const& [to, from] : {std::pair{0, 0}, std::pair{1, 2}}) {
      there.probs[there.at(to, e)] = t.probs[t.at(from, e)];
      there.selected[there.at(to, e)] = t.selected[t.at(from, e)];
    }
  }
  using Case = Balance<loss::Over::micro_batch>;
  laws::LossSubject<Case, double> loss;
  CHECK(loss(t, {nullptr, 3, 5, 0, lengths.data()}).value == value_of<Case>(there));
  CHECK_THROWS_WITH(loss(laws::random_tables(4, 4, 2, 9), {nullptr, 3, 5, 0, lengths.data()}),
                    Catch::Contains("the batch's tokens or its sequences (4 vs 15)"));
}

/// Passes of one optimizer step: what one collects, the next ones count.
TEST_CASE("global balance counts every pass of the optimizer step", "[laws]") {
  using L = loss::LoadBalancing;
  using B = laws::Double;
  B backend(2);
  StepMemory<B> arena;
  L::Config const config{.weight = 1, .over = loss::Over::global_batch};
  auto params = L::params<B>(config, 2), grads = params;
  CHECK(count(params) == 2);
  CHECK(parameter_count(params) == 0);
  std::vector<double> values(2), gradients(2);
  bind(params, values.data());
  bind(grads, gradients.data());
  std::vector<int> const lengths{3};
  auto const pass = [&](int expert) {
    arena.rewind();
    Context<B> ctx{backend, arena, {nullptr, 1, 4, 0, lengths.data()}};  // the last row is padding
    ctx.values = values.data(), ctx.gradients = gradients.data();
    auto table = [&](double chosen, double other) {
      auto t = ctx.tensor(4, 2);
      for (int i = 0; i < 4; ++i) {
        t.data[2 * i + expert] = chosen;
        t.data[2 * i + 1 - expert] = other;
      }
      return t;
    };
    Gates<B> const gates{table(1, 0), table(1, 0), table(0.75, 0.25), {}};
    L::add(ctx, config, gates, {}, params);
    L::add(ctx, config, gates, {}, params);  // forward may run twice, such as to look at a loss
    L::collect(ctx, config, grads, gates);
    return ctx.auxiliary_loss() / 2;
  };
  CHECK(pass(0) == Approx(2 * 0.75));
  CHECK(gradients == std::vector<double>{3, 0});
  CHECK(pass(1) == Approx(2 * (0.5 * 0.75 + 0.5 * 0.25)));
  CHECK(gradients == std::vector<double>{3, 3});
  CHECK(pass(1) == Approx(2 * (2 / 3.0 * 0.75 + 1 / 3.0 * 0.25)));
  CHECK(values == std::vector<double>(2));
  Context<B> ctx{backend, arena};
  Gates<B> const gates{ctx.tensor(1, 2), ctx.tensor(1, 2), ctx.tensor(1, 2), {}};
  CHECK_THROWS_WITH(L::add(ctx, config, gates, {}), Catch::Contains("a place to remember"));
  CHECK(count(L::params<B>({.weight = 1}, 2)) == 0);
  CHECK(count(L::params<B>({.over = loss::Over::global_batch}, 2)) == 0);
}

template <class L>
std::string problems_of(typename L::Config const& config) {
  Problems problems;
  L::check(config, {}, problems);
  return problems.str();
}

TEST_CASE("weights that are no weights are refused", "[laws]") {
  for (double const weight : {-1.0, double(NAN), double(INFINITY)}) {
    CHECK(!problems_of<loss::LoadBalancing>({.weight = weight}).empty());
    CHECK(!problems_of<loss::RouterZ>({.weight = weight}).empty());
    CHECK(!problems_of<loss::Importance>({.weight = weight}).empty());
    CHECK(!problems_of<loss::SmoothLoad>({.weight = weight}).empty());
    CHECK(!problems_of<loss::Penalty>({.weight = weight}).empty());
  }
  CHECK(problems_of<loss::RouterZ>({.weight = -1}) ==
        "weight: weight must be at least 0 and finite, got -1");
  CHECK(problems_of<loss::Penalty>({.temperature = 0}) ==
        "temperature: temperature must be above 0 and finite, got 0");
  CHECK(problems_of<loss::Entropy>({.token_weight = -1, .marginal_weight = -1}).empty());
  CHECK(!problems_of<loss::Entropy>({.token_weight = NAN}).empty());
  CHECK(!problems_of<loss::Entropy>({.marginal_weight = INFINITY}).empty());
}

}  // namespace
