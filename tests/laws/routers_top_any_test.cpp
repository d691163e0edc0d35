// SPDX-License-Identifier: Apache-2.0
#include <numeric>

#include "laws/router_laws.hpp"
#include "moenda/router/top_any.hpp"

namespace {

using namespace moenda;
using router::TopAny;

constexpr int width = laws::router_width;

template <int E>
struct AnyOf {
  using Module = TopAny;
  static constexpr int num_experts = E;
  static constexpr bool normalised = true;
  static constexpr bool any_count = true;
  static constexpr bool surrogate_gradient = true;
  static TopAny::Config config() { return {}; }
};
struct Steep : AnyOf<8> {
  static TopAny::Config config() {
    return {.temperature = 0.05,
            .initial_experts = 3,
            .diversity_weight = 0.3,
            .simplicity_weight = 0.2,
            .load_balancing_weight = 0.5,
            .efficiency_weight = 0.4};
  }
};
using Routers = std::tuple<AnyOf<5>, AnyOf<1>, AnyOf<33>, Steep>;

TEMPLATE_LIST_TEST_CASE("routers that take any number of experts obey the router laws", "[laws]",
                        Routers) {
  laws::check_router<TestType>();
}

/// A router whose numbers a test sets: with 6 places, the first 4 in use, of which 2 was removed,
/// and 5 was added.
struct Changed : AnyOf<6> {
  static TopAny::Config config() {
    auto c = Steep::config();
    c.temperature = 0.4;
    c.initial_experts = 4;
    return c;
  }
};
constexpr std::array changed_active{true, true, false, true, false, true};

/// In double, with experts that came and went.
template <class Case>
struct Router : laws::Routing<Case, double> {
  explicit Router(std::vector<double> const& presence) {
    std::copy(presence.begin(), presence.end(), this->params.presence.data);
  }
};
/// Its thresholds are such that some items activate nobody.
struct ChangedRouter : Router<Changed> {
  ChangedRouter() : Router({0, 0, -1, 0, 0, 1}) {
    for (int e = 0; e < Changed::num_experts; ++e) params.threshold.data[e] = 0.1 + 0.1 * e;
  }
};

/// Equations 3-6 as they stand, with the selection and its sizes held fixed.
struct Reference {
  explicit Reference(ChangedRouter const& router, std::vector<double> const& x)
      : r(router), in(x), items(int(x.size()) / width) {
    chosen.resize(std::size_t(items * experts));
    sizes.resize(std::size_t(items));
    for (int t = 0; t < items; ++t) {
      for (int e = 0; e < experts; ++e) {
        bool const is = changed_active[std::size_t(e)] && score(t, e) > theta(e);
        chosen[at(t, e)] = is;
        sizes[std::size_t(t)] += is;
      }
      routed += sizes[std::size_t(t)] > 0;
    }
  }
  [[nodiscard]] double dot(double const* a, double const* b) const {
    return std::inner_product(a, a + width, b, 0.0);
  }
  [[nodiscard]] double const* w(int e) const { return r.params.weight.data + e * width; }
  [[nodiscard]] double length(int e) const { return std::sqrt(dot(w(e), w(e))); }
  [[nodiscard]] double sigmoid(double z) const { return 1 / (1 + std::exp(-z)); }
  [[nodiscard]] double score(int t, int e) const {
    double const* const row = in.data() + t * width;
    double const cosine = dot(row, w(e)) / std::sqrt(dot(row, row)) / length(e);
    return sigmoid(cosine / r.config.temperature);
  }
  [[nodiscard]] double theta(int e) const {
    return sigmoid(r.params.threshold.data[e] / r.config.temperature);
  }
  [[nodiscard]] std::size_t at(int t, int e) const { return std::size_t(t * experts + e); }
  [[nodiscard]] double prob(int t, int e) const {
    double sum = 0;
    for (int o = 0; o < experts; ++o) sum += changed_active[std::size_t(o)] ? score(t, o) : 0;
    return changed_active[std::size_t(e)] ? score(t, e) / sum : 0;
  }
  /// The losses on the rows of the weight.
  [[nodiscard]] double of_rows() const {
    double squares = 0, lengths = 0;
    for (int e = 0; e < experts; ++e) {
      if (!changed_active[std::size_t(e)]) continue;
      lengths += length(e);
      for (int o = 0; o < experts; ++o) {
        if (!changed_active[std::size_t(o)] || o == e) continue;
        squares += std::pow(dot(w(e), w(o)) / length(e) / length(o), 2);
      }
    }
    return r.config.diversity_weight * std::sqrt(squares) +
           r.config.simplicity_weight * lengths / active;
  }
  /// The losses on the selection, of g(t, e).
  template <class G>
  [[nodiscard]] double of_selection(G g) const {
    double balance = 0, all = 0;
    for (int e = 0; e < experts; ++e) {
      double weights = 0, share = 0;
      for (int t = 0; t < items; ++t) {
        if (!chosen[at(t, e)]) continue;
        weights += g(t, e) / sizes[std::size_t(t)] / routed;
        share += 1.0 / routed;
        all += g(t, e);
      }
      balance += active * weights * share;
    }
    return r.config.load_balancing_weight * balance +
           r.config.efficiency_weight * all / items / active;
  }
  [[nodiscard]] double auxiliary() const {
    return of_rows() + of_selection([](int, int) { return 1.0; });
  }
  /// What backward differentiates: g is score - threshold.
  [[nodiscard]] double surrogate(std::vector<double> const& dweights,
                                 std::vector<double> const& dprobs, double scale) const {
    auto const g = [&](int t, int e) { return score(t, e) - theta(e); };
    double loss = scale * (of_rows() + of_selection(g));
    for (int t = 0; t < items; ++t) {
      for (int e = 0; e < experts; ++e) {
        loss += dprobs[at(t, e)] * prob(t, e);
        if (chosen[at(t, e)]) loss += dweights[at(t, e)] * g(t, e) / sizes[std::size_t(t)];
      }
    }
    return loss;
  }

