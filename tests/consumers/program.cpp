// SPDX-License-Identifier: Apache-2.0
// What every consumer compiles: a model that is counted by the compiler and takes one step.
#include <moenda/moenda.hpp>
#include <vector>

using namespace moenda;

using Model = LanguageModel<TransformerBlock<norm::Rms, attention::GroupedQuery<position::Rope>,
                                             Mixture<router::TopK, expert::SwiGlu>>>;

int main() {
  Model::Config config{.vocab_size = 64, .context_length = 16, .d_model = 32, .num_layers = 1};
  config.block.attention = {.num_heads = 2, .num_kv_heads = 1, .head_dim = 16};
  config.block.ffn.experts = {.count = 4, .each = {.hidden = 32}};
  config.block.ffn.router.top_k = 2;

  cpu::Backend<float> backend(2);
  Training<Model, cpu::Backend<float>> network(backend, config);
  std::vector<int> const tokens(16, 1);
  network.accumulate_gradients({tokens.data(), 1, 16}, tokens);
  double const loss = network.losses().back().mean;
  return loss > 0 && loss < 10 && version[0] != '\0' ? 0 : 1;
}
