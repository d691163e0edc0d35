// SPDX-License-Identifier: Apache-2.0
// One type that holds many models behaves as each of them.
#include "model/flexible.hpp"

namespace {

using namespace models;

template <class Static>
void same_as(Flexible::Config const& flexible, typename Static::Config const& config) {
  laws::Float backend(2);
  Training<Flexible, laws::Float> a(backend, flexible, 5, 0.1);
  Training<Static, laws::Float> b(backend, config, 5, 0.1);
  REQUIRE(laws::same_bits(a.values, b.values));
  std::vector<std::string> names, expected_names;
  walk(a.params, [&](Path const& path, auto&) { names.push_back(path.str()); });
  walk(b.params, [&](Path const& path, auto&) { expected_names.push_back(path.str()); });
  CHECK(names == expected_names);
  TextBatch text(2, 9, 31);
  a.accumulate_gradients(text.batch, text.targets);
  auto const la = a.losses().back();
  b.accumulate_gradients(text.batch, text.targets);
  auto const lb = b.losses().back();
  CHECK(la.mean == lb.mean);
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
