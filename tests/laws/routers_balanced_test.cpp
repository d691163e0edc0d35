// SPDX-License-Identifier: Apache-2.0
// Routers that balance: by a plan, by an assignment, by letting the experts choose.
#include <numeric>

#include "laws/router_laws.hpp"
#include "moenda/module/check.hpp"
#include "moenda/router/base.hpp"
#include "moenda/router/dense.hpp"
#include "moenda/router/expert_choice.hpp"
#include "moenda/router/sinkhorn.hpp"
#include "moenda/router/top_k.hpp"

namespace {

using namespace moenda;
using laws::Double;
using laws::Float;
using laws::numbers;
using laws::router_width;

template <int K, int E>
struct SinkhornCase {
  using Module = router::Sinkhorn;
  static constexpr int num_experts = E;
  static constexpr bool normalised = K > 1;  // a sigmoid for one expert
  static Module::Config config() { return {.top_k = K}; }
};
template <int E>
struct BaseCase {
  using Module = router::Base;
  static constexpr int num_experts = E;
  static constexpr bool normalised = false;
  static Module::Config config() { return {}; }
};
template <class M, int E>
struct ChoiceCase {
  using Module = M;
  static constexpr int num_experts = E, batch_size = 3;
  static constexpr bool normalised = false, any_count = true;
  static typename M::Config config() { return {.experts_per_token = 1.5}; }
};
template <int E>
struct DenseCase {
  using Module = router::Dense;
  static constexpr int num_experts = E;
  static constexpr bool normalised = true;
  static Module::Config config() { return {}; }
};
using Routers =
    std::tuple<SinkhornCase<1, 5>, SinkhornCase<2, 5>, BaseCase<5>, BaseCase<2>,
               ChoiceCase<router::ExpertChoice, 5>, ChoiceCase<router::ExpertChoiceInSequence, 5>,
               ChoiceCase<router::ExpertChoiceAtPosition, 5>, DenseCase<5>, DenseCase<1>>;

TEMPLATE_LIST_TEST_CASE("balancing routers obey the router laws", "[laws]", Routers) {
  laws::check_router<TestType>();
}

TEST_CASE("Sinkhorn routes by the plan in training and by the logits at evaluation", "[laws]") {
  using Case = SinkhornCase<2, 5>;
  laws::Routing<Case, double> routing;
  auto const x = numbers<double>(60 * router_width, 37, 0, 2);  // one-sided: an expert leads
  auto const loads = [](std::vector<double> const& selected) {
    std::vector<double> sum(5);
    for (std::size_t i = 0; i < selected.size(); ++i) sum[i % 5] += selected[i];
    return *std::max_element(sum.begin(), sum.end()) / 24;  // of 60 * 2 / 5
  };
  auto const training = routing(x, true), evaluation = routing(x, false);
  CHECK(training.logits == evaluation.logits);
  CHECK(loads(training.selected) < 1.5);
  CHECK(loads(evaluation.selected) > 1.8);
  for (std::size_t i = 0; i < 60 * 5; i += 5) {
    auto const& z = evaluation.logits;
    auto order = std::vector<std::size_t>{i, i + 1, i + 2, i + 3, i + 4};
    std::sort(order.begin(), order.end(), [&](auto a, auto b) { return z[a] > z[b]; });
    REQUIRE(evaluation.selected[order[0]] + evaluation.selected[order[1]] == 2);
    // The weights come from the raw logits, whatever was selected.
    double sum = 0;
    for (auto const e : order) sum += training.selected[e] * std::exp(z[e]);
    for (auto const e : order) {
      if (training.selected[e] == 0) continue;
      REQUIRE(training.weights[e] == Approx(std::exp(z[e]) / sum).epsilon(1e-12));
    }
  }
}

/// How many items each expert got.
std::vector<double> loads_of(std::vector<double> const& selected, std::size_t experts) {
  std::vector<double> loads(experts);
  for (std::size_t i = 0; i < selected.size(); ++i) loads[i % experts] += selected[i];
  return loads;
}

TEST_CASE("BASE balances in training and is greedy at evaluation", "[laws]") {
  laws::Routing<BaseCase<5>, double> routing;
  auto const x = numbers<double>(60 * router_width, 42, 0, 2);
  auto const training = routing(x, true), evaluation = routing(x, false);
  CHECK(loads_of(training.selected, 5) == std::vector<double>(5, 12));
  for (std::size_t i = 0; i < 60 * 5; i += 5) {
    auto const* const z = &evaluation.logits[i];
    REQUIRE(evaluation.selected[i + std::size_t(std::max_element(z, z + 5) - z)] == 1);
  }
  for (std::size_t i = 0; i < training.weights.size(); ++i) {
    REQUIRE(training.weights[i] == Approx(1 / (1 + std::exp(-training.logits[i]))).epsilon(1e-12));
  }
}

template <class M>
auto choice_of(double experts_per_token, std::vector<double> const& x, bool training) {
  laws::Routing<ChoiceCase<M, 5>, double> routing;
  routing.config.experts_per_token = experts_per_token;
  return routing(x, training);
}

TEST_CASE("every expert chooses exactly ceil(tokens c / experts) tokens", "[laws]") {
  auto const x = numbers<double>(42 * router_width, 43, 0, 2);  // 3 sequences of 14
  struct Expected {
    double experts_per_token, among_all, in_sequences, at_positions;
  };
  for (auto const& want : {Expected{1, 9, 9, 14},
                           {1.5, 13, 15, 14},
                           {2.5, 21, 21, 28},
                           {0.1, 1, 3, 14},
                           {5, 42, 42, 42}}) {
    auto const c = want.experts_per_token;
    for (bool const training : {true, false}) {
      CAPTURE(c, training);
      auto const all = choice_of<router::ExpertChoice>(c, x, training);
      CHECK(loads_of(all.selected, 5) == std::vector<double>(5, want.among_all));
      CHECK(loads_of(choice_of<router::ExpertChoiceInSequence>(c, x, training).selected, 5) ==
            std::vector<double>(5, want.in_sequences));
      CHECK(loads_of(choice_of<router::ExpertChoiceAtPosition>(c, x, training).selected, 5) ==
            std::vector<double>(5, want.at_positions));
      CHECK(laws::same_bits(all.weights, all.probs));  // not renormalised
    }
  }
  // Some tokens are taken by nobody, others by several experts.
  auto const gates = choice_of<router::ExpertChoice>(1, x, true);
  std::vector<int> tokens_with(6);
  for (std::size_t i = 0; i < gates.selected.size(); i += 5) {
    ++tokens_with[std::size_t(std::accumulate(&gates.selected[i], &gates.selected[i] + 5, 0.0))];
  }
  CHECK(tokens_with[0] > 0);
  CHECK(tokens_with[2] + tokens_with[3] + tokens_with[4] > 0);
}

TEST_CASE("experts that choose every token are the dense mixture", "[laws]") {
  auto const x = numbers<double>(42 * router_width, 44);
  laws::Routing<DenseCase<5>, double> dense;
  auto const expected = dense(x);
  CHECK(expected.selected == std::vector<double>(42 * 5, 1));
  auto const is_dense = [&](auto const& gates) {
    CHECK(laws::same_bits(gates.selected, expected.selected));
    CHECK(laws::same_bits(gates.weights, expected.weights));
  };
  is_dense(choice_of<router::ExpertChoice>(5, x, true));
  is_dense(choice_of<router::ExpertChoiceInSequence>(5, x, true));
  is_dense(choice_of<router::ExpertChoiceAtPosition>(5, x, true));
}

template <class M>
std::string problems_of(typename M::Config const& config, int experts = 4) {
  Problems problems;
  check<M>(config, {.num_experts = experts}, problems);
  return problems.str();
}

TEST_CASE("settings of balancing routers outside their range are refused", "[laws]") {
  using router::ExpertChoice, router::Sinkhorn;
  CHECK(problems_of<Sinkhorn>({.top_k = 4, .iterations = 1}).empty());
  CHECK(problems_of<Sinkhorn>({.top_k = 5}) ==
        "top_k: top_k must be in 1..4, the number of experts, got 5");
  CHECK(problems_of<Sinkhorn>({.iterations = 0}) ==
        "iterations: iterations must be in 1..10000, got 0");
  CHECK(problems_of<Sinkhorn>({.temperature = 0}) ==
        "temperature: temperature must be finite and above 0, got 0");
  CHECK(problems_of<ExpertChoice>({.experts_per_token = 4}).empty());
  for (double const c : {0.0, -1.0, 4.5, double(NAN), double(INFINITY)}) {
    CHECK(problems_of<ExpertChoice>({.experts_per_token = c})
              .starts_with("experts_per_token: experts_per_token must be above 0 and at most 4, "
                           "the number of experts, got "));
  }
}

}  // namespace
