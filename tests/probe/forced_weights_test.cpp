// SPDX-License-Identifier: Apache-2.0
// What a forced choice weighs.
#include "laws/router_laws.hpp"
#include "moenda/module/one_of.hpp"
#include "moenda/router/base.hpp"
#include "moenda/router/bias_balanced.hpp"
#include "moenda/router/choice/reweigh.hpp"
#include "moenda/router/dense.hpp"
#include "moenda/router/expert_choice.hpp"
#include "moenda/router/gshard.hpp"
#include "moenda/router/gumbel.hpp"
#include "moenda/router/hash.hpp"
#include "moenda/router/mask_outputs.hpp"
#include "moenda/router/noisy_top_k.hpp"
#include "moenda/router/random.hpp"
#include "moenda/router/sinkhorn.hpp"
#include "moenda/router/switch.hpp"
#include "moenda/router/top_any.hpp"

namespace {

using namespace moenda;

template <class Router>
struct Case {
  using Module = Router;
  static constexpr int num_experts = 5;
  static typename Module::Config config() { return {}; }
};
/// DeepSeek's weights, which sum to 2.5.
struct Scaled : Case<router::BiasBalanced<router::TopK>> {
  static Module::Config config() {
    return {.inner = {.top_k = 3,
                      .scores = router::Scores::sigmoid,
                      .weighting = router::Weighting::score_then_renormalise,
                      .scaling_factor = 2.5}};
  }
};
struct Unweighted : Case<router::TopK> {
  static Module::Config config() { return {.top_k = 1, .gradient = Gradient::straight_through}; }
};
/// The rule is that of the chosen router.
struct Chosen : Case<OneOf<router::Random, router::TopK>> {
  static Module::Config config() {
    return router::TopK::Config{.top_k = 2, .weighting = router::Weighting::score_then_select};
  }
};
struct TwoHashes : Case<router::Hash> {
  static constexpr int num_experts = 6;
  static Module::Config config() { return {.hashes = 2}; }
};
using Cases =
    std::tuple<Case<router::Switch>, Case<router::BiasBalanced<router::Switch>>, Scaled, Unweighted,
               Case<router::NoisyTopK>, Case<router::MaskOutputs<router::TopK>>, Case<router::Base>,
               Case<router::Sinkhorn>, Case<router::ExpertChoice>, Case<router::Dense>,
               Case<router::Random>, Chosen, TwoHashes, Case<router::TopAny>, Case<router::GShard>,
               Case<router::Gumbel>>;

TEMPLATE_LIST_TEST_CASE("to force a router's own choice changes nothing", "[probe]", Cases) {
  using Module = typename TestType::Module;
  laws::Routing<TestType, double> router;
  int const items = 40, experts = TestType::num_experts;
  auto const x = laws::numbers<double>(items * laws::router_width, 7);
  auto own = router(x, false);
  auto const tokens = laws::tokens_of(x);
  router.arena.rewind();
  Context<laws::Double> ctx{router.backend, router.arena, {tokens.data(), 1, items}};
  ctx.training = false;
  auto const input = ctx.tensor(items, laws::router_width);
  std::copy(x.begin(), x.end(), input.data);
  typename Module::template Cache<laws::Double> cache{};
  auto const gates = Module::forward(ctx, router.config, router.params, cache, input, experts);
  auto const weights =  // [items, num_experts]
      router::reweigh_by<Module, laws::Double>(router.config)(ctx, gates, gates.selected);
  for (std::size_t i = 0; i < own.selected.size(); ++i) {
    REQUIRE(gates.selected.data[i] == own.selected[i]);
    if (own.selected[i] != 0) REQUIRE(weights.data[i] == Approx(own.weights[i]));
  }
}

}  // namespace
