// SPDX-License-Identifier: Apache-2.0
// Layers that must agree because one degenerates into the other.
#include "mixture/layer.hpp"
#include "moenda/attention/grouped_query.hpp"
#include "moenda/attention/multi_head.hpp"
#include "moenda/expert/ffn.hpp"
#include "moenda/expert/glu.hpp"
#include "moenda/mixture/mixture.hpp"
#include "moenda/module/one_of.hpp"
#include "moenda/router/top_k.hpp"

namespace {

using namespace moenda;
using laws::Double;
using models::Layer;

constexpr int width = 6, tokens = 21;
constexpr Batch batch{nullptr, 3, 7};
std::vector<double> const x = laws::numbers<double>(tokens * width, 1);
std::vector<double> const dy = laws::numbers<double>(tokens * width, 2);

template <class W>
std::vector<double> scalars(W& params) {
  std::vector<double> all;
  walk(params, [&](Path const&, auto& w) { all.insert(all.end(), w.data, w.data + w.size()); });
  return all;
}
template <class To, class From>
void copy_weights(To& to, From& from) {
  auto const all = scalars(from);
  auto next = all.begin();
  walk(to, [&](Path const&, auto& w) {
    std::copy_n(next, w.size(), w.data);
    next += w.size();
  });
  REQUIRE(next == all.end());
}

TEMPLATE_TEST_CASE("one expert is the dense layer", "[mixture]", expert::Ffn, expert::SwiGlu) {
  using Moe = Mixture<router::TopK, TestType>;
  Layer<TestType, Double> dense({.hidden = 5}, width);
  Layer<Moe, Double> one({.router = {.top_k = 1}, .experts = {.count = 1, .each = {.hidden = 5}}},
                         width);
  copy_weights(one.params.experts, dense.params);
  auto const expected = dense.run(batch, x, dy), got = one.run(batch, x, dy);
  CHECK(laws::distance(got.y, expected.y) <= 1e-14);
  CHECK(laws::distance(got.dx, expected.dx) <= 1e-14);
  CHECK(laws::distance(scalars(one.grads.experts), dense.gradients) <= 1e-13);
  for (double const g : scalars(one.grads.router)) CHECK(std::abs(g) <= 1e-14);
}

TEMPLATE_TEST_CASE("equal experts with normalised weights are the dense layer", "[mixture]",
                   expert::Ffn, expert::SwiGlu) {
  using Moe = Mixture<router::TopK, TestType>;
  for (auto const weighting :
       {router::Weighting::select_then_score, router::Weighting::score_then_renormalise}) {
    for (int const top_k : {1, 2, 4}) {
      Layer<TestType, Double> dense({.hidden = 5}, width);
      Layer<Moe, Double> equal({.router = {.top_k = top_k, .weighting = weighting},
                                .experts = {.count = 4, .each = {.hidden = 5}}},
                               width);
      for (auto& e : equal.params.experts) copy_weights(e, dense.params);
      auto const expected = dense.run(batch, x, dy), got = equal.run(batch, x, dy);
      CHECK(laws::distance(got.y, expected.y) <= 1e-13);
      CHECK(laws::distance(got.dx, expected.dx) <= 1e-13);
      // The dense gradient is shared out among the experts.
      std::vector<double> sum(dense.gradients.size());
      for (auto& e : equal.grads.experts) {
        auto const g = scalars(e);
        for (std::size_t i = 0; i < g.size(); ++i) sum[i] += g[i];
      }
      CHECK(laws::distance(sum, dense.gradients) <= 1e-12);
    }
  }
}

TEST_CASE("top_k = num_experts is the soft mixture", "[mixture]") {
  using Moe = Mixture<router::TopK, expert::Ffn>;
  Layer<Moe, Double> soft({.router = {.top_k = 3}, .experts = {.count = 3, .each = {.hidden = 5}}},
                          width);
  auto const got = soft.run(batch, x, dy).y;
  std::vector<double> expected(got.size());
  std::vector<std::vector<double>> answers;
  for (auto& e : soft.params.experts) {
    Layer<expert::Ffn, Double> dense({.hidden = 5}, width);
    copy_weights(dense.params, e);
    answers.push_back(dense.run(batch, x, dy).y);
  }
  for (std::size_t t = 0; t < tokens; ++t) {
    std::vector<double> p(3);
    double sum = 0;
    for (std::size_t e = 0; e < 3; ++e) {
      double z = 0;
      for (std::size_t i = 0; i < width; ++i) {
        z += soft.params.router.weight.data[e * width + i] * x[t * width + i];
      }
      sum += p[e] = std::exp(z);
    }
    for (std::size_t i = t * width; i < (t + 1) * width; ++i) {
      for (std::size_t e = 0; e < 3; ++e) expected[i] += p[e] / sum * answers[e][i];
    }
  }
  CHECK(laws::distance(got, expected) <= 1e-13);
}

TEST_CASE("groups of experts of the same kind are one group", "[mixture]") {
  using Two = Mixture<router::TopK, Experts<expert::Ffn, expert::SwiGlu>>;
  using One = Mixture<router::TopK, expert::SwiGlu>;
  Two::Config c{.router = {.top_k = 2}};
  get<Group<expert::SwiGlu>>(c.experts) = {.count = 3, .each = {.hidden = 4}};  // no Ffn at all
  Layer<Two, Double> two(c, width);
  Layer<One, Double> one({.router = {.top_k = 2}, .experts = {.count = 3, .each = {.hidden = 4}}},
                         width);
  copy_weights(one.params, two.params);
  auto const a = two.run(batch, x, dy), b = one.run(batch, x, dy);
  CHECK(laws::same_bits(a.y, b.y));
  CHECK(laws::same_bits(a.dx, b.dx));
  CHECK(laws::same_bits(two.gradients, one.gradients));
}

TEST_CASE("different experts each get their own tokens", "[mixture]") {
  using Both = Mixture<router::TopK, Experts<expert::Ffn, expert::SwiGlu>>;
  Both::Config c{.router = {.top_k = 1}};
  get<Group<expert::Ffn>>(c.experts) = {.count = 1, .each = {.hidden = 5}};
  get<Group<expert::SwiGlu>>(c.experts) = {.count = 1, .each = {.hidden = 4}};
  Layer<Both, Double> both(c, width);
  Layer<expert::Ffn, Double> ffn({.hidden = 5}, width);
  Layer<expert::SwiGlu, Double> swiglu({.hidden = 4}, width);
  copy_weights(ffn.params, both.params.experts.groups[hana::size_c<0>]);
  copy_weights(swiglu.params, both.params.experts.groups[hana::size_c<1>]);
  auto const got = both.run(batch, x, dy).y;
  auto const first = ffn.run(batch, x, dy).y, second = swiglu.run(batch, x, dy).y;
  auto const& plan = both.cache.plan;
  REQUIRE(plan.num_slots == tokens);
  CHECK(plan.tokens_per_expert(0) > 0);
  CHECK(plan.tokens_per_expert(1) > 0);
  for (std::size_t s = 0; s < tokens; ++s) {
    auto const& expected = plan.expert_of_slot[s] == 0 ? first : second;
    for (std::size_t i = 0; i < width; ++i) {
      auto const at = std::size_t(plan.item_of_slot[s]) * width + i;
      CHECK(got[at] == Approx(expected[at]).epsilon(1e-12));
    }
  }
}

TEST_CASE("grouped queries with as many key heads are multi-head attention", "[attention]") {
  using Grouped = attention::GroupedQuery<position::Rope, attention::QkNorm>;
  using Multi = attention::MultiHead<position::Rope, attention::QkNorm>;
  Layer<Grouped, Double> grouped({.num_heads = 3, .num_kv_heads = 3, .head_dim = 4}, width);
  Layer<Multi, Double> multi({.num_heads = 3, .head_dim = 4}, width);
  auto const a = grouped.run(batch, x, dy), b = multi.run(batch, x, dy);
  CHECK(laws::same_bits(a.y, b.y));
  CHECK(laws::same_bits(a.dx, b.dx));
  CHECK(laws::same_bits(grouped.gradients, multi.gradients));
}

TEST_CASE("shared key heads are multi-head attention with equal key heads", "[attention]") {
  using Grouped = attention::GroupedQuery<position::Rope>;
  Layer<Grouped, Double> grouped({.num_heads = 4, .num_kv_heads = 2, .head_dim = 4}, width);
  Layer<Grouped, Double> multi({.num_heads = 4, .num_kv_heads = 4, .head_dim = 4}, width);
  auto& p = multi.params;
  auto& q = grouped.params;
  std::copy_n(q.query.data, q.query.size(), p.query.data);
  std::copy_n(q.output.data, q.output.size(), p.output.data);
  for (int head = 0; head < 4; ++head) {
    auto const block = std::ptrdiff_t(4) * width;
    std::copy_n(q.key.data + head / 2 * block, block, p.key.data + head * block);
    std::copy_n(q.value.data + head / 2 * block, block, p.value.data + head * block);
  }
  auto const a = grouped.run(batch, x, dy), b = multi.run(batch, x, dy);
  CHECK(laws::distance(a.y, b.y) <= 1e-13);
  CHECK(laws::distance(a.dx, b.dx) <= 1e-13);
}

}  // namespace
