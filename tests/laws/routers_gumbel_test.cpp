// SPDX-License-Identifier: Apache-2.0
// router::Gumbel.
#include "laws/router_laws.hpp"
#include "moenda/router/dense.hpp"
#include "moenda/router/gumbel.hpp"

namespace {

using namespace moenda;
using laws::router_width;

template <int E, int Percent>
struct Soft {
  using Module = router::Gumbel;
  static constexpr int num_experts = E;
  static constexpr bool normalised = true, draws = true;
  static Module::Config config() { return {.temperature = Percent / 100.0}; }
};
struct Plain : Soft<5, 100> {
  using Module = router::Dense;
  static Module::Config config() { return {}; }
};
using Routers = std::tuple<Soft<5, 100>, Soft<3, 40>, Soft<1, 100>>;

TEMPLATE_LIST_TEST_CASE("gumbel gates obey the router laws", "[laws]", Routers) {
  laws::check_router<TestType>();
}

TEST_CASE("the largest of a gumbel gate is a draw from the softmax of its logits", "[laws]") {
  laws::Routing<Soft<5, 100>, double> router;
  laws::Routing<Plain, double> plain;
  auto const row = laws::numbers<double>(router_width, 3, -2, 2);
  int const items = 20000;
  std::vector<double> x;
  for (int i = 0; i < items; ++i) x.insert(x.end(), row.begin(), row.end());
  auto const weights = router(x).weights;
  std::vector<double> won(5, 0);
  for (std::size_t i = 0; i < weights.size(); i += 5) {
    won[std::size_t(std::max_element(&weights[i], &weights[i] + 5) - &weights[i])] += 1;
  }
  auto const probs = plain(row).probs;
  for (std::size_t e = 0; e < 5; ++e) {
    CAPTURE(e, probs[e]);
    CHECK(std::abs(won[e] - items * probs[e]) <
          4 * std::sqrt(items * probs[e] * (1 - probs[e])) + 1);
  }
}

TEST_CASE("at evaluation a gumbel gate is near the mean of its draws, and always alike", "[laws]") {
  laws::Routing<Soft<5, 100>, double> router;
  auto const row = laws::numbers<double>(router_width, 3, -2, 2);
  int const items = 20000;
  std::vector<double> x;
  for (int i = 0; i < items; ++i) x.insert(x.end(), row.begin(), row.end());
  auto const drawn = router(x).weights;
  std::vector<double> mean(5, 0);
  for (std::size_t i = 0; i < drawn.size(); ++i) mean[i % 5] += drawn[i] / items;
  auto const answer = router(row, false).weights;
  // One draw deviates by up to 0.35. The error of ten shuffled strata is that of a few hundred.
  CHECK(laws::distance(answer, mean) < 0.03);
  CHECK(laws::same_bits(answer, router(row, false).weights));
  router.config.evaluation_samples = 1000;
  CHECK(laws::distance(router(row, false).weights, mean) < 0.005);
}

TEST_CASE("no expert is favoured at evaluation by the draws alone", "[laws]") {
  laws::Routing<Soft<5, 100>, double> router;
  auto const weights = router(std::vector<double>(router_width, 0), false).weights;
  for (double const w : weights) CHECK(w == Approx(0.2).margin(0.04));
}

TEST_CASE("a gumbel gate wants a temperature above 0 and a draw", "[laws]") {
  Problems problems;
  router::Gumbel::check({.temperature = 0, .evaluation_samples = 0}, {}, problems);
  CHECK(problems.str() ==
        "temperature: temperature must be above 0, got 0\n"
        "evaluation_samples: evaluation_samples must be in 1..1000, got 0");
  Problems nan;
  router::Gumbel::check({.temperature = NAN}, {}, nan);
  CHECK(!nan.empty());
}

}  // namespace
