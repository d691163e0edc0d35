// SPDX-License-Identifier: Apache-2.0
// What a router of one expert per item learns from the task, by TopK::Config::gradient.
#include "laws/sequence_laws.hpp"
#include "moenda/expert/ffn.hpp"
#include "moenda/mixture/mixture.hpp"
#include "moenda/router/per_sequence.hpp"
#include "moenda/router/top_k.hpp"

namespace {

using namespace moenda;
using router::Weighting;

template <class Router, Gradient gradient>
struct Layer {
  using Module = Mixture<Router, expert::Ffn>;
  static constexpr int width = 6;
  static typename Module::Config config() {
    return {.router = {.top_k = 1,
                       .weighting = Weighting::score_then_select,
                       .gradient = gradient,
                       .temperature = 1.5},
            .experts = {.count = 3, .each = {.hidden = 5}}};
  }
};
using Routers = std::tuple<router::TopK, router::PerSequence<router::TopK>>;

template <class Case>
struct Pass {
  laws::Subject<Case, double> subject;
  laws::PaddedBatch<double, Case::width> batch{{6, 2, 4, 1, 5}, 6, 0.3};
  typename laws::Subject<Case, double>::Result result = subject.run(batch.batch, batch.x, batch.dy);

  /// Gradients of the router's weight, and of everything else.
  [[nodiscard]] std::vector<double> router() const {
    auto const& weight = subject.grads.router.weight;
    return {weight.data, weight.data + weight.size()};
  }
  [[nodiscard]] std::vector<double> others() const {
    return {subject.gradients.begin() + subject.grads.router.weight.size(),
            subject.gradients.end()};
  }
};

TEMPLATE_LIST_TEST_CASE("a choice without weight teaches the router nothing", "[laws]", Routers) {
  Pass<Layer<TestType, Gradient::none>> none;
  for (double const g : none.router()) REQUIRE(g == 0);
  CHECK(laws::distance(none.others(), std::vector<double>(none.others().size())) > 0.01);
}

TEMPLATE_LIST_TEST_CASE("straight through: the answer of one, the lesson of the other", "[laws]",
                        Routers) {
  Pass<Layer<TestType, Gradient::none>> none;
  Pass<Layer<TestType, Gradient::scaled>> scaled;
  Pass<Layer<TestType, Gradient::straight_through>> through;
  CHECK(laws::same_bits(through.result.y, none.result.y));
  CHECK(laws::same_bits(through.others(), none.others()));
  CHECK(laws::distance(through.result.y, scaled.result.y) > 0.01);
  // dp = <dy, expert(x)> either way: the weight is not part of its own gradient.
  CHECK(laws::same_bits(through.router(), scaled.router()));
  CHECK(laws::distance(through.router(), std::vector<double>(through.router().size())) > 1e-3);
}

TEST_CASE("temperature divides the logits", "[laws]") {
  using Case = Layer<router::TopK, Gradient::scaled>;
  laws::Subject<Case, double> warm, plain;
  plain.config.router.temperature = 1;
  auto& weight = plain.params.router.weight;
  for (std::ptrdiff_t i = 0; i < weight.size(); ++i) weight.data[i] /= 1.5;
  Batch const batch{nullptr, 3, 4};
  auto const x = laws::numbers<double>(batch.rows() * Case::width, 1);
  auto const y = plain.forward(batch, x);
  CHECK(laws::distance(warm.forward(batch, x), y) <= laws::Tolerance<laws::Double>::value);
  warm.config.router.temperature = 0.25;
  CHECK(laws::distance(warm.forward(batch, x), y) > 1e-3);
}

}  // namespace
