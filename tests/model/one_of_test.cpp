// SPDX-License-Identifier: Apache-2.0
// One type that holds many models behaves as each of them.
#include "model/network_gradients.hpp"

namespace {

using namespace models;

using Positions = OneOf<position::Rope, position::Learned, position::None>;
using HeadNorms = OneOf<norm::Identity, attention::QkNorm>;
using Grouped = attention::GroupedQuery<Positions, HeadNorms>;
using Multi = attention::MultiHead<Positions, HeadNorms>;
using Sparse = Mixture<OneOf<router::TopK>, OneOf<expert::SwiGlu, expert::Ffn>, loss::LoadBalancing,
                       loss::RouterZ>;
using Flexible = LanguageModel<
    TransformerBlock<OneOf<norm::Rms, norm::Layer, norm::Identity>, OneOf<Grouped, Multi>,
                     OneOf<Sparse, expert::Ffn, expert::SwiGlu>>>;

Flexible::Config sizes() {
  return {.vocab_size = 31, .context_length = 12, .d_model = 8, .num_layers = 2};
}
Sparse::Config sparse() {
  Sparse::Config c{.router = router::TopK::Config{.top_k = 2},
                   .experts = {.count = 4, .each = expert::SwiGlu::Config{.hidden = 6}}};
  get<loss::LoadBalancing>(c.loss).weight = 0.5;
  get<loss::RouterZ>(c.loss).weight = 0.1;
  return c;
}
template <class Static>
void same_as(Flexible::Config const& flexible, typename Static::Config const& config) {
  laws::Float backend(2);
  Network<Flexible, laws::Float> a(backend, flexible, 5, 0.1);
  Network<Static, laws::Float> b(backend, config, 5, 0.1);
  REQUIRE(laws::same_bits(a.values, b.values));
  std::vector<std::string> names, expected_names;
  walk(a.params, [&](Path const& path, auto&) { names.push_back(path.str()); });
  walk(b.params, [&](Path const& path, auto&) { expected_names.push_back(path.str()); });
  CHECK(names == expected_names);
  TextBatch text(2, 9, 31);
  auto const la = a.accumulate_gradients(text.batch, text.targets);
  auto const lb = b.accumulate_gradients(text.batch, text.targets);
  CHECK(la.cross_entropy == lb.cross_entropy);
  CHECK(la.auxiliary == lb.auxiliary);
  CHECK(laws::same_bits(a.gradients, b.gradients));
  CHECK(laws::same_bits(copy_of(a.logits(text.batch)), copy_of(b.logits(text.batch))));
  CHECK(Flexible::active_parameter_count(flexible) == Static::active_parameter_count(config));
}

TEST_CASE("a chosen model is the static model to the bit", "[model]") {
  auto moe = sizes();
  moe.block.attention = Grouped::Config{.num_heads = 4,
                                        .num_kv_heads = 2,
                                        .head_dim = 4,
                                        .position = position::Rope::Config{},
                                        .head_norm = attention::QkNorm::Config{}};
  moe.block.ffn = sparse();
  same_as<MoeGqa>(moe, moe_gqa());
  auto dense = sizes();
  dense.block.norm = norm::Layer::Config{};
  dense.block.attention =
      Multi::Config{.num_heads = 2, .head_dim = 4, .position = position::Learned::Config{}};
  dense.block.ffn = expert::Ffn::Config{.hidden = 7};
  same_as<Gpt2>(dense, gpt2());
}

TEST_CASE("all combinations of choices have right gradients", "[model]") {
  std::vector<OneOf<norm::Rms, norm::Layer, norm::Identity>::Config> const norms{
      norm::Rms::Config{}, norm::Layer::Config{}, norm::Identity::Config{}};
  std::vector<Positions::Config> const positions{
      position::Rope::Config{}, position::Learned::Config{}, position::None::Config{}};
  std::vector<HeadNorms::Config> const head_norms{norm::Identity::Config{},
                                                  attention::QkNorm::Config{}};
  std::vector<OneOf<Sparse, expert::Ffn, expert::SwiGlu>::Config> const ffns{
      sparse(), expert::Ffn::Config{.hidden = 5}, expert::SwiGlu::Config{.hidden = 4}};
  int checked = 0;
  for (std::size_t n = 0; n < norms.size(); ++n) {
    for (std::size_t p = 0; p < positions.size(); ++p) {
      for (std::size_t h = 0; h < head_norms.size(); ++h) {
        for (std::size_t f = 0; f < ffns.size(); ++f) {
          for (bool const grouped : {true, false}) {
            auto c = sizes();
            c.num_layers = 1;
            c.block.norm = norms[n];
            c.block.ffn = ffns[f];
            if (grouped) {
              c.block.attention = Grouped::Config{.num_heads = 4,
                                                  .num_kv_heads = 2,
                                                  .head_dim = 4,
                                                  .position = positions[p],
                                                  .head_norm = head_norms[h]};
            } else {
              c.block.attention = Multi::Config{.num_heads = 2,
                                                .head_dim = 4,
                                                .position = positions[p],
                                                .head_norm = head_norms[h]};
            }
            CAPTURE(n, p, h, f, grouped);
            check_network_gradients<Flexible>(c, 2);
            ++checked;
          }
        }
      }
    }
  }
  CHECK(checked == 108);
}

TEST_CASE("rules are checked in what was chosen", "[model]") {
  auto c = sizes();
  c.block.attention = Grouped::Config{.num_heads = 4, .num_kv_heads = 3, .head_dim = 0};
  auto wrong = sparse();
  wrong.router = router::TopK::Config{.top_k = 7};
  c.block.ffn = wrong;
  auto const text = Flexible::check(c).str();
  CHECK_THAT(text, Catch::Contains("block.attention.num_kv_heads"));
  CHECK_THAT(text, Catch::Contains("block.attention.head_dim"));
  CHECK_THAT(text, Catch::Contains("block.ffn.router.top_k"));
}

}  // namespace
