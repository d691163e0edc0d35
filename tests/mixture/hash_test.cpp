// SPDX-License-Identifier: Apache-2.0
// Hash routers inside layers and models.
#include "moenda/router/hash.hpp"
#include "mixture/layer.hpp"
#include "mixture/reference.hpp"
#include "model/models.hpp"

namespace {

using namespace models;
using laws::Double;
using router::Hash, router::HashKind;
using Hashed = Mixture<Hash, expert::Ffn>;

/// Columns side by side: a [rows, a_cols], b [rows, b_cols] -> [rows, a_cols + b_cols].
std::vector<double> beside(std::vector<double> const& a, std::vector<double> const& b, int rows) {
  std::vector<double> both;
  auto const a_cols = std::ptrdiff_t(a.size()) / rows, b_cols = std::ptrdiff_t(b.size()) / rows;
  for (int r = 0; r < rows; ++r) {
    both.insert(both.end(), a.begin() + r * a_cols, a.begin() + (r + 1) * a_cols);
    both.insert(both.end(), b.begin() + r * b_cols, b.begin() + (r + 1) * b_cols);
  }
  return both;
}
std::vector<double> values_of(Weight<Double> const& w) { return {w.data, w.data + w.size()}; }

TEST_CASE("MultiHash is one feed-forward of the slices that the hashes choose", "[mixture]") {
  constexpr int d_model = 5, slice = 3, tokens = 40;
  models::Layer<Hashed, Double> layer(
      {.router = {.hashes = 2}, .experts = {.count = 6, .each = {.hidden = slice}}}, d_model);
  auto const x = laws::numbers<double>(tokens * d_model, 5);
  auto const ids = laws::ids(tokens, 30, 6);
  auto const result = layer.run({ids.data(), 1, tokens}, x, x);
  mixture_reference::Sizes const s{.d_model = d_model, .hidden = 2 * slice};
  auto const& plan = layer.cache.plan;
  REQUIRE(plan.num_slots == 2 * tokens);
  for (std::size_t t = 0; t < tokens; ++t) {
    std::vector<std::size_t> experts;
    for (int at = plan.item_begin[t]; at < plan.item_begin[t + 1]; ++at) {
      auto const slot = std::size_t(plan.slots_of_item[std::size_t(at)]);
      experts.push_back(std::size_t(plan.expert_of_slot[slot]));
    }
    REQUIRE(experts.size() == 2);
    auto const &first = layer.params.experts[experts[0]],
               &second = layer.params.experts[experts[1]];
    auto up = values_of(first.up);  // [2 slice, d_model]
    auto const more = values_of(second.up);
    up.insert(up.end(), more.begin(), more.end());
    auto const down = beside(values_of(first.down), values_of(second.down), d_model);
    auto const y = mixture_reference::run_expert(s, up, down, x.data() + t * d_model);
    CHECK(laws::distance(std::span<double const>(result.y).subspan(t * d_model, d_model),
                         std::span<double const>(y)) <= 1e-13);
  }
}

using Model =
    LanguageModel<TransformerBlock<norm::Rms, attention::GroupedQuery<position::Rope>, Hashed>>;
Model::Config config(HashKind kind) {
  return {.vocab_size = 31,
          .context_length = 12,
          .d_model = 8,
          .num_layers = 2,
          .block = {.attention = {.num_heads = 2, .num_kv_heads = 1, .head_dim = 4},
                    .ffn = {.router = {.kind = kind, .vocab_size = 31},
                            .experts = {.count = 4, .each = {.hidden = 6}}}}};
}

TEST_CASE("a model that hashes the previous token decodes as it reads", "[model]") {
  for (auto const kind : {HashKind::bigram, HashKind::previous, HashKind::position}) {
    Double backend(1);
    Network<Model, Double> network(backend, config(kind), 3, 0.3);
    TextBatch text(2, 9, 31);
    auto const whole = copy_of(network.logits(text.batch));
    Memory<Double> memory{.batch_size = 2, .max_seq_len = 12};
    for (int t = 0; t < 9; ++t) {
      std::array const now{text.tokens[std::size_t(t)], text.tokens[std::size_t(9 + t)]};
      auto const got = copy_of(network.logits({now.data(), 2, 1, t}, &memory));
      for (std::size_t b = 0; b < 2; ++b) {
        CHECK(laws::distance(std::span(got).subspan(b * 31, 31),
                             std::span(whole).subspan((b * 9 + std::size_t(t)) * 31, 31)) <= 1e-10);
      }
    }
  }
}

TEST_CASE("the table of a hash has a place for every id of the model", "[model]") {
  auto c = config(HashKind::balanced);
  CHECK(Model::check(c).empty());
  c.vocab_size = 30;
  CHECK_THAT(Model::check(c).str(),
             Catch::Contains("block.ffn.router.vocab_size: vocab_size must be 30, that of the "
                             "model, when kind = balanced, got 31"));
}

TEST_CASE("a wrapped hash is fitted", "[model]") {
  using Masked = LanguageModel<TransformerBlock<norm::Rms, attention::GroupedQuery<position::Rope>,
                                                Mixture<router::MaskOutputs<Hash>, expert::Ffn>>>;
  auto const plain = config(HashKind::balanced);
  Masked::Config const masked{.vocab_size = plain.vocab_size,
                              .context_length = plain.context_length,
                              .d_model = plain.d_model,
                              .num_layers = plain.num_layers,
                              .block = {.attention = plain.block.attention,
                                        .ffn = {.router = {.inner = plain.block.ffn.router},
                                                .experts = plain.block.ffn.experts}}};
  Double backend(1);
  Training<Model, Double> alone(backend, plain, 3, 0.3);
  Training<Masked, Double> wrapped(backend, masked, 3, 0.3);
  std::vector<std::int64_t> counts(31);
  for (std::size_t id = 0; id < counts.size(); ++id) counts[id] = 1000 / std::int64_t(id + 1);
  alone.fit(counts);
  wrapped.fit(counts);
  CHECK(alone.values.on_host() == wrapped.values.on_host());
  TextBatch const text(2, 9, 31);
  CHECK(alone.evaluate(text.batch, text.targets).mean ==
        wrapped.evaluate(text.batch, text.targets).mean);
}

TEST_CASE("a hash has no parameters, and its table is none", "[model]") {
  auto const plain = Model::parameter_count(config(HashKind::random));
  CHECK(Model::parameter_count(config(HashKind::balanced)) == plain);
  CHECK(count(Model::params<Shapes>(config(HashKind::balanced))) == plain + 2 * 31);
  // 3 of 4 experts are idle in both layers
  CHECK(plain - Model::active_parameter_count(config(HashKind::random)) == 2 * 3 * 2 * 8 * 6);
}

}  // namespace
