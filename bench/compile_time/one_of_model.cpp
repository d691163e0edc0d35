// SPDX-License-Identifier: Apache-2.0
// What a program pays for many models in one type, with both passes: choices at every place.
#include <moenda/moenda.hpp>

using namespace moenda;

using Model = LanguageModel<TransformerBlock<
    OneOf<norm::Rms, norm::Layer, norm::Identity>,
    OneOf<attention::GroupedQuery<position::Rope>, attention::MultiHead<position::Rope>>,
    OneOf<Mixture<router::TopK, OneOf<expert::SwiGlu, expert::Ffn>, loss::LoadBalancing,
                  loss::RouterZ>,
          expert::SwiGlu, expert::Ffn>>>;

int main(int argc, char**) {
  Model::Config config;
  config.vocab_size = argc;
  cpu::Backend<float> backend(1);
  Training<Model, cpu::Backend<float>> network(backend, config);
  std::vector<int> const tokens(16, 1);
  network.accumulate_gradients({tokens.data(), 1, 16}, tokens);
  return network.losses().back().mean > 0 ? 0 : 1;
}
