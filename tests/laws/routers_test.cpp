// SPDX-License-Identifier: Apache-2.0
#include "laws/router_laws.hpp"
#include "moenda/core/one_of.hpp"
#include "moenda/expert/ffn.hpp"
#include "moenda/model/mixture.hpp"
#include "moenda/router/allow_future_leak.hpp"
#include "moenda/router/top_k.hpp"

namespace {

using namespace moenda;
using router::TopK;
using router::Weighting;

template <Weighting W, int K, int E>
struct Choice {
  using Module = TopK;
  static constexpr int num_experts = E;
  static constexpr bool normalised = W != Weighting::softmax_then_select;
  static TopK::Config config() { return {.top_k = K, .weighting = W}; }
};
struct Chosen : Choice<Weighting::softmax_then_renormalise, 2, 4> {
  using Module = OneOf<TopK>;
  static Module::Config config() { return Choice::config(); }
};
struct Allowed : Choice<Weighting::softmax_of_selected, 2, 5> {
  using Module = router::AllowFutureLeak<TopK>;
};
using Routers = std::tuple<
    Allowed, Choice<Weighting::softmax_of_selected, 2, 5>,
    Choice<Weighting::softmax_then_renormalise, 2, 5>, Choice<Weighting::softmax_then_select, 2, 5>,
    Choice<Weighting::softmax_then_select, 1, 3>, Choice<Weighting::softmax_of_selected, 1, 1>,
    Choice<Weighting::softmax_of_selected, 8, 8>, Choice<Weighting::softmax_of_selected, 20, 33>,
    Chosen>;

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
struct LookingAheadCase : Choice<Weighting::softmax_then_select, 2, 3> {
  using Module = LookingAhead;
};

TEST_CASE("the probe of traits finds a router that looks ahead", "[laws]") {
  CHECK(laws::depends_on_others<LookingAheadCase>(false, true));
  CHECK(laws::depends_on_others<LookingAheadCase>(true, false));
  laws::traits_are_honest<LookingAheadCase>();
}

TEST_CASE("equal logits go to the lowest experts", "[laws]") {
  laws::Routing<Choice<Weighting::softmax_of_selected, 2, 5>, float> router;
  auto const gates = router(std::vector<float>(3 * laws::router_width, 0));
  for (std::size_t i = 0; i < gates.selected.size(); ++i) {
    CHECK(gates.selected[i] == (i % 5 < 2 ? 1.f : 0.f));
  }
}

TEST_CASE("both normalised weightings give the same numbers", "[laws]") {
  laws::Routing<Choice<Weighting::softmax_of_selected, 2, 5>, double> a;
  laws::Routing<Choice<Weighting::softmax_then_renormalise, 2, 5>, double> b;
  laws::Routing<Choice<Weighting::softmax_then_select, 2, 5>, double> other;
  auto const x = laws::numbers<double>(10 * laws::router_width, 1);
  CHECK(laws::distance(a(x).weights, b(x).weights) <= 1e-15);
  CHECK(laws::distance(a(x).weights, other(x).weights) > 0.01);
}

TEST_CASE("top_k outside 1..num_experts is refused with both numbers", "[laws]") {
  for (int const top_k : {-1, 0, 5, 1 << 30}) {
    Problems problems;
    using Model = Mixture<TopK, expert::Ffn>;
    Model::check({.router = {.top_k = top_k}, .experts = {.count = 4, .each = {.hidden = 1}}}, {},
                 problems);
    REQUIRE(problems.found().size() == 1);
    CHECK(problems.found()[0].where == "router.top_k");
    CHECK(problems.found()[0].what ==
          "top_k must be in 1..4, the number of experts, got " + std::to_string(top_k));
  }
}

}  // namespace
