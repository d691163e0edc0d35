// SPDX-License-Identifier: Apache-2.0
// What a program pays for one model fixed at compile time, with both passes.
#include <moenda/moenda.hpp>

using namespace moenda;

using Model = LanguageModel<TransformerBlock<norm::Rms, attention::GroupedQuery<position::Rope>,
                                             Mixture<router::TopK, expert::SwiGlu>>>;

int main() {
  Model::Config const config{
      .vocab_size = 64,
      .context_length = 16,
      .d_model = 32,
      .num_layers = 2,
      .block = {.attention = {.num_heads = 2, .num_kv_heads = 1, .head_dim = 16},
                .ffn = {.router = {.top_k = 2}, .experts = {.count = 4, .each = {.hidden = 32}}}}};
  cpu::Backend<float> backend(1);
  Training<Model, cpu::Backend<float>> network(backend, config);
  std::vector<int> const tokens(16, 1);
  network.accumulate_gradients({tokens.data(), 1, 16}, tokens);
  return network.losses().back().mean > 0 ? 0 : 1;
}
