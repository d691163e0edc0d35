// SPDX-License-Identifier: Apache-2.0
// router::TopK, and what the laws themselves find out.
#include "laws/router_laws.hpp"
#include "moenda/expert/ffn.hpp"
#include "moenda/mixture/mixture.hpp"
#include "moenda/module/one_of.hpp"
#include "moenda/router/allow_future_leak.hpp"
#include "moenda/router/top_k.hpp"

namespace {

using namespace moenda;
using router::GroupScore;
using router::Scores;
using router::TopK;
using router::Weighting;

template <Weighting W, int K, int E>
struct Choice {
  using Module = TopK;
  static constexpr int num_experts = E;
  static constexpr bool normalised = W != Weighting::score_then_select;
  static TopK::Config config() { return {.top_k = K, .weighting = W}; }
};
struct Chosen : Choice<Weighting::score_then_renormalise, 2, 4> {
  using Module = OneOf<TopK>;
  static Module::Config config() { return Choice::config(); }
};
struct Allowed : Choice<Weighting::select_then_score, 2, 5> {
  using Module = router::AllowFutureLeak<TopK>;
};
struct Sigmoid : Choice<Weighting::score_then_renormalise, 2, 5> {
  static TopK::Config config() {
    return {.top_k = 2, .scores = Scores::sigmoid, .weighting = Weighting::score_then_renormalise};
  }
};
struct SigmoidAlone : Choice<Weighting::score_then_select, 3, 4> {
  static constexpr bool unbounded_weights = true;
  static TopK::Config config() {
    return {.top_k = 3, .scores = Scores::sigmoid, .weighting = Weighting::score_then_select};
  }
};
/// DeepSeek-V2: the best single expert makes the group.
struct BestGroups : Choice<Weighting::score_then_select, 2, 6> {
  static TopK::Config config() {
    return {.top_k = 2,
            .weighting = Weighting::score_then_select,
            .num_groups = 3,
            .top_groups = 1,
            .group_score = GroupScore::best};
  }
};
/// DeepSeek-V3, smaller.
struct DeepSeek : Choice<Weighting::select_then_score, 3, 8> {
  static constexpr bool normalised = false, unbounded_weights = true;
  static TopK::Config config() {
    return {.top_k = 3,
            .scores = Scores::sigmoid,
            .weighting = Weighting::score_then_renormalise,
            .scaling_factor = 2.5,
            .num_groups = 4,
            .top_groups = 2,
            .group_score = GroupScore::sum_of_best_two};
  }
};
struct Jittered : Choice<Weighting::score_then_select, 2, 6> {
  static constexpr bool draws = true;
  static TopK::Config config() {
    return {.top_k = 2, .weighting = Weighting::score_then_select, .jitter = 0.25};
  }
};
template <Weighting W>
struct Warm : Choice<W, 2, 5> {
  static TopK::Config config() { return {.top_k = 2, .weighting = W, .temperature = 1.5}; }
};
/// Weights of 1; the gradient is that of another formula.
template <Gradient G>
struct Unweighted : Choice<Weighting::select_then_score, 1, 4> {
  static constexpr bool surrogate_gradient = true;
  static TopK::Config config() { return {.top_k = 1, .gradient = G, .temperature = 0.5}; }
};
using Routers = std::tuple<
    Warm<Weighting::select_then_score>, Warm<Weighting::score_then_select>,
    Unweighted<Gradient::none>, Unweighted<Gradient::straight_through>, Allowed,
    Choice<Weighting::select_then_score, 2, 5>, Choice<Weighting::score_then_renormalise, 2, 5>,
    Choice<Weighting::score_then_select, 2, 5>, Choice<Weighting::score_then_select, 1, 3>,
    Choice<Weighting::select_then_score, 1, 1>, Choice<Weighting::select_then_score, 8, 8>,
    Choice<Weighting::select_then_score, 20, 33>, Chosen, Sigmoid, SigmoidAlone, BestGroups,
    DeepSeek, Jittered>;

TEMPLATE_LIST_TEST_CASE("routers obey the router laws", "[laws]", Routers) {
  laws::check_router<TestType>();
}

/// Takes, for each expert, the item of the largest logit: it looks at all items.
struct LookingAhead : TopK {
  static constexpr RouterTraits traits{.causal_at_evaluation = false,
                                       .couples_batch_in_training = true};
  template <class B>
  static Gates<B> forward(Context<B>& ctx, Config const& c, Params<B> const& p, Cache<B>& cache,
                          Tensor<B> x, int n) {
    auto gates = TopK::forward(ctx, c, p, cache, x, n);
    for (int e = 0; e < n; ++e) {
      int best = 0;
      for (int i = 0; i < x.rows; ++i) {
        if (gates.logits.data[i * n + e] > gates.logits.data[best * n + e]) best = i;
        gates.selected.data[i * n + e] = 0;
      }
      gates.selected.data[best * n + e] = 1;
    }
    return gates;
  }
};
struct LookingAheadCase : Choice<Weighting::score_then_select, 2, 3> {
  using Module = LookingAhead;
};

TEST_CASE("the probe of traits finds a router that looks ahead", "[laws]") {
  CHECK(laws::depends_on_others<LookingAheadCase>(false, true));
  CHECK(laws::depends_on_others<LookingAheadCase>(true, false));
  laws::traits_are_honest<LookingAheadCase>();
}

TEST_CASE("equal logits go to the lowest experts", "[laws]") {
  laws::Routing<Choice<Weighting::select_then_score, 2, 5>, float> router;
  auto const gates = router(std::vector<float>(3 * laws::router_width, 0));
  for (std::size_t i = 0; i < gates.selected.size(); ++i) {
    CHECK(gates.selected[i] == (i % 5 < 2 ? 1.f : 0.f));
  }
}

TEST_CASE("both normalised weightings give the same numbers", "[laws]") {
  laws::Routing<Choice<Weighting::select_then_score, 2, 5>, double> a;
  laws::Routing<Choice<Weighting::score_then_renormalise, 2, 5>, double> b;
  laws::Routing<Choice<Weighting::score_then_select, 2, 5>, double> other;
  auto const x = laws::numbers<double>(10 * laws::router_width, 1);
  CHECK(laws::distance(a(x).weights, b(x).weights) <= 1e-15);
  CHECK(laws::distance(a(x).weights, other(x).weights) > 0.01);
}

/// The gate of DeepSeek-V3 written down for one token, after its eq. 13-16.
std::vector<double> deepseek_weights(std::vector<double> const& logits, TopK::Config const& c) {
  int const experts = int(logits.size()), size = experts / c.num_groups;
  std::vector<double> s;
  for (double const z : logits) s.push_back(1 / (1 + std::exp(-z)));
  std::vector<std::pair<double, int>> groups;
  for (int g = 0; g < c.num_groups; ++g) {
    std::vector<double> inside(s.begin() + g * size, s.begin() + (g + 1) * size);
    std::sort(inside.rbegin(), inside.rend());
    groups.emplace_back(-(inside[0] + inside[1]), g);
  }
  std::sort(groups.begin(), groups.end());
  std::vector<std::pair<double, int>> reachable;
  for (int i = 0; i < c.top_groups; ++i) {
    for (int e = 0; e < size; ++e) {
      int const expert = groups[std::size_t(i)].second * size + e;
      reachable.emplace_back(-s[std::size_t(expert)], expert);
    }
  }
  std::sort(reachable.begin(), reachable.end());
  double sum = 0;
  for (int k = 0; k < c.top_k; ++k) sum -= reachable[std::size_t(k)].first;
  std::vector<double> weights(s.size());
  for (int k = 0; k < c.top_k; ++k) {
    auto const& [score, expert] = reachable[std::size_t(k)];
    weights[std::size_t(expert)] = -score / sum * c.scaling_factor;
  }
  return weights;
}

TEST_CASE("sigmoid scores in groups are the gate of DeepSeek-V3", "[laws]") {
  laws::Routing<DeepSeek, double> router;
  int const items = 200, experts = DeepSeek::num_experts;
  auto const gates = router(laws::numbers<double>(items * laws::router_width, 2, -2, 2));
  int unlike_unlimited = 0;
  for (int i = 0; i < items; ++i) {
    auto const row = [&](std::vector<double> const& table) {
      return std::vector<double>(table.begin() + i * experts, table.begin() + (i + 1) * experts);
    };
    auto const logits = row(gates.logits);
    auto const weights = deepseek_weights(logits, DeepSeek::config());
    REQUIRE(laws::distance(row(gates.weights), weights) <= 1e-14);
    auto everywhere = DeepSeek::config();
    everywhere.num_groups = everywhere.top_groups = 1;
    unlike_unlimited += laws::distance(deepseek_weights(logits, everywhere), weights) > 0;
    double sum = 0, probs = 0;
    for (double const w : weights) sum += w;
    for (double const p : row(gates.probs)) probs += p;
    REQUIRE(sum == Approx(2.5));
    REQUIRE(probs == Approx(1));  // eq. 19: the losses see a distribution
  }
  CHECK(unlike_unlimited > items / 10);  // the limit does something
}

template <class Case>
int most_groups_of_an_item(std::vector<float> const& x) {
  laws::Routing<Case, float> router;
  auto const gates = router(x);
  int const experts = Case::num_experts, size = experts / router.config.num_groups;
  int most = 0;
  for (std::size_t i = 0; i < gates.selected.size(); i += std::size_t(experts)) {
    std::vector<int> used(std::size_t(router.config.num_groups));
    for (int e = 0; e < experts; ++e) {
      if (gates.selected[i + std::size_t(e)] != 0) used[std::size_t(e / size)] = 1;
    }
    most = std::max(most, int(std::count(used.begin(), used.end(), 1)));
  }
  return most;
}

TEST_CASE("an item's experts come from top_groups groups at most", "[laws]") {
  auto x = laws::numbers<float>(300 * laws::router_width, 5, -3, 3);
  CHECK(most_groups_of_an_item<DeepSeek>(x) == 2);
  CHECK(most_groups_of_an_item<BestGroups>(x) == 1);
  for (std::size_t i = 0; i < x.size(); i += 7) {
    x[i] = std::array{NAN, INFINITY, -INFINITY, 1e38f}[i % 4];  // nor where nothing is a number
  }
  CHECK(most_groups_of_an_item<DeepSeek>(x) <= 2);
  CHECK(most_groups_of_an_item<BestGroups>(x) == 1);
}

/// logits = what the router saw of x.
template <class Case>
void copy_inputs_to_logits(laws::Routing<Case, double>& router) {
  static_assert(Case::num_experts == laws::router_width);
  for (int e = 0; e < Case::num_experts; ++e) {
    for (int i = 0; i < laws::router_width; ++i) {
      router.params.weight.data[e * laws::router_width + i] = i == e;
    }
  }
}

TEST_CASE("jitter multiplies inputs by U(1 - jitter, 1 + jitter), in training only", "[laws]") {
  laws::Routing<Jittered, double> router;
  copy_inputs_to_logits(router);
  auto const x = laws::numbers<double>(2000 * laws::router_width, 3);
  CHECK(laws::same_bits(router(x, false).logits, x));
  auto const seen = router(x, true).logits;
  double least = 2, most = 0, sum = 0, squares = 0;
  for (std::size_t i = 0; i < x.size(); ++i) {
    double const u = seen[i] / x[i];
    least = std::min(least, u);
    most = std::max(most, u);
    sum += u;
    squares += (u - 1) * (u - 1);
  }
  double const n = double(x.size()), variance = 0.25 * 0.25 / 3;
  CHECK(least >= 0.75 - 1e-12);
  CHECK(least < 0.76);
  CHECK(most <= 1.25 + 1e-12);
  CHECK(most > 1.24);
  CHECK(std::abs(sum / n - 1) < 4 * std::sqrt(variance / n));
  CHECK(squares / n == Approx(variance).epsilon(0.05));
}

std::string refused(TopK::Config const& config, int experts = 4) {
  Problems problems;
  using Model = Mixture<TopK, expert::Ffn>;
  Model::Config const mixture{.router = config,
                              .experts = {.count = experts, .each = {.hidden = 1}}};
  check<Model>(mixture, {}, problems);
  return problems.str();
}

TEST_CASE("top_k outside 1..num_experts is refused with both numbers", "[laws]") {
  for (int const top_k : {-1, 0, 5, 1 << 30}) {
    CHECK(refused({.top_k = top_k}) ==
          "router.top_k: top_k must be in 1..4, the number of experts, got " +
              std::to_string(top_k));
  }
}

TEST_CASE("other settings that cannot work are refused", "[laws]") {
  CHECK(refused({.scores = Scores::sigmoid}) ==
        "router.weighting: weighting must be score_then_renormalise or score_then_select where "
        "scores is sigmoid, got select_then_score");
  for (auto const gradient : {Gradient::none, Gradient::straight_through}) {
    CHECK(refused({.top_k = 1, .scores = Scores::sigmoid, .gradient = gradient}) == "");
    CHECK(refused({.top_k = 2, .gradient = gradient}) ==
          "router.top_k: top_k must be 1 where gradient is not scaled, got 2");
  }
  CHECK(refused({.temperature = 0}) ==
        "router.temperature: temperature must be above 0 and finite, got 0");
  CHECK(refused({.temperature = INFINITY}) != "");
  CHECK(refused({.scaling_factor = 0}) ==
        "router.scaling_factor: scaling_factor must be above 0, got 0");
  CHECK(refused({.scaling_factor = NAN}) != "");
  for (int const groups : {-4, 0, 3, 1 << 30}) {
    CHECK(refused({.num_groups = groups}) ==
          "router.num_groups: num_groups must be a divisor of 4, the number of experts, got " +
              std::to_string(groups));
  }
  for (int const top_groups : {-1, 0, 1, 3}) {
    CHECK(refused({.top_k = 3, .num_groups = 2, .top_groups = top_groups}) ==
          "router.top_groups: top_groups must be in 2..2, so that top_k experts are in reach, "
          "got " +
              std::to_string(top_groups));
  }
  CHECK(refused({.top_k = 3, .num_groups = 2, .top_groups = 2}) == "");
  CHECK(refused({.jitter = 1}) == "router.jitter: jitter must be at least 0 and below 1, got 1");
  CHECK(refused({.jitter = NAN}) != "");
}

}  // namespace
