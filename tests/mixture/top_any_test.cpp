// SPDX-License-Identifier: Apache-2.0
// What a layer does whose items take any number of experts.
#include "moenda/router/top_any.hpp"
#include "mixture/layer.hpp"
#include "moenda/expert/ffn.hpp"
#include "moenda/mixture/mixture.hpp"

namespace {

using namespace moenda;
using laws::Double;
using AnyMixture = Mixture<router::TopAny, expert::Ffn>;
constexpr int d_model = 5, tokens = 30, experts = 4;

/// Its router is as after the start: nothing came or went. Thresholds are such that some items
/// activate nobody.
struct Any : models::Layer<AnyMixture, Double> {
  Any()
      : Layer({.router = {.diversity_weight = 0, .simplicity_weight = 0},
               .experts = {.count = experts, .each = {.hidden = 6}}},
              d_model) {
    walk(params.router, [](Path const&, auto& weight) {
      if (weight.kind == WeightKind::state) std::fill_n(weight.data, weight.size(), 0.0);
    });
    std::fill_n(params.router.threshold.data, experts, 0.3);
  }
};

TEST_CASE("an item that activates nobody passes by the residual only", "[model]") {
  Any layer;
  auto const x = laws::numbers<double>(tokens * d_model, 4);
  auto const dy = laws::numbers<double>(tokens * d_model, 5);
  auto const result = layer.run({nullptr, 1, tokens}, x, dy);
  int unrouted = 0;
  for (int t = 0; t < tokens; ++t) {
    auto const is_zero = [&](std::vector<double> const& table) {
      return std::all_of(table.begin() + t * d_model, table.begin() + (t + 1) * d_model,
                         [](double value) { return value == 0; });
    };
    CHECK(is_zero(result.y) == is_zero(result.dx));
    unrouted += is_zero(result.y);
  }
  CHECK(unrouted > 0);
  CHECK(unrouted < tokens);
  CHECK(*layer.grads.router.unrouted.data == unrouted);  // recorded
  for (int i = 0; i < d_model; ++i) {
    double sum = 0;
    for (int t = 0; t < tokens; ++t) {
      auto const at = std::size_t(t * d_model);
      if (result.y[at] == 0) sum += x[at + std::size_t(i)];
    }
    CHECK(layer.grads.router.unrouted_sum.data[i] == Approx(sum).margin(1e-12));
  }
}

TEST_CASE("equal experts are that expert, however many an item takes", "[model]") {
  Any layer;
  std::fill_n(layer.params.router.threshold.data, experts, -2.0);  // all of them
  auto const& p = layer.params.experts;
  for (auto const& other : p) {
    std::copy_n(p[0].up.data, p[0].up.size(), other.up.data);
    std::copy_n(p[0].down.data, p[0].down.size(), other.down.data);
  }
  auto const x = laws::numbers<double>(tokens * d_model, 4);
  auto const dy = laws::numbers<double>(tokens * d_model, 5);
  auto const all = layer.run({nullptr, 1, tokens}, x, dy);
  std::fill_n(layer.params.router.threshold.data + 1, experts - 1, 2.0);  // the first one
  auto const one = layer.run({nullptr, 1, tokens}, x, dy);
  CHECK(laws::distance(all.y, one.y) <= 1e-14);
  models::Layer<expert::Ffn, Double> dense({.hidden = 6}, d_model);
  std::copy_n(p[0].up.data, dense.values.size(), dense.values.data());
  CHECK(laws::distance(dense.run({nullptr, 1, tokens}, x, dy).y, one.y) <= 1e-14);
}

}  // namespace
