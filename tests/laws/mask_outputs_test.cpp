// SPDX-License-Identifier: Apache-2.0
#include "moenda/router/mask_outputs.hpp"
#include "laws/router_laws.hpp"
#include "moenda/module/check.hpp"
#include "moenda/router/top_k.hpp"

namespace {

using namespace moenda;

template <int Percent>
struct Masked {
  using Module = router::MaskOutputs<router::TopK>;
  static constexpr int num_experts = 5;
  static constexpr bool normalised = Percent == 0, unbounded_weights = Percent > 0,
                        draws = Percent > 0;
  static Module::Config config() { return {.probability = Percent / 100.0, .inner = {.top_k = 2}}; }
};
struct Plain {
  using Module = router::TopK;
  static constexpr int num_experts = 5;
  static Module::Config config() { return {.top_k = 2}; }
};

using Routers = std::tuple<Masked<0>, Masked<40>>;
TEMPLATE_LIST_TEST_CASE("masking outputs obeys the router laws", "[laws]", Routers) {
  laws::check_router<TestType>();
}

TEST_CASE("outputs are masked in training alone, and the choice stays", "[laws]") {
  int const items = 1000;
  auto const x = laws::numbers<double>(items * laws::router_width, 1);
  laws::Routing<Masked<40>, double> masked;
  laws::Routing<Plain, double> plain;
  auto const expected = plain(x);
  auto const got = masked(x);
  CHECK(std::string(Masked<40>::Module::name) == "mask_outputs_top_k");
  CHECK(laws::same_bits(masked(x, false).weights, expected.weights));
  CHECK(laws::same_bits(got.selected, expected.selected));
  CHECK(laws::same_bits(got.probs, expected.probs));
  int kept = 0;
  double sum = 0;
  for (std::size_t i = 0; i < got.weights.size(); ++i) {
    if (got.selected[i] == 0) continue;
    sum += got.weights[i];
    if (got.weights[i] == 0) continue;
    ++kept;
    REQUIRE(got.weights[i] == Approx(expected.weights[i] / 0.6).epsilon(1e-14));
  }
  CHECK(std::abs(kept - 0.6 * 2 * items) < 100);  // more than four standard deviations
  CHECK(std::abs(sum - items) < 60);
}

TEST_CASE("the probability of masking must leave something", "[laws]") {
  using Module = Masked<0>::Module;
  for (double const p : {-0.1, 1.0, 2.0, double(NAN)}) {
    Problems problems;
    Module::Config const config{.probability = p, .inner = {.top_k = 9}};
    check<Module>(config, {.num_experts = 4}, problems);
    REQUIRE(problems.found().size() == 2);
    CHECK(problems.found()[0].where == "probability");
    CHECK(problems.found()[1].where == "inner.top_k");
  }
}

}  // namespace
