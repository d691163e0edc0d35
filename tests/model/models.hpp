// SPDX-License-Identifier: Apache-2.0
#pragma once
// The models of most tests: small, of document 1's two kinds.
#include "laws/numbers.hpp"
#include "moenda/moenda.hpp"

namespace models {

using namespace moenda;

using MoeGqa = LanguageModel<
    TransformerBlock<norm::Rms, attention::GroupedQuery<position::Rope, attention::QkNorm>,
                     Mixture<router::TopK, expert::SwiGlu, loss::LoadBalancing, loss::RouterZ>>>;
using Gpt2 = LanguageModel<
    TransformerBlock<norm::Layer, attention::MultiHead<position::Learned>, expert::Ffn>>;

inline MoeGqa::Config moe_gqa() {
  MoeGqa::Config c{
      .vocab_size = 31,
      .context_length = 12,
      .d_model = 8,
      .num_layers = 2,
      .block = {.attention = {.num_heads = 4, .num_kv_heads = 2, .head_dim = 4},
                .ffn = {.router = {.top_k = 2}, .experts = {.count = 4, .each = {.hidden = 6}}}}};
  get<loss::LoadBalancing>(c.block.ffn.loss).weight = 0.5;
  get<loss::RouterZ>(c.block.ffn.loss).weight = 0.1;
  return c;
}
inline Gpt2::Config gpt2() {
  return {.vocab_size = 31,
          .context_length = 12,
          .d_model = 8,
          .num_layers = 2,
          .block = {.attention = {.num_heads = 2, .head_dim = 4}, .ffn = {.hidden = 7}}};
}
template <class M>
typename M::Config config_of() {
  if constexpr (std::is_same_v<M, Gpt2>) {
    return gpt2();
  } else {
    return moe_gqa();
  }
}

/// Tokens and targets that live as long as the batch.
struct TextBatch {
  TextBatch(int batch_size, int seq_len, int vocab_size, std::uint64_t seed = 1)
      : tokens(laws::ids(std::ptrdiff_t(batch_size) * seq_len, vocab_size, seed)),
        targets(laws::ids(std::ptrdiff_t(batch_size) * seq_len, vocab_size, seed + 100)),
        batch{tokens.data(), batch_size, seq_len} {}
  TextBatch(TextBatch const&) = delete;
  TextBatch& operator=(TextBatch const&) = delete;

  std::vector<int> tokens, targets;
  Batch batch;
};

template <class B>
std::vector<typename B::Scalar> copy_of(Tensor<B> t) {
  return {t.data, t.data + t.size()};
}

}  // namespace models
