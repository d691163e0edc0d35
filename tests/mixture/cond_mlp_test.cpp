// SPDX-License-Identifier: Apache-2.0
#include "moenda/mixture/cond_mlp.hpp"

#include <numeric>

#include "laws/gradient_check.hpp"
#include "laws/numbers.hpp"
#include "moenda/expert/ffn.hpp"
#include "moenda/loss/load_balancing.hpp"
#include "moenda/module/check.hpp"

namespace {

using namespace moenda;
using laws::Double;

// Every parameter of document 3's layers (enhanced-nanoGPT, 124M and 355M), biases included.
static_assert(parameter_count(CondMlp<>::params<Shapes>({.hidden = 3072}, 768)) == 4'737'028);
static_assert(parameter_count(CondMlp<>::params<Shapes>({.hidden = 4096}, 1024)) == 8'413'188);
static_assert(CondMlp<>::idle_parameters({.hidden = 3072}, {.d_model = 768}) == 3 * (3072 + 768));

/// A layer that runs, and the choices it made.
template <class M>
struct Running : RoutingHook<Double> {
  using Config = typename M::Config;
  static constexpr int width = 5;

  explicit Running(Config c) : config(c), params(M::template params<Double>(c, width)) {
    grads = params;
    values.resize(std::size_t(count(params)));
    gradients.resize(values.size());
    bind(params, values.data());
    bind(grads, gradients.data());
    laws::fill_weights(params, 3);
    std::fill_n(params.balance.data, params.balance.size(), 0.0);
  }
  void observe(RoutingSite, Gates<Double> const& gates, DispatchPlan<Double> const& plan) override {
    REQUIRE(plan.num_slots == plan.num_items);
    path.assign(std::size_t(plan.num_items), 0);
    for (std::size_t slot = 0; slot < plan.item_of_slot.size(); ++slot) {
      path[std::size_t(plan.item_of_slot[slot])] = plan.expert_of_slot[slot];
    }
    probs.assign(gates.probs.data, gates.probs.data + gates.probs.size());
  }
  void teach(Context<Double>&, RoutingSite, Gates<Double> const&,
             GatesGrad<Double> const& dgates) override {
    for (std::size_t i = 0; i < lesson.size(); ++i) dgates.probs.data[i] += lesson[i];
  }
  /// Forward, and with dy backward, which adds to the gradients.
  std::vector<double> run(std::vector<double> const& x, std::vector<double> const& dy = {}) {
    arena.rewind();
    int const rows = int(x.size()) / width;
    if (batch.tokens == nullptr) batch = {nullptr, 1, rows};
    Context<Double> ctx{backend, arena, batch};
    ctx.training = training;
    ctx.step = step;
    ctx.hook = this;
    auto const tensor = [&](std::vector<double> const& from) {
      auto t = ctx.tensor(rows, width);  // [tokens, d_model]
      std::copy(from.begin(), from.end(), t.data);
      return t;
    };
    auto const y = M::forward(ctx, config, params, cache, tensor(x));
    if (!dy.empty()) {
      auto const d = M::backward(ctx, config, params, grads, cache, tensor(dy));
      dx.assign(d.data, d.data + d.size());
    }
    return {y.data, y.data + y.size()};
  }
  [[nodiscard]] static std::vector<double> of(Weight<Double> const& w) {
    return {w.data, w.data + w.size()};
  }