  static constexpr int experts = Changed::num_experts;
  static constexpr double active = 4;
  ChangedRouter const& r;
  std::vector<double> const& in;
  int items, routed = 0;
  std::vector<char> chosen;
  std::vector<int> sizes;
};

TEST_CASE("gates are those of the equations", "[laws]") {
  ChangedRouter router;
  auto const x = laws::numbers<double>(40 * width, 4);
  auto const gates = router(x);
  Reference const reference(router, x);
  CHECK(reference.routed < reference.items);  // some items activate nobody
  CHECK(*std::max_element(reference.sizes.begin(), reference.sizes.end()) >= 3);
  for (int t = 0; t < reference.items; ++t) {
    for (int e = 0; e < reference.experts; ++e) {
      auto const i = reference.at(t, e);
      REQUIRE(gates.selected[i] == double(reference.chosen[i]));
      REQUIRE(gates.probs[i] == Approx(reference.prob(t, e)).margin(1e-15));
      if (reference.chosen[i]) {
        REQUIRE(gates.weights[i] == Approx(1.0 / reference.sizes[std::size_t(t)]));
      }
    }
  }
}

TEST_CASE("gradients are those of the surrogate: a sign whose slope is 1", "[laws]") {
  ChangedRouter router;
  constexpr int items = 14, experts = Changed::num_experts;
  double const scale = 0.25;  // of a micro-batch
  auto x = laws::numbers<double>(items * width, 4);
  auto const dweights = laws::numbers<double>(items * experts, 6);
  auto const dprobs = laws::numbers<double>(items * experts, 7);
  Reference const reference(router, x);
  REQUIRE(reference.routed < items);
  double auxiliary = 0;
  std::vector<double> dx;
  {
    StepMemory<laws::Double> arena;
    Context<laws::Double> ctx{router.backend, arena, {nullptr, 1, items}};
    ctx.loss_scale = scale;
    TopAny::Cache<laws::Double> cache;
    TopAny::forward(ctx, router.config, router.params, cache, {x.data(), items, width}, experts);
    auxiliary = ctx.auxiliary_loss();
    auto dw = dweights, dp = dprobs, none = std::vector<double>(dp.size());
    GatesGrad<laws::Double> const d{
        {dw.data(), items, experts}, {dp.data(), items, experts}, {none.data(), items, experts}};
    auto const t = TopAny::backward(ctx, router.config, router.params, router.grads, cache, d);
    dx.assign(t.data, t.data + t.size());
  }
  CHECK(auxiliary == Approx(reference.auxiliary()).epsilon(1e-12));
  auto const measure = [&] {
    return laws::Measured{reference.surrogate(dweights, dprobs, scale), {}};
  };
  laws::GradientCheck check;
  check("x", x, dx, measure);
  auto const weight = std::size_t(experts * width);
  auto const values = std::span(router.values);
  auto const gradients = std::span(std::as_const(router.gradients));
  check("weight", values.first(weight), gradients.first(weight), measure);
  check("threshold", values.subspan(weight, experts), gradients.subspan(weight, experts), measure);
  CHECK(check.skipped() == 0);
}

TEST_CASE("at evaluation every item has an expert, one that is there", "[laws]") {
  ChangedRouter router;
  std::fill_n(router.params.threshold.data, Changed::num_experts, 0.7);
  auto x = laws::numbers<double>(60 * width, 4);
  std::fill_n(x.begin(), width, 0.0);  // without a direction
  auto const training = router(x), evaluation = router(x, false);
  Reference const reference(router, x);
  int fallen_back = 0;
  for (std::size_t t = 0; t < 60; ++t) {
    auto const row = [&](auto const& table) {
      return std::span(table).subspan(t * Changed::num_experts, Changed::num_experts);
    };
    auto const count = [](auto table) { return std::accumulate(table.begin(), table.end(), 0.0); };
    if (count(row(training.selected)) > 0) {
      REQUIRE(std::ranges::equal(row(training.selected), row(evaluation.selected)));
      REQUIRE(std::ranges::equal(row(training.weights), row(evaluation.weights)));
      continue;
    }
    ++fallen_back;
    REQUIRE(count(row(evaluation.selected)) == 1);
    auto const chosen = std::ranges::find(row(evaluation.selected), 1.0);
    auto const e = std::size_t(chosen - row(evaluation.selected).begin());
    REQUIRE(changed_active[e]);
    REQUIRE(row(evaluation.weights)[e] == 1);
    for (std::size_t o = 0; t > 0 && o < Changed::num_experts; ++o) {
      if (changed_active[o]) {
        REQUIRE(reference.score(int(t), int(o)) <= reference.score(int(t), int(e)));
      }
    }
  }
  CHECK(fallen_back > 10);
  CHECK(fallen_back < 60);
}

TEST_CASE("even with a damaged mask an item has an expert at evaluation", "[laws]") {
  for (double const bad : {-1.0, -double(INFINITY)}) {
    Router<AnyOf<5>> router(std::vector(5, bad));
    auto const gates = router(laws::numbers<double>(3 * width, 4), false);
    for (std::size_t i = 0; i < gates.selected.size(); ++i) {
      CHECK(gates.selected[i] == (i % 5 == 0 ? 1 : 0));
    }
  }
  Router<Steep> router(std::vector(8, double(NAN)));  // reads as: as at first
  auto const gates = router(laws::numbers<double>(30 * width, 4), false);
  for (std::size_t i = 0; i < gates.selected.size(); ++i) {
    if (i % 8 >= 3) CHECK(gates.selected[i] == 0);
  }
}

/// What forward adds to the auxiliary loss, with the rows of weight `w`.
double loss_of(TopAny::Config const& c, std::vector<double> w, std::vector<double> x, int experts) {
  laws::Double backend(1);
  StepMemory<laws::Double> arena;
  auto params = TopAny::params<laws::Double>(c, width, experts);
  std::vector<double> values(std::size_t(count(params)));
  bind(params, values.data());
  std::copy(w.begin(), w.end(), params.weight.data);
  int const items = int(x.size()) / width;
  Context<laws::Double> ctx{backend, arena, {nullptr, 1, items}};
  TopAny::Cache<laws::Double> cache;
  TopAny::forward(ctx, c, params, cache, {x.data(), items, width}, experts);
  return ctx.auxiliary_loss();
}
/// Row e has `lengths[e]` in the column of its number.
std::vector<double> axes(std::initializer_list<double> lengths) {
  std::vector<double> rows(lengths.size() * width);
  std::size_t e = 0;
  for (double const length : lengths) rows[e * width + e] = length, ++e;
  return rows;
}

TEST_CASE("losses of a router that takes any number have their values", "[laws]") {
  TopAny::Config const off{.diversity_weight = 0, .simplicity_weight = 0};
  auto const x = axes({1, 1, 1, 1});
  SECTION("diversity: nothing to gain from orthogonal rows, of any length") {
    auto c = off;
    c.diversity_weight = 3;
    CHECK(loss_of(c, axes({1, 2, 3, 4}), x, 4) == Approx(0).margin(1e-12));
    auto same = axes({1, 2});
    same[width] = 2, same[width + 1] = 0;  // both look the same way
    CHECK(loss_of(c, same, x, 2) == Approx(3 * std::sqrt(2)));
  }
  SECTION("simplicity: the mean length, of the experts that are there") {
    auto c = off;
    c.simplicity_weight = 2;
    CHECK(loss_of(c, axes({1, 2, 3, 6}), x, 4) == Approx(6));
    c.initial_experts = 2;
    CHECK(loss_of(c, axes({1, 2, 3, 6}), x, 4) == Approx(3));
  }
  SECTION("load balancing: 1 for one expert each, as many as experts when one has all") {
    auto c = off;
    c.load_balancing_weight = 1;
    CHECK(loss_of(c, axes({1, 2, 3, 4}), x, 4) == Approx(1));
    CHECK(loss_of(c, axes({1, -1, -1, -1}), {1, 0, 0, 0, 0, 0, 3, 0, 0, 0, 0, 0}, 4) == Approx(4));
    CHECK(loss_of(c, axes({-1, -1, -1, -1}), x, 4) == 0);  // nobody is activated
  }
  SECTION("efficiency: the part of the experts that an item takes") {
    auto c = off;
    c.efficiency_weight = 1;
    CHECK(loss_of(c, axes({1, 2, 3, 4}), x, 4) == Approx(0.25));
    CHECK(loss_of(c, axes({-1, -1, -1, -1}), x, 4) == 0);
  }
  SECTION("a pass without items has none") {
    CHECK(loss_of(Steep::config(), axes({1, 1, 1, 1}), {}, 4) == 0);
  }
}

TEST_CASE("what padding activates is not counted", "[laws]") {
  laws::Routing<AnyOf<3>, float> router;
  std::fill(router.values.begin(), router.values.end(), 0.f);
  auto const w = axes({1, 1, 1});
  std::copy(w.begin(), w.end(), router.params.weight.data);
  // Two sequences of three items: the first activates 0, the second nobody; the rest is padding.
  auto x = laws::numbers<float>(6 * width, 3);
  for (std::size_t i = 0; i < width; ++i) x[i] = i == 0, x[3 * width + i] = i == 1 ? -2.f : 0.f;
  std::array const lengths{1, 1};
  StepMemory<laws::Float> arena;
  Context<laws::Float> ctx{router.backend, arena, {nullptr, 2, 3, 0, lengths.data()}};
  TopAny::Cache<laws::Float> cache;
  TopAny::forward(ctx, router.config, router.params, cache, {x.data(), 6, width}, 3);
  GatesGrad<laws::Float> const d{ops::zeros(ctx, 6, 3), ops::zeros(ctx, 6, 3), {}};
  TopAny::backward(ctx, router.config, router.params, router.grads, cache, d);
  auto const& grads = router.grads;
  CHECK(std::vector(grads.activations.data, grads.activations.data + 3) ==
        std::vector<float>{1, 0, 0});
  CHECK(*grads.unrouted.data == 1);
  CHECK(grads.unrouted_sum.data[1] == -2);
}

TEST_CASE("a router of any number refuses what cannot work", "[laws]") {
  auto const problems_of = [](TopAny::Config const& c) {
    Problems problems;
    TopAny::check(c, {.num_experts = 4}, problems);
    return problems.str();
  };
  CHECK(problems_of({}).empty());
  CHECK(problems_of({.temperature = 0}) ==
        "temperature: temperature must be at least 0.01 and finite, got 0");
  CHECK(
      problems_of({.initial_experts = 5}) ==
      "initial_experts: initial_experts must be 0 (all) or in 1..4, the number of experts, got 5");
  CHECK(problems_of({.diversity_weight = NAN}) ==
        "diversity_weight: diversity_weight must be at least 0 and finite, got nan");
  CHECK(problems_of({.adapt_every = -1}) ==
        "adapt_every: adapt_every must be 0 (never) or in 1..1000000, got -1");
  CHECK(problems_of({.adapt_from = 0.5, .adapt_until = 0.25}) ==
        "adapt_until: adapt_until must be in adapt_from..1, a part of the training, got 0.25");
}

}  // namespace
