// SPDX-License-Identifier: Apache-2.0
#include "moenda/train/expert_surgery.hpp"

#include <catch2/catch.hpp>

#include "model/models.hpp"

namespace {

using namespace moenda;
using laws::Double;

using Both = Experts<expert::SwiGlu, expert::Identity>;
template <class Expert>
using Sparse = Mixture<router::BiasBalanced<router::TopK>, Expert, loss::LoadBalancing>;
template <class FeedForward>
using ModelOf =
    LanguageModel<TransformerBlock<norm::Rms, attention::MultiHead<position::Rope>, FeedForward>>;
using Model = ModelOf<Interleave<Sum<Sparse<expert::SwiGlu>, expert::Ffn>, expert::Ffn>>;
using Mixed = ModelOf<Sparse<Both>>;

template <class M>
typename M::Config sizes() {
  typename M::Config c{.vocab_size = 31, .context_length = 12, .d_model = 8, .num_layers = 3};
  c.block.attention = {.num_heads = 2, .head_dim = 4};
  return c;
}
Model::Config config(int experts, int top_k) {
  auto c = sizes<Model>();
  c.block.ffn.first = 1;
  c.block.ffn.every = 1;
  c.block.ffn.dense.hidden = 5;
  auto& sparse = get<Sparse<expert::SwiGlu>>(c.block.ffn.sparse);
  sparse.router.inner.top_k = top_k;
  sparse.experts = {.count = experts, .each = {.hidden = 3}};
  get<expert::Ffn>(c.block.ffn.sparse).hidden = 4;
  return c;
}
Mixed::Config mixed(int swiglu, int identity) {
  auto c = sizes<Mixed>();
  get<Group<expert::SwiGlu>>(c.block.ffn.experts) = {.count = swiglu, .each = {.hidden = 3}};
  get<Group<expert::Identity>>(c.block.ffn.experts).count = identity;
  return c;
}
/// The mixture of layer 1 or 2.
template <class Network>
auto& mixture(Network& network, int layer) {
  return std::get<0>(network.params.layers[std::size_t(layer)].ffn.choice).groups[hana::size_c<0>];
}
/// Nobody chooses these experts: a balancing bias decides, and weighs nothing.
template <class P>
void never_choose(P const& mixture, std::vector<int> const& experts) {
  for (int const e : experts) mixture.router.bias.data[e] = -1e3;
}
template <class Network>
auto logits(Network& network) {
  models::TextBatch const text(2, 12, 31);
  return models::copy_of(network.logits(text.batch));
}
template <class W>
void copy_row(W const& weight, int from, int to) {
  std::copy_n(weight.data + std::ptrdiff_t(from) * weight.cols, weight.cols,
              weight.data + std::ptrdiff_t(to) * weight.cols);
}

TEST_CASE("experts that nobody chose can go", "[surgery]") {
  Double backend(1);
  Network<Model, Double> old(backend, config(5, 2), 3, 0.3), pruned(backend, config(3, 2), 8, 0.3);
  never_choose(mixture(old, 1), {0, 3});
  never_choose(mixture(old, 2), {1, 2});
  REQUIRE(logits(pruned) != logits(old));
  prune_experts(old, pruned, {{1, 2, 4}, {0, 3, 4}});
  CHECK(laws::distance(logits(pruned), logits(old)) <= 1e-13);
  auto const &a = mixture(old, 2), &b = mixture(pruned, 2);
  CHECK(std::equal(b.experts[1].up.data, b.experts[1].up.data + b.experts[1].up.size(),
                   a.experts[3].up.data));
  CHECK(b.router.bias.data[2] == a.router.bias.data[4]);

  prune_experts(old, pruned, {{0, 2, 4}, {0, 3, 4}});  // another expert than the tokens want
  CHECK(laws::distance(logits(pruned), logits(old)) > 1e-3);
}

TEST_CASE("the order of experts is free", "[surgery]") {
  Double backend(1);
  Network<Model, Double> old(backend, config(4, 2), 3, 0.3), turned(backend, config(4, 2), 8, 0.3);
  prune_experts(old, turned, {{3, 1, 0, 2}, {0, 1, 2, 3}});
  CHECK(laws::distance(logits(turned), logits(old)) <= 1e-13);
}

TEST_CASE("equal experts merge without a change", "[surgery]") {
  Double backend(1);
  Network<Model, Double> old(backend, config(4, 2), 3, 0.3), merged(backend, config(2, 1), 8, 0.3);
  for (int const layer : {1, 2}) {  // 2 equals 0 and 3 equals 1
    auto& m = mixture(old, layer);
    for (int const e : {0, 1}) {
      copy_row(m.router.inner.weight, e, e + 2);
      for (auto member :
           {&expert::SwiGlu::Params<Double>::gate, &expert::SwiGlu::Params<Double>::up,
            &expert::SwiGlu::Params<Double>::down}) {
        auto const& source = m.experts[std::size_t(e)].*member;
        std::copy_n(source.data, source.size(), (m.experts[std::size_t(e) + 2].*member).data);
      }
    }
  }
  ExpertGroups const groups{{{0, 2}, {1, 3}}, {{2, 0}, {3, 1}}};
  for (ExpertLoads const& loads : {ExpertLoads{}, ExpertLoads{{1, 2, 3, 0}, {0, 5, 0, 5}}}) {
    merge_experts(old, merged, groups, loads);
    CHECK(laws::distance(logits(merged), logits(old)) <= 1e-13);
  }
}

TEST_CASE("merged experts are means weighted by load", "[surgery]") {
  Double backend(1);
  Network<Model, Double> old(backend, config(3, 1), 3, 0.3), merged(backend, config(2, 1), 8, 0.3);
  merge_experts(old, merged, {{{0, 2}, {1}}, {{1}, {0, 2}}}, {{1, 9, 3}, {0, 9, 0}});
  auto const &a = mixture(old, 1), &b = mixture(merged, 1);
  auto const up = [](auto const& m, int e, int i) { return m.experts[std::size_t(e)].up.data[i]; };
  CHECK(up(b, 0, 5) == Approx(0.25 * up(a, 0, 5) + 0.75 * up(a, 2, 5)));
  CHECK(b.router.inner.weight.data[3] == Approx(0.25 * a.router.inner.weight.data[3] +
                                                0.75 * a.router.inner.weight.data[2 * 8 + 3]));
  CHECK(up(b, 1, 5) == up(a, 1, 5));
  CHECK(up(mixture(merged, 2), 1, 5) ==
        Approx(0.5 * up(mixture(old, 2), 0, 5) + 0.5 * up(mixture(old, 2), 2, 5)));
}

TEST_CASE("experts of several kinds are counted as the router does", "[surgery]") {
  Double backend(1);
  Network<Mixed, Double> old(backend, mixed(3, 2), 3, 0.3), pruned(backend, mixed(2, 1), 8, 0.3);
  for (auto& layer : old.params.layers) never_choose(layer.ffn, {0, 4});
  prune_experts(old, pruned, KeptExperts(3, {1, 2, 3}));
  CHECK(laws::distance(logits(pruned), logits(old)) <= 1e-13);
  CHECK_THROWS_WITH(
      prune_experts(old, pruned, KeptExperts(3, {1, 3, 2})),
      Catch::Contains("experts of the same kind") && Catch::Contains("at layers.0.ffn"));
}

TEST_CASE("surgery that does not fit is refused", "[surgery]") {
  Double backend(1);
  Network<Model, Double> old(backend, config(3, 1)), pruned(backend, config(2, 1));
  auto const prune = [&](KeptExperts const& keep) { prune_experts(old, pruned, keep); };
  CHECK_THROWS_WITH(prune({{0, 1}}), Catch::Contains("as many mixtures"));
  CHECK_THROWS_WITH(prune({{0, 1}, {0, 1}, {0, 1}}), Catch::Contains("as many mixtures"));
  CHECK_THROWS_WITH(prune({{0, 1, 2}, {0, 1}}), Catch::Contains("one entry per new expert"));
  CHECK_THROWS_WITH(prune({{0, 1}, {0, 3}}), Catch::Contains("no expert 3, at layers.2.ffn"));
  CHECK_THROWS_WITH(prune({{0, -1}, {0, 1}}), Catch::Contains("no expert -1"));
  auto const merge = [&](ExpertGroups const& groups, ExpertLoads const& loads) {
    merge_experts(old, pruned, groups, loads);
  };
  ExpertGroups const groups{{{0, 1}, {2}}, {{0, 1}, {2}}};
  CHECK_NOTHROW(merge(groups, {{1, 2, 3}, {1, 2, 3}}));
  CHECK_THROWS_WITH(merge({{{0, 1}, {}}, {{0}, {2}}}, {}), Catch::Contains("no entry is empty"));
  CHECK_THROWS_WITH(merge(groups, {{1, 2}, {1, 2, 3}}), Catch::Contains("fit the loads"));
  CHECK_THROWS_WITH(merge(groups, {{1, -2, 3}, {1, 2, 3}}), Catch::Contains("at least 0"));
  auto wider = config(2, 1);
  get<Sparse<expert::SwiGlu>>(wider.block.ffn.sparse).experts.each.hidden = 9;
  Network<Model, Double> other(backend, wider);
  CHECK_THROWS_WITH(prune_experts(old, other, {{0, 1}, {0, 1}}),
                    Catch::Contains("experts of the same shape"));
  auto dense = config(2, 1);
  dense.block.ffn.first = 2;
  Network<Model, Double> later(backend, dense);
  CHECK_THROWS_WITH(prune_experts(old, later, {{0, 1}, {0, 1}}),
                    Catch::Contains("be of the same kind, at layers.1.ffn"));
}

}  // namespace
