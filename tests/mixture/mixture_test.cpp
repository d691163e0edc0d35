// SPDX-License-Identifier: Apache-2.0
#include "moenda/mixture/mixture.hpp"
#include "laws/numbers.hpp"
#include "mixture/layer.hpp"
#include "mixture/reference.hpp"
#include "moenda/expert/ffn.hpp"
#include "moenda/expert/glu.hpp"
#include "moenda/loss/smooth_load.hpp"
#include "moenda/router/top_k.hpp"

namespace {

using namespace moenda;
using laws::Double;
using mixture_reference::Sizes;
using mixture_reference::Weights;
using Plain = Mixture<router::TopK, expert::Ffn>;
using models::Layer;

enum class Routing { natural, all_to_one, only_first_empty };

Plain::Config config_of(Sizes const& s) {
  return {.router = {.top_k = s.top_k},
          .experts = {.count = s.experts, .each = {.hidden = s.hidden}},
          .capacity_factor = s.capacity_factor};
}
/// Weights for both. Distinct tokens and no equal logits: where a tie is broken has a test of its
/// own.
Weights weights_of(Sizes const& s, Routing routing) {
  Weights w(s);
  w.router = laws::numbers<double>(s.experts * s.d_model, 21);
  for (int e = 0; e < s.experts; ++e) {
    w.up[std::size_t(e)] = laws::numbers<double>(s.hidden * s.d_model, 100 + std::uint64_t(e));
    w.down[std::size_t(e)] = laws::numbers<double>(s.hidden * s.d_model, 200 + std::uint64_t(e));
  }
  // Inputs have a 1 in column 0: its weight moves the expert's logit for every token.
  if (routing == Routing::all_to_one) w.router[std::size_t((s.experts / 2) * s.d_model)] += 100;
  if (routing == Routing::only_first_empty) w.router[0] -= 100;
  return w;
}
std::vector<double> inputs_of(Sizes const& s) {
  auto x = laws::numbers<double>(s.tokens * s.d_model, 31);
  for (int t = 0; t < s.tokens; ++t) x[std::size_t(t * s.d_model)] = 1;
  return x;
}
std::vector<double> flat(Weights const& w) {
  auto all = w.router;
  for (std::size_t e = 0; e < w.up.size(); ++e) {
    all.insert(all.end(), w.up[e].begin(), w.up[e].end());
    all.insert(all.end(), w.down[e].begin(), w.down[e].end());
  }
  return all;
}

/// Three steps of one mixture, with used and poisoned memory, against the reference. Both
/// weightings have the same weights: a softmax over the selected, and one over all made to sum
/// to 1.
template <class B = Double>
void compare(Sizes const& s, Routing routing,
             router::Weighting weighting = router::Weighting::select_then_score) {
  using Scalar = typename B::Scalar;
  CAPTURE(s.tokens, s.experts, s.top_k, s.capacity_factor, int(routing));
  auto const w = weights_of(s, routing);
  auto const x = inputs_of(s), dy = laws::numbers<double>(s.tokens * s.d_model, 41);
  Weights grads(s);
  auto const expected = mixture_reference::run(s, w, x, dy, grads);
  auto config = config_of(s);
  config.router.weighting = weighting;
  Layer<Plain, B> layer(config, s.d_model);
  layer.arena.poison(true);
  auto const rounded = [](std::vector<double> const& from) {
    return std::vector<Scalar>(from.begin(), from.end());
  };
  layer.values = rounded(flat(w));
  bind(layer.params, layer.values.data());
  auto const expected_grads = flat(grads);
  for (int step = 0; step < 3; ++step) {
    layer.zero_gradients();
    auto const got = layer.run({nullptr, 1, s.tokens}, rounded(x), rounded(dy));
    REQUIRE(layer.cache.plan.num_dropped == expected.dropped);
    REQUIRE(layer.cache.plan.num_slots ==
            s.tokens * std::min(s.top_k, s.experts) - expected.dropped);
    REQUIRE(laws::distance(got.y, expected.y) <= laws::Tolerance<B>::value);
    REQUIRE(laws::distance(got.dx, expected.dx) <= laws::Tolerance<B>::value);
    REQUIRE(laws::distance(layer.gradients, expected_grads) <= laws::Tolerance<B>::model);
  }
}

TEST_CASE("every shape of mixture agrees with the loop over tokens", "[mixture]") {
  int const experts = GENERATE(1, 2, 3, 8, 64);
  for (int const top_k : {1, 2, experts}) {
    if (top_k > experts) continue;
    for (int const tokens : {0, 1, 2, 3, 7, 8, 9, 31, 32, 33, 63, 64, 65, 127, 128, 129}) {
      for (double const capacity : {0.0, 1.0, 0.25}) {
        Sizes const s{tokens, 4, 3, experts, top_k, capacity};
        compare(s, Routing::natural);
        compare(s, Routing::all_to_one);
      }
    }
  }
}

TEST_CASE("wide rows of experts agree in float too, however they are weighted", "[mixture]") {
  using router::Weighting;
  for (int const experts : {5, 33, 64}) {
    for (int const top_k : {1, 2, experts}) {
      for (int const tokens : {1, 33, 129}) {
        for (auto const w : {Weighting::select_then_score, Weighting::score_then_renormalise}) {
          compare<laws::Float>({tokens, 4, 3, experts, top_k, 0}, Routing::natural, w);
          compare<laws::Float>({tokens, 4, 3, experts, top_k, 1}, Routing::natural, w);
        }
      }
    }
  }
}

TEST_CASE("experts without tokens, and capacities that are exact, agree too", "[mixture]") {
  for (int const tokens : {1, 12, 65}) {
    for (double const capacity : {0.0, 0.5, 1.5, 2.0, 100.0}) {
      compare({tokens, 4, 3, 2, 1, capacity}, Routing::only_first_empty);
      compare({tokens, 4, 3, 4, 2, capacity}, Routing::only_first_empty);
      compare({tokens, 4, 3, 4, 2, capacity}, Routing::all_to_one);
    }
  }
}

TEST_CASE("an expert without tokens gets a gradient of exactly zero", "[mixture]") {
  Sizes const s{9, 4, 3, 4, 1, 0};
  Layer<Plain, Double> layer(config_of(s), s.d_model);
  layer.arena.poison(true);
  layer.values = flat(weights_of(s, Routing::all_to_one));
  bind(layer.params, layer.values.data());
  layer.run({nullptr, 1, s.tokens}, inputs_of(s), laws::numbers<double>(s.tokens * s.d_model, 41));
  for (std::size_t e = 0; e < 4; ++e) {
    auto const& g = layer.grads.experts[e];
    bool const zero = std::all_of(g.up.data, g.up.data + g.up.size() + g.down.size(),
                                  [](double d) { return d == 0; });
    CHECK(zero == (e != 2));
  }
}

TEST_CASE("logits of 10'000 do not overflow", "[mixture]") {
  Sizes const s{9, 4, 3, 4, 2, 0};
  auto w = weights_of(s, Routing::natural);
  for (auto& r : w.router) r *= 1e4;
  Layer<Plain, laws::Float> layer(config_of(s), s.d_model);
  auto const values = flat(w), x = inputs_of(s);
  std::copy(values.begin(), values.end(), layer.values.begin());
  auto const got = layer.run({nullptr, 1, 9}, std::vector<float>(x.begin(), x.end()),
                             laws::numbers<float>(36, 1));
  CHECK(laws::all_finite(got.y));
  CHECK(laws::all_finite(got.dx));
  CHECK(laws::all_finite(layer.gradients));
}

TEST_CASE("a wrong mixture is refused with its keys", "[mixture]") {
  auto const problems_of = [](Plain::Config const& c) {
    Problems problems;
    check<Plain>(c, {.causal = true}, problems);
    return problems.str();
  };
  Plain::Config const good{.router = {.top_k = 1}, .experts = {.count = 2, .each = {.hidden = 1}}};
  CHECK(problems_of(good).empty());
  auto c = good;
  c.experts.count = 0;
  CHECK_THAT(problems_of(c), Catch::Contains("experts.count: count must be in 1..65536, got 0"));
  using Groups = Mixture<router::TopK, Experts<expert::Ffn, expert::SwiGlu>>;
  Problems of_groups;
  check<Groups>(Groups::Config{.router = {.top_k = 1}}, {.causal = true}, of_groups);
  CHECK_THAT(of_groups.str(),
             Catch::Contains("experts: the sum of NAME.count must be in 1..65536, got 0"));
  c = good;
  c.experts.each.hidden = -3;
  CHECK_THAT(problems_of(c),
             Catch::Contains("experts.each.hidden: hidden must be in 1..16777216, got -3"));
  using Smooth = Mixture<router::TopK, expert::Ffn, loss::SmoothLoad>;
  Smooth::Config smooth{.router = good.router, .experts = good.experts};
  Problems of_smooth, of_weighted;
  check<Smooth>(smooth, {.causal = true}, of_smooth);
  CHECK(of_smooth.empty());
  get<loss::SmoothLoad>(smooth.loss).weight = 0.1;
  check<Smooth>(smooth, {.causal = true}, of_weighted);
  CHECK(of_weighted.str() == "loss: " MOENDA_RULE_NOISE);
  for (double const factor : {-1.0, double(NAN), double(INFINITY)}) {
    c = good;
    c.capacity_factor = factor;
    CHECK_THAT(problems_of(c), Catch::Contains("capacity_factor must be 0 (dropless) or above"));
  }
}

}  // namespace
