// SPDX-License-Identifier: Apache-2.0
// What is new here: a router of your own. It is the one file two_layer_router.hpp: a type without
// data that lists a name, traits, a Config, the shapes of its weights, and two passes.
#include "two_layer_router.hpp"

#include <cstdio>
#include <moenda/moenda.hpp>
#include <moenda/train/trainer.hpp>

using namespace moenda;
using router::TwoLayer;

// The concept says what is missing before any model does.
static_assert(RouterLike<TwoLayer>);

// Nothing has to be registered: the type stands where router::TopK stood.
using Model = LanguageModel<TransformerBlock<norm::Rms, attention::GroupedQuery<position::Rope>,
                                             Mixture<TwoLayer, expert::Ffn>>>;
using Backend = cpu::Backend<double>;  // double, for the digits of the difference quotient

int main() {
  Backend backend;
  Training<Model, Backend> network(
      backend,
      {.vocab_size = 10,
       .context_length = 10,
       .d_model = 16,
       .num_layers = 1,
       .block = {.attention = {.num_heads = 2, .num_kv_heads = 1, .head_dim = 8},
                 .ffn = {.router = {.top_k = 2, .hidden = 8},
                         .experts = {.count = 4, .each = {.hidden = 16}}}}},
      1, 0.4);
  int const pi[]{3, 1, 4, 1, 5, 9, 2, 6, 5, 3, 5};  // each digit predicts the next

  // Is backward the derivative of forward? Try one of the router's weights.
  double& weight = network.params.layers[0].ffn.router.hidden.data[0];
  auto const loss_at = [&](double value) {
    weight = value;
    return network.evaluate({pi, 1, 10}, std::span(pi).subspan(1)).mean;
  };
  double const here = weight, change = 1e-5;
  double const slope = (loss_at(here + change) - loss_at(here - change)) / (2 * change);
  double const before = loss_at(here);
  network.zero_gradients();
  network.accumulate_gradients({pi, 1, 10}, std::span(pi).subspan(1));
  std::printf("slope of the loss in one router weight\n");
  std::printf("  difference quotient  %.4f\n", slope);
  std::printf("  backward             %.4f\n\n", network.grads.layers[0].ffn.router.hidden.data[0]);

  data::TokenStream const text(std::vector<std::uint16_t>(std::begin(pi), std::end(pi)));
  Trainer trainer(network,
                  {.steps = 60, .batch_size = 1, .stride = 1, .optimizer = {.learning_rate = 0.02}},
                  text);
  while (trainer.step_count() < trainer.steps()) trainer.step();
  std::printf("loss before training   %.1f\n", before);
  std::printf("loss after %d steps    %.1f\n", int(trainer.steps()), loss_at(weight));
}
