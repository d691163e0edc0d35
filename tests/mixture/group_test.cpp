// SPDX-License-Identifier: Apache-2.0
// A group of experts runs at once or one after the other: both are the same layer.
#include "moenda/mixture/group.hpp"

#include "laws/alone.hpp"
#include "mixture/layer.hpp"
#include "moenda/expert/ffn.hpp"
#include "moenda/expert/glu.hpp"
#include "moenda/expert/identity.hpp"
#include "moenda/expert/zero.hpp"
#include "moenda/mixture/mixture.hpp"
#include "moenda/module/one_of.hpp"
#include "moenda/router/per_sequence.hpp"
#include "moenda/router/top_k.hpp"

namespace {

using namespace moenda;
using laws::Alone;
using laws::Double;
using models::Layer;

constexpr int width = 6;

static_assert(GroupedExpertLike<expert::Ffn> && GroupedExpertLike<expert::SwiGlu>);
static_assert(ExpertLike<Alone<expert::Ffn>> && !GroupedExpertLike<Alone<expert::Ffn>>);

template <class First, class Second>
void agree(Layer<First, Double>& first, Layer<Second, Double>& second, Batch batch) {
  auto const x = laws::numbers<double>(batch.rows() * width, 1);
  auto const dy = laws::numbers<double>(batch.rows() * width, 2);
  for (int step = 0; step < 2; ++step) {  // gradients accumulate alike, too
    auto const a = first.run(batch, x, dy), b = second.run(batch, x, dy);
    CHECK(laws::distance(a.y, b.y) <= 1e-13);
    CHECK(laws::distance(a.dx, b.dx) <= 1e-13);
    CHECK(laws::distance(first.gradients, second.gradients) <= 1e-12);
  }
}
static_assert(GroupedExpertLike<expert::Identity> && GroupedExpertLike<expert::Zero>);

template <class Config>
Config sizes(int experts, int top_k, double capacity_factor) {
  return {.router = {.top_k = top_k},
          .experts = {.count = experts, .each = {.hidden = 5}},
          .capacity_factor = capacity_factor};
}

TEMPLATE_TEST_CASE("experts at once are the experts one after the other", "[mixture]", expert::Ffn,
                   expert::SwiGlu) {
  using AtOnce = Mixture<router::TopK, TestType>;
  using OneByOne = Mixture<router::TopK, Alone<TestType>>;
  for (int const experts : {1, 3, 40}) {  // 40: most of them empty
    for (int const tokens : {0, 1, 7, 130}) {
      for (double const capacity : {0.0, 0.5}) {
        CAPTURE(experts, tokens, capacity);
        int const top_k = std::min(2, experts);
        Layer<AtOnce, Double> at_once(sizes<typename AtOnce::Config>(experts, top_k, capacity),
                                      width, 2);
        Layer<OneByOne, Double> one_by_one(
            sizes<typename OneByOne::Config>(experts, top_k, capacity), width);
        agree(at_once, one_by_one, {nullptr, 1, tokens});
        auto const& plan = at_once.cache.plan;
        if (plan.num_slots == 0) continue;
        REQUIRE(at_once.cache.experts.experts.size() == 1);
        CHECK(at_once.cache.experts.experts[0].x.row_of == plan.item_of_slot.data());
        CHECK(one_by_one.cache.experts.experts.size() == std::size_t(experts));
      }
    }
  }
}

TEMPLATE_TEST_CASE("whole sequences visit experts both ways", "[mixture]", expert::Ffn,
                   expert::SwiGlu) {
  using Router = router::PerSequence<router::TopK>;
  using AtOnce = Mixture<Router, TestType>;
  using OneByOne = Mixture<Router, Alone<TestType>>;
  for (Batch const batch : {Batch{nullptr, 1, 1}, Batch{nullptr, 5, 3}, Batch{nullptr, 2, 9}}) {
    CAPTURE(batch.batch_size, batch.seq_len);
    Layer<AtOnce, Double> at_once(sizes<typename AtOnce::Config>(4, 2, 0), width);
    Layer<OneByOne, Double> one_by_one(sizes<typename OneByOne::Config>(4, 2, 0), width);
    agree(at_once, one_by_one, batch);
  }
}

TEST_CASE("of groups side by side each runs in its own way", "[mixture]") {
  using Both = Mixture<router::TopK, Experts<expert::Ffn, Alone<expert::SwiGlu>>>;
  using AtOnce = Mixture<router::TopK, Experts<expert::Ffn, expert::SwiGlu>>;
  Both::Config both{.router = {.top_k = 2}};
  AtOnce::Config at_once{.router = {.top_k = 2}};
  for (int const count : {0, 3}) {
    get<Group<expert::Ffn>>(both.experts) = {.count = 2, .each = {.hidden = 4}};
    get<Group<expert::Ffn>>(at_once.experts) = {.count = 2, .each = {.hidden = 4}};
    get<Group<Alone<expert::SwiGlu>>>(both.experts) = {.count = count, .each = {.hidden = 5}};
    get<Group<expert::SwiGlu>>(at_once.experts) = {.count = count, .each = {.hidden = 5}};
    Layer<Both, Double> first(both, width);
    Layer<AtOnce, Double> second(at_once, width);
    second.values = first.values;  // their names differ, and with them their first values
    bind(second.params, second.values.data());
    agree(first, second, {nullptr, 2, 20});
  }
}

TEST_CASE("a choice runs as what it chose", "[mixture]") {
  using Any = OneOf<expert::SwiGlu, Alone<expert::Ffn>, expert::Ffn>;
  using Chosen = Mixture<router::TopK, Any>;
  using Plain = Mixture<router::TopK, expert::Ffn>;
  Layer<Plain, Double> plain(sizes<Plain::Config>(4, 2, 0), width);
  for (bool const grouped : {false, true}) {
    expert::Ffn::Config const each{.hidden = 5};
    Chosen::Config c{.router = {.top_k = 2}};
    c.experts = {.count = 4,
                 .each = grouped ? Any::Config(std::in_place_index<2>, each)
                                 : Any::Config(std::in_place_index<1>, each)};
    Layer<Chosen, Double> chosen(c, width);
    agree(chosen, plain, {nullptr, 2, 20});
    plain.zero_gradients();
    CHECK(chosen.cache.experts.experts.size() == (grouped ? 1 : 4));
  }
}

TEST_CASE("experts large enough to be cut in parts keep their bits on any thread", "[mixture]") {
  using Plain = Mixture<router::TopK, expert::SwiGlu>;
  constexpr int wide = 72, tokens = 300;
  Plain::Config const c{.router = {.top_k = 2}, .experts = {.count = 5, .each = {.hidden = 136}}};
  auto const x = laws::numbers<float>(tokens * wide, 1),
             dy = laws::numbers<float>(tokens * wide, 2);
  Layer<Plain, laws::Float> one(c, wide, 1);
  auto const expected = one.run({nullptr, 1, tokens}, x, dy);
  for (int const threads : {2, 3, 8}) {
    CAPTURE(threads);
    Layer<Plain, laws::Float> many(c, wide, threads);
    auto const got = many.run({nullptr, 1, tokens}, x, dy);
    CHECK(laws::same_bits(got.y, expected.y));
    CHECK(laws::same_bits(got.dx, expected.dx));
    CHECK(laws::same_bits(many.gradients, one.gradients));
  }
}

TEST_CASE("weights of another size than the config says are refused", "[mixture]") {
  using Plain = Mixture<router::TopK, expert::Ffn>;
  Layer<Plain, Double> layer(sizes<Plain::Config>(3, 1, 0), width);
  auto const x = laws::numbers<double>(4 * width, 1);
  layer.config.experts.each.hidden = 50;
  CHECK_THROWS_WITH(layer.run({nullptr, 1, 4}, x, x),
                    "Group: weights and config must have equally many rows (5 vs 50)");
}

}  // namespace
