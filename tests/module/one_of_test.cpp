// SPDX-License-Identifier: Apache-2.0
#include "moenda/module/one_of.hpp"
#include "moenda/module/check.hpp"

#include <catch2/catch.hpp>

#include "laws/numbers.hpp"
#include "moenda/expert/ffn.hpp"
#include "moenda/expert/glu.hpp"
#include "moenda/module/concepts.hpp"
#include "moenda/norm/identity.hpp"
#include "moenda/norm/rms.hpp"
#include "moenda/position/position_of.hpp"
#include "moenda/position/rope.hpp"
#include "moenda/router/top_k.hpp"

namespace {

using namespace moenda;
using Either = OneOf<expert::Ffn, expert::SwiGlu>;
static_assert(ExpertLike<Either> && LayerLike<Either> && !RouterLike<Either>);
static_assert(RouterLike<OneOf<router::TopK>> && !LayerLike<OneOf<router::TopK>>);
static_assert(NormLike<OneOf<norm::Identity, norm::Rms>>);
static_assert(PositionLike<OneOf<position::Rope, position::None>>);
static_assert(RouterLike<OneOf<OneOf<router::TopK>>>);  // a choice of choices

TEST_CASE("the config picks the module", "[one_of]") {
  CHECK(Either::Config{}.choice.index() == 0);
  Either::Config const second = expert::SwiGlu::Config{.hidden = 7};
  CHECK(second.choice.index() == 1);
  auto const params = Either::params<Shapes>(second, 4);
  CHECK(params.choice.index() == 1);
  CHECK(count(params) == 3 * 7 * 4);
  CHECK(count(Either::params<Shapes>(expert::Ffn::Config{.hidden = 7}, 4)) == 2 * 7 * 4);
  CHECK(std::string(Either::names[0]) == "ffn");
  CHECK(std::string(Either::Config::names[1]) == "swiglu");
  Problems problems;
  check<Either>(Either::Config(expert::SwiGlu::Config{.hidden = 0}), {}, problems);
  CHECK(problems.str() == "hidden: hidden must be in 1..16777216, got 0");
  CHECK(granularity_of<Either>(second) == Granularity::token);
}

/// Two modules of one Config, told apart by choose.
struct Other : expert::Ffn {
  static constexpr char const* name = "other";
};
TEST_CASE("modules that share a config are chosen by name", "[one_of]") {
  using Same = OneOf<expert::Ffn, Other>;
  auto const c = Same::choose<Other>({.hidden = 3});
  CHECK(c.choice.index() == 1);
  CHECK(Same::visit(c, [](auto at, auto const& chosen) {
          return std::string(decltype(at)::Module::name) + std::to_string(chosen.hidden);
        }) == "other3");
  static_assert(!std::is_constructible_v<Same::Config, int>);
}

TEST_CASE("a chosen module gives its own bits", "[one_of]") {
  laws::Float backend(1);
  Either::Config const config = expert::SwiGlu::Config{.hidden = 5};
  auto params = Either::params<laws::Float>(config, 4);
  std::vector<float> values(std::size_t(count(params))), other(values.size());
  bind(params, values.data());
  laws::fill_weights(params, 1);
  auto plain = expert::SwiGlu::params<laws::Float>({.hidden = 5}, 4);
  bind(plain, values.data());
  StepMemory<laws::Float> arena;
  Context<laws::Float> ctx{backend, arena, {nullptr, 1, 3}};
  auto x = ctx.tensor(3, 4);
  auto const numbers = laws::numbers<float>(12, 2);
  std::copy(numbers.begin(), numbers.end(), x.data);
  Either::Cache<laws::Float> cache;
  expert::SwiGlu::Cache<laws::Float> own;
  auto const a = Either::forward(ctx, config, params, cache, x);
  auto const b = expert::SwiGlu::forward(ctx, {.hidden = 5}, plain, own, x);
  CHECK(std::equal(a.data, a.data + 12, b.data));
  CHECK(cache.choice.index() == 1);
}

TEST_CASE("a choice of routers keeps its facts", "[one_of]") {
  using Router = OneOf<router::TopK>;
  Router::Config const c = router::TopK::Config{.top_k = 3};
  CHECK(experts_per_item<Router>(c, 8) == 3);
  CHECK(experts_per_item<Router>(c, 2) == 2);
  CHECK(traits_of<Router>(c).causal_at_evaluation);
  static_assert(!has_static_traits<Router>);
}

}  // namespace
