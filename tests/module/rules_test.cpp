// SPDX-License-Identifier: Apache-2.0
#include "moenda/module/rules.hpp"

#include <catch2/catch.hpp>

#include "moenda/core/error.hpp"
#include "moenda/module/check.hpp"
#include "moenda/module/facts.hpp"
#include "moenda/module/idle_parameters.hpp"

namespace {

using namespace moenda;

TEST_CASE("problems know their keys", "[rules]") {
  Problems problems;
  CHECK(problems.empty());
  CHECK(problems.str().empty());
  problems.expect(true, "fine", "anything", 1);
  problems.expect(false, "top_k", "in 1..4", 9);
  problems.in("block", [&] {
    problems.add("a sentence");
    problems.in("ffn", [&] { problems.expect(false, "hidden", "at least 1", 0); });
    problems.add("attention", "another");
  });
  problems.expect(false, "epsilon", "above 0", -0.5);
  problems.expect(false, "top_k", "in 1..4", 9);  // once is enough
  REQUIRE(problems.found().size() == 5);
  CHECK(problems.str() ==
        "top_k: top_k must be in 1..4, got 9\n"
        "block: a sentence\n"
        "block.ffn.hidden: hidden must be at least 1, got 0\n"
        "block.attention: another\n"
        "epsilon: epsilon must be above 0, got -0.5");
}

TEST_CASE("require names both values", "[rules]") {
  CHECK_NOTHROW(require(true, "never", 1, 2));
  CHECK_THROWS_WITH(require(false, "matmul: x.cols must equal w.cols", 3, 4),
                    "matmul: x.cols must equal w.cols (3 vs 4)");
  CHECK_THROWS_AS(require(false, "x", 0, 0), ConfigError);
  static_assert(std::is_base_of_v<Error, ConfigError> && std::is_base_of_v<Error, DataError> &&
                std::is_base_of_v<Error, NumericError>);
}

struct Static {
  static constexpr RouterTraits traits{.causal_at_evaluation = false};
  static constexpr Granularity granularity = Granularity::sequence;
  static constexpr bool looks_ahead = true;
};
struct Dynamic {
  static RouterTraits traits_for(int config) { return {.has_parameters = config > 0}; }
  static Granularity granularity_for(int) { return Granularity::table_row; }
  static void check(int config, Setting const&, Problems& problems) {
    problems.expect(config > 0, "config", "above 0", config);
  }
  static std::ptrdiff_t idle_parameters(int config, Setting const& at) {
    return config * at.d_model;
  }
};

TEST_CASE("facts of a module may be static or depend on its config", "[rules]") {
  static_assert(has_static_traits<Static> && !has_static_traits<Dynamic>);
  static_assert(!traits_of<Static>(0).causal_at_evaluation);
  static_assert(looks_ahead<Static> && !looks_ahead<Dynamic>);
  CHECK(granularity_of<Static>(0) == Granularity::sequence);
  CHECK(granularity_of<Dynamic>(0) == Granularity::table_row);
  CHECK(traits_of<Dynamic>(1).has_parameters);
  CHECK(!traits_of<Dynamic>(0).has_parameters);
  Problems problems;
  moenda::check<Static>(0, {}, problems);  // nothing to say
  CHECK(problems.empty());
  moenda::check<Dynamic>(0, {}, problems);
  CHECK(problems.found().size() == 1);
  CHECK(idle_parameters<Static>(3, {.d_model = 4}) == 0);
  CHECK(idle_parameters<Dynamic>(3, {.d_model = 4}) == 12);
}

}  // namespace
