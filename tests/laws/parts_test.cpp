// SPDX-License-Identifier: Apache-2.0
// Every module that is made of modules obeys the law of parts. A new one is one more line.
#include "laws/parts_laws.hpp"
#include "moenda/moenda.hpp"
#include "moenda/table/tab_moe.hpp"

namespace {

using namespace moenda;
using laws::check_parts_of, laws::Spy;
using A = Spy<0>;
using B = Spy<1>;
using C = Spy<2>;
using D = Spy<3>;
using E = Spy<4>;
using F = Spy<5>;
using G = Spy<6>;
constexpr int d_model = 4, num_experts = 3;

template <class R>
void check_router_around_a(typename R::Config const& config) {
  check_parts_of<R, 1>(config, d_model, num_experts);
  CHECK(experts_per_item<R>(config, 9) == 7);
  CHECK(traits_of<R>(config).couples_batch_in_training);
  REQUIRE(router::weighting_rule<R>(config).has_value());
  CHECK(router::weighting_rule<R>(config)->scaling_factor == 3);
  static_assert(RouterLike<R>);
}

TEST_CASE("every verb and fact of a router is reached through its wrappers", "[laws]") {
  check_router_around_a<router::PerSequence<A>>({});
  check_router_around_a<router::AllowFutureLeak<A>>({});
  check_router_around_a<router::MaskOutputs<A>>({});
  check_router_around_a<router::BiasBalanced<A>>({});
  check_router_around_a<router::MaskOutputs<router::PerSequence<router::BiasBalanced<A>>>>({});
  using Chosen = OneOf<router::TopK, router::MaskOutputs<A>>;
  check_router_around_a<Chosen>(router::MaskOutputs<A>::Config{});
  static_assert(
      static_traits<router::MaskOutputs<router::BiasBalanced<A>>>().couples_batch_in_training);
  static_assert(!has_static_traits<router::MaskOutputs<Chosen>>);
  router::MaskOutputs<router::Random>::Config const random;
  CHECK(!router::weighting_rule<router::MaskOutputs<router::Random>>(random).has_value());
}

TEST_CASE("every verb of experts and losses is reached through a mixture", "[laws]") {
  check_parts_of<expert::Pooled<A>, 1>({}, d_model);
  check_parts_of<Group<A>, 1>({.count = 3}, d_model);
  Experts<A, B>::Config both;
  get<Group<A>>(both).count = 2;
  get<Group<B>>(both).count = 1;
  check_parts_of<Experts<A, B>, 2>(both, d_model);
  check_parts_of<AuxiliaryLosses<A, B>, 2>({}, num_experts);
  check_parts_of<CondMlp<Gradient::none, A, B>, 2>({.hidden = 3}, d_model);
  check_parts_of<Mixture<A, B, C, D>, 4>({.experts = {.count = 9}}, d_model);
  using OfGroups = Mixture<router::PerSequence<A>, Experts<B, expert::Pooled<C>>, D>;
  OfGroups::Config of_groups;
  get<Group<B>>(of_groups.experts).count = 4;
  get<Group<expert::Pooled<C>>>(of_groups.experts).count = 5;
  check_parts_of<OfGroups, 4>(of_groups, d_model);
  check_parts_of<Mixture<A, OneOf<expert::Ffn, B>>, 2>(
      {.experts = {.count = 9, .each = B::Config{}}}, d_model);
}

TEST_CASE("every verb of a layer is reached through whatever it is in", "[laws]") {
  check_parts_of<OneOf<expert::Ffn, A>, 1>(A::Config{}, d_model);
  check_parts_of<Sum<A, B>, 2>({}, d_model);
  check_parts_of<Interleave<A, expert::Ffn>, 1>({.first = 0}, d_model);
  check_parts_of<Interleave<expert::Ffn, A>, 1>({.first = 1}, d_model);
  check_parts_of<attention::GroupedQuery<A, B>, 2>(
      {.num_heads = 2, .num_kv_heads = 1, .head_dim = 2}, d_model);
  check_parts_of<attention::MultiHead<A, B>, 2>({.num_heads = 2, .head_dim = 2}, d_model);
  check_parts_of<TransformerBlock<A, B, C>, 3>({}, d_model);
}

using Block = TransformerBlock<A, attention::GroupedQuery<B, C>, Interleave<Mixture<D, E, F>, G>>;
Block::Config block() {
  return {.attention = {.num_heads = 2, .num_kv_heads = 1, .head_dim = 2},
          .ffn = {.every = 2,
                  .first = 1,
                  .sparse = {.experts = {.each = {}, .count_per_layer = {0, 7, 0, 9}}}}};
}

TEST_CASE("every verb of a part is reached through a model", "[laws]") {
  using Text = LanguageModel<Block>;
  check_parts_of<Text, 7>(
      {.vocab_size = 5, .context_length = 3, .d_model = 4, .num_layers = 4, .block = block()});
  // The positions' weights are the model's.
  using Many = TransformerBlock<A, OneOf<attention::MultiHead<C>, attention::GroupedQuery<B>>, D>;
  using Grouped = attention::GroupedQuery<B>;
  check_parts_of<LanguageModel<Many>, 2>(
      {.vocab_size = 5,
       .context_length = 3,
       .d_model = 4,
       .num_layers = 1,
       .block = {.attention = Grouped::Config{.num_heads = 2, .num_kv_heads = 1, .head_dim = 2}}});

  using Plain = TransformerBlock<A, attention::GroupedQuery<position::Rope>, B>;
  check_parts_of<SequenceModel<C, Plain, D, E>, 5>(
      {.context_length = 3, .d_model = 4, .num_layers = 2});
  check_parts_of<SequenceModel<A, NoBlock, Mixture<B, C>, D>, 4>(
      {.context_length = 3, .d_model = 4, .ffn = {.experts = {.count = 9}}});
  check_parts_of<TabMoe<A>, 1>({});
}

TEST_CASE("a part knows where it is in the model", "[laws]") {
  using Text = LanguageModel<Block>;
  check_parts_of<Text, 7>(
      {.vocab_size = 5, .context_length = 3, .d_model = 4, .num_layers = 4, .block = block()});
  REQUIRE(D::fitted_at.size() == 2);
  for (auto const* at : {&D::fitted_at, &D::stepped_at}) {
    CHECK((*at)[0].layer_number() == 1);
    CHECK((*at)[0].num_experts == 7);
    CHECK((*at)[1].layer_number() == 3);
    CHECK((*at)[1].num_experts == 9);
    CHECK((*at)[1].d_model == 4);
    CHECK((*at)[1].causal);
  }
  CHECK(E::fitted.size() == 16);

  // The last layer of a sequence model is a stack of one, after the blocks.
  using Plain = TransformerBlock<A, attention::GroupedQuery<position::Rope>, B>;
  using Whole = SequenceModel<C, Plain, Mixture<D, E>, F>;
  check_parts_of<Whole, 6>({.context_length = 3,
                            .d_model = 4,
                            .num_layers = 2,
                            .ffn = {.experts = {.each = {}, .count_per_layer = {8}}}});
  REQUIRE(D::fitted_at.size() == 1);
  CHECK(D::fitted_at[0].layer_number() == 2);
  CHECK(D::fitted_at[0].num_experts == 8);
  CHECK(!D::fitted_at[0].causal);
  REQUIRE(B::stepped_at.size() == 2);
  CHECK(B::stepped_at[1].layer_number() == 1);
}

TEST_CASE("what is wrong in a part is said once, under its key", "[laws]") {
  auto wrong = block();
  wrong.norm.key = wrong.attention.position.key = wrong.attention.head_norm.key = 1;
  wrong.ffn.sparse.router.key = wrong.ffn.sparse.experts.each.key = wrong.ffn.dense.key = 1;
  get<F>(wrong.ffn.sparse.loss).key = 1;
  LanguageModel<Block>::Config const config{
      .vocab_size = 5, .context_length = 3, .d_model = 4, .num_layers = 4, .block = wrong};
  std::vector<std::string> keys;
  auto const problems = LanguageModel<Block>::check(config);
  for (auto const& problem : problems.found()) keys.push_back(problem.where);
  std::sort(keys.begin(), keys.end());
  CHECK(keys == std::vector<std::string>{
                    "block.attention.head_norm.key", "block.attention.position.key",
                    "block.ffn.dense.key", "block.ffn.sparse.experts.count_per_layer",
                    "block.ffn.sparse.experts.each.key", "block.ffn.sparse.loss.spy_f.key",
                    "block.ffn.sparse.router.key", "block.norm.key"});
}

}  // namespace