  Double backend{1};
  StepMemory<Double> arena;
  Config config;
  typename M::template Params<Double> params, grads;
  typename M::template Cache<Double> cache{};
  std::vector<double> values, gradients, probs, dx;
  std::vector<double> lesson;  // [tokens, num_paths] what a hook's loss says of probs
  std::vector<int> path;
  Batch batch{};
  bool training = true;
  std::uint64_t step = 0;
};
constexpr int width = Running<CondMlp<>>::width;

/// The layer as document 3 writes it, for one token.
template <class M>
std::vector<double> reference(Running<M> const& r, double const* x, int path) {
  auto const& p = r.params;
  std::vector<double> y(p.down_bias.data + path * width, p.down_bias.data + (path + 1) * width);
  for (int i = 0; i < r.config.hidden; ++i) {
    double const* const up = p.up.data + i * width;
    double const u =
        std::inner_product(up, up + width, x, p.up_bias.data[path * r.config.hidden + i]);
    double const h = u / 2 * (1 + std::tanh(0.7978845608028654 * (u + 0.044715 * u * u * u)));
    for (int o = 0; o < width; ++o) y[std::size_t(o)] += h * p.down.data[o * r.config.hidden + i];
  }
  return y;
}
/// softmax(guess / temperature) of one token.
template <class M>
std::vector<double> guessed(Running<M> const& r, double const* x) {
  auto const& p = r.params;
  std::vector<double> q(std::size_t(r.config.num_paths));
  double sum = 0;
  for (int e = 0; e < r.config.num_paths; ++e) {
    double const* const row = p.guess.data + e * width;
    double const z = std::inner_product(row, row + width, x, p.guess_bias.data[e]);
    sum += q[std::size_t(e)] = std::exp(z / r.config.temperature);
  }
  for (double& value : q) value /= sum;
  return q;
}

TEMPLATE_TEST_CASE_SIG("a conditional MLP computes what its formula says", "[model]",
                       ((Gradient G), G), Gradient::none, Gradient::scaled,
                       Gradient::straight_through) {
  Running<CondMlp<G>> layer({.hidden = 8, .num_paths = 3});
  auto const x = laws::numbers<double>(40 * width, 4, -3, 3);
  for (bool const training : {true, false}) {
    layer.training = training;
    auto const y = layer.run(x);
    int not_most_likely = 0;
    for (std::size_t t = 0; t < 40; ++t) {
      auto const* const token = x.data() + t * std::size_t(width);
      auto const q = guessed(layer, token);
      auto const best = std::max_element(q.begin(), q.end()) - q.begin();
      not_most_likely += layer.path[t] != best;
      auto expected = reference(layer, token, layer.path[t]);
      for (std::size_t i = 0; i < std::size_t(width); ++i) {
        double const factor = G == Gradient::scaled ? q[std::size_t(layer.path[t])] : 1;
        REQUIRE(y[t * std::size_t(width) + i] == Approx(factor * expected[i]).epsilon(1e-12));
      }
    }
    CHECK((training ? not_most_likely > 5 : not_most_likely == 0));
  }
}

TEST_CASE("with one path and no biases it is the plain feed-forward", "[model]") {
  Running<CondMlp<>> layer({.hidden = 8, .num_paths = 1});
  for (auto const& bias : {layer.params.up_bias, layer.params.down_bias}) {
    std::fill_n(bias.data, bias.size(), 0.0);
  }
  auto const x = laws::numbers<double>(9 * width, 4), dy = laws::numbers<double>(9 * width, 5);
  auto const y = layer.run(x, dy);
  Context<Double> ctx{layer.backend, layer.arena, {nullptr, 1, 9}};
  expert::Ffn::Params<Double> const ffn{layer.params.up, layer.params.down, {}, {}};
  auto dup = std::vector<double>(std::size_t(ffn.up.size())), ddown = dup;
  auto grads = ffn;
  grads.up.data = dup.data(), grads.down.data = ddown.data();
  expert::Ffn::Cache<Double> cache;
  auto input = ctx.tensor(9, width), upstream = ctx.tensor(9, width);  // [tokens, d_model]
  std::copy(x.begin(), x.end(), input.data);
  std::copy(dy.begin(), dy.end(), upstream.data);
  expert::Ffn::Config const config{.hidden = 8};
  auto const z = expert::Ffn::forward(ctx, config, ffn, cache, input);
  CHECK(laws::distance(y, std::vector<double>(z.data, z.data + z.size())) <= 1e-15);
  auto const dx = expert::Ffn::backward(ctx, config, ffn, grads, cache, upstream);
  CHECK(laws::distance(layer.dx, std::vector<double>(dx.data, dx.data + dx.size())) <= 1e-15);
  CHECK(laws::distance(layer.of(layer.grads.up), dup) <= 1e-15);
  CHECK(laws::distance(layer.of(layer.grads.down), ddown) <= 1e-15);
}

TEST_CASE("as published the guesser learns nothing from the model's loss", "[model]") {
  Running<CondMlp<>> layer({.hidden = 8});
  Running<CondMlp<Gradient::none, loss::LoadBalancing>> off({.hidden = 8}), on({.hidden = 8});
  get<loss::LoadBalancing>(on.config.loss).weight = 0.1;
  auto const x = laws::numbers<double>(30 * width, 4), dy = laws::numbers<double>(30 * width, 5);
  layer.run(x, dy), off.run(x, dy), on.run(x, dy);
  auto const is_zero = [](double g) { return g == 0; };
  auto const of_guesser = [](auto const& r) {
    auto all = r.of(r.grads.guess), bias = r.of(r.grads.guess_bias);
    all.insert(all.end(), bias.begin(), bias.end());
    return all;
  };
  CHECK(std::ranges::all_of(of_guesser(layer), is_zero));
  CHECK(std::ranges::all_of(of_guesser(off), is_zero));
  CHECK(std::ranges::none_of(of_guesser(on), is_zero));
  CHECK(std::ranges::none_of(layer.of(layer.grads.up_bias), is_zero));
  CHECK(layer.dx == off.dx);
  CHECK(layer.dx != on.dx);
}

TEST_CASE("a hook can teach the guesser, also as published", "[model]") {
  Running<CondMlp<>> layer({.hidden = 6}), alone({.hidden = 6});
  auto x = laws::numbers<double>(7 * width, 4);
  auto const dy = laws::numbers<double>(7 * width, 5);
  layer.lesson = laws::numbers<double>(7 * 4, 6);
  CHECK(laws::same_bits(layer.run(x, dy), alone.run(x, dy)));
  auto taught = layer.dx;
  for (std::size_t i = 0; i < taught.size(); ++i) taught[i] -= alone.dx[i];
  auto const loss = [&] {
    layer.run(x);
    auto const& probs = layer.probs;
    return laws::Measured{std::inner_product(probs.begin(), probs.end(), layer.lesson.begin(), 0.0),
                          {}};
  };
  auto const span = [](Weight<Double> const& w) {
    return std::span(w.data, std::size_t(w.size()));
  };
  laws::GradientCheck check;
  check("x", x, taught, loss);
  check("guess", span(layer.params.guess), span(layer.grads.guess), loss);
  check("guess_bias", span(layer.params.guess_bias), span(layer.grads.guess_bias), loss);
}

TEST_CASE("straight through: the output of none, taught like scaled", "[model]") {
  Running<CondMlp<Gradient::none>> none({.hidden = 6});
  Running<CondMlp<Gradient::scaled>> scaled({.hidden = 6});
  Running<CondMlp<Gradient::straight_through>> through({.hidden = 6});
  auto x = laws::numbers<double>(7 * width, 4), dy = laws::numbers<double>(7 * width, 5);
  auto const f = none.run(x, dy);
  scaled.run(x, dy);
  CHECK(laws::same_bits(through.run(x, dy), f));
  CHECK(laws::same_bits(through.of(through.grads.up), none.of(none.grads.up)));
  CHECK(laws::same_bits(through.of(through.grads.up_bias), none.of(none.grads.up_bias)));
  CHECK(laws::same_bits(through.of(through.grads.down), none.of(none.grads.down)));
  CHECK(laws::same_bits(through.of(through.grads.down_bias), none.of(none.grads.down_bias)));
  CHECK(laws::same_bits(through.of(through.grads.guess), scaled.of(scaled.grads.guess)));
  CHECK(laws::same_bits(through.of(through.grads.guess_bias), scaled.of(scaled.grads.guess_bias)));

  // What is taught beyond none is the gradient of p_s <dy, f>, f held fixed.
  auto const path = none.path;
  auto const surrogate = [&] {
    laws::Measured m;
    for (std::size_t t = 0; t < path.size(); ++t) {
      auto const at = t * std::size_t(width);
      auto const q = guessed(through, x.data() + at);
      m.loss += q[std::size_t(path[t])] * std::inner_product(f.begin() + std::ptrdiff_t(at),
                                                             f.begin() + std::ptrdiff_t(at) + width,
                                                             dy.begin() + std::ptrdiff_t(at), 0.0);
    }
    return m;
  };
  auto taught = through.dx;
  for (std::size_t i = 0; i < taught.size(); ++i) taught[i] -= none.dx[i];
  laws::GradientCheck check;
  check("x", x, taught, surrogate);
  auto const& p = through.params;
  auto const& g = through.grads;
  auto const span = [](Weight<Double> const& w) {
    return std::span(w.data, std::size_t(w.size()));
  };
  check("guess", span(p.guess), span(g.guess), surrogate);
  check("guess_bias", span(p.guess_bias), span(g.guess_bias), surrogate);
}

TEST_CASE("paths are drawn with the probabilities that were guessed, anew in every step",
          "[model]") {
  constexpr int tokens = 20000;
  Running<CondMlp<>> layer({.hidden = 1});
  std::fill(layer.values.begin(), layer.values.end(), 0.0);
  std::array const wanted{0.5, 0.3, 0.2, 0.0};
  for (std::size_t e = 0; e < 4; ++e) {
    layer.params.guess_bias.data[e] = wanted[e] > 0 ? 1.66 * std::log(wanted[e]) : -5000;
  }
  std::vector<double> const x(tokens * width);
  layer.run(x);
  auto const first = layer.path;
  std::array<double, 4> seen{};
  for (int const path : first) seen[std::size_t(path)] += 1.0 / tokens;
  for (std::size_t e = 0; e < 4; ++e) {
    CHECK(layer.probs[e] == Approx(wanted[e]).margin(1e-12));
    double const deviation = std::sqrt(wanted[e] * (1 - wanted[e]) / tokens);
    CHECK(std::abs(seen[e] - wanted[e]) <= 4 * deviation);
  }
  layer.run(x);
  CHECK(layer.path == first);
  layer.step = 1;
  layer.run(x);
  CHECK(layer.path != first);
}

TEST_CASE("a sample at evaluation does not depend on the batch", "[model]") {
  Running<CondMlp<>> layer({.hidden = 3, .at_evaluation = PathAtEvaluation::sample});
  layer.training = false;
  auto const x = laws::numbers<double>(12 * width, 4, -3, 3);
  auto const tokens = laws::ids(12, 50, 7);
  layer.batch = {tokens.data(), 1, 12};
  auto const y = layer.run(x);
  auto const path = layer.path;
  layer.config.at_evaluation = PathAtEvaluation::most_likely;
  layer.run(x);
  CHECK(layer.path != path);
  layer.config.at_evaluation = PathAtEvaluation::sample;
  for (int t = 0; t < 12; ++t) {  // token by token
    layer.batch = {tokens.data() + t, 1, 1, t};
    auto const row = std::vector(x.begin() + t * width, x.begin() + (t + 1) * width);
    auto const z = layer.run(row);
    CHECK(layer.path[0] == path[std::size_t(t)]);
    CHECK(std::equal(z.begin(), z.end(), y.begin() + t * width));
  }
}

/// Two kinds of tokens want answers that differ in sign; only a bias can tell them apart. How often
/// the right one is chosen after training the guesser and the biases.
template <Gradient G>
double share_right_after_training(std::vector<double>& first_guess, std::vector<double>& guess) {
  Running<CondMlp<G>> layer({.hidden = 1, .num_paths = 2});
  for (auto const& weight : {layer.params.up, layer.params.down, layer.params.up_bias}) {
    std::fill_n(weight.data, weight.size(), 0.0);
  }
  first_guess = layer.of(layer.params.guess);
  constexpr int tokens = 40;
  auto x = laws::numbers<double>(tokens * width, 8, -0.1, 0.1);
  std::vector<double> target(tokens);
  for (std::size_t t = 0; t < tokens; ++t) {
    target[t] = t % 3 == 0 ? -1 : 1;
    x[t * std::size_t(width)] = target[t];
  }
  auto const output = [&](auto const& y, std::size_t t) { return y[t * std::size_t(width)]; };
  for (int step = 0; step < 400; ++step) {
    layer.step = std::uint64_t(step);
    std::fill(layer.gradients.begin(), layer.gradients.end(), 0.0);
    auto const y = layer.run(x);
    std::vector<double> dy(x.size());
    for (std::size_t t = 0; t < tokens; ++t) {
      dy[t * std::size_t(width)] = (output(y, t) - target[t]) / tokens;
    }
    layer.run(x, dy);
    for (auto const& [value, gradient] : {std::pair(&layer.params.guess, &layer.grads.guess),
                                          {&layer.params.guess_bias, &layer.grads.guess_bias},
                                          {&layer.params.down_bias, &layer.grads.down_bias}}) {
      for (std::ptrdiff_t i = 0; i < value->size(); ++i) value->data[i] -= 2 * gradient->data[i];
    }
  }
  guess = layer.of(layer.params.guess);
  auto const y = layer.run(x);  // drawn, as in training
  int right = 0;
  for (std::size_t t = 0; t < tokens; ++t) right += output(y, t) * target[t] > 0.5;
  return double(right) / tokens;
}

TEST_CASE("what every mode of the gradient learns", "[model]") {
  std::vector<double> before, after;
  CHECK(share_right_after_training<Gradient::none>(before, after) < 0.7);
  CHECK(laws::same_bits(before, after));  // the guesser is as it was drawn
  CHECK(share_right_after_training<Gradient::scaled>(before, after) > 0.9);
  CHECK(before != after);
  CHECK(share_right_after_training<Gradient::straight_through>(before, after) > 0.9);
  CHECK(before != after);
}

TEST_CASE("the balancing bias moves the choice and not what is guessed", "[model]") {
  Running<CondMlp<>> layer({.hidden = 1, .balance = {.rate = 0.05, .dead_zone = 0.1}});
  REQUIRE(layer.params.balance.size() == 4);
  std::fill_n(layer.params.guess.data, layer.params.guess.size(), 0.0);
  std::array const skewed{3.0, 0.0, 0.0, -3.0};
  std::copy(skewed.begin(), skewed.end(), layer.params.guess_bias.data);
  constexpr int tokens = 2000;
  auto const x = laws::numbers<double>(tokens * width, 4);
  std::vector<double> const dy(x.size(), 1.0);
  std::vector<double> first;
  for (int step = 0; step < 100; ++step) {
    layer.step = std::uint64_t(step);
    std::fill(layer.gradients.begin(), layer.gradients.end(), 0.0);
    layer.run(x, dy);
    if (step == 0) first = layer.probs;
    CHECK(std::accumulate(layer.grads.balance.data, layer.grads.balance.data + 4, 0.0) == tokens);
    moenda::after_step<CondMlp<>>(StepEnd<Double>{layer.backend, 1, step, 1000}, layer.config,
                                  layer.params, layer.grads);
  }
  CHECK(laws::same_bits(layer.probs, first));
  for (int const path : {0, 1, 2, 3}) {
    CHECK(double(std::ranges::count(layer.path, path)) / tokens == Approx(0.25).margin(0.05));
  }
  auto const kept = layer.of(layer.params.balance);
  moenda::after_step<CondMlp<>>(StepEnd<Double>{layer.backend, 1, 990, 1000}, layer.config,
                                layer.params, layer.grads);
  CHECK(laws::same_bits(layer.of(layer.params.balance), kept));  // frozen near the end
}

TEST_CASE("a conditional MLP refuses what cannot work", "[model]") {
  using Layer = CondMlp<Gradient::scaled, loss::LoadBalancing>;
  auto const problems_of = [](auto const& change) {
    Layer::Config c{.hidden = 4};
    change(c);
    Problems problems;
    moenda::check<Layer>(c, {}, problems);
    return problems.str();
  };
  CHECK(problems_of([](auto&) {}).empty());
  CHECK(problems_of([](auto& c) { c.hidden = 0; }) ==
        "hidden: hidden must be in 1..16777216, got 0");
  CHECK(problems_of([](auto& c) { c.num_paths = 0; }) ==
        "num_paths: num_paths must be in 1..65536, got 0");
  CHECK(problems_of([](auto& c) { c.temperature = -1; }) ==
        "temperature: temperature must be above 0 and finite, got -1");
  CHECK(problems_of([](auto& c) { get<loss::LoadBalancing>(c.loss).weight = -1; }) ==
        "loss.load_balancing.weight: weight must be at least 0 and finite, got -1");
  CHECK(problems_of([](auto& c) { c.balance.rate = -1; }) ==
        "balance.rate: rate must be at least 0, got -1");
}

}  // namespace
