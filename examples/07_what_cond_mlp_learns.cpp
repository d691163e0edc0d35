// SPDX-License-Identifier: Apache-2.0
// What is new here: a layer that makes a discrete choice per token, and what decides whether the
// one who chooses can learn. CondMlp is one MLP with a pair of biases per path; a guesser picks the
// path. Even tokens want the answer +1 and odd ones -1, and only the biases can tell them apart.
#include <cmath>
#include <cstdio>
#include <moenda/moenda.hpp>

using namespace moenda;
using Backend = cpu::Backend<float>;
constexpr int tokens = 64, d_model = 4;

template <Gradient G>
void train(char const* what) {
  using Layer = CondMlp<G>;
  typename Layer::Config const config{.hidden = 1, .num_paths = 2};
  auto params = Layer::template params<Backend>(config, d_model), grads = params;
  std::vector<float> values(std::size_t(count(params))), gradients(values.size());
  bind(params, values.data());
  bind(grads, gradients.data());
  // The shared part stays 0: what is left is the guesser and the biases of the paths.
  for (auto const& w : {params.guess, params.down_bias}) {
    for (int i = 0; i < w.rows * w.cols; ++i)
      w.data[i] = 0.1f * float(Random(2).normal(std::uint64_t(i)));
  }
  auto const first = std::vector<float>(params.guess.data, params.guess.data + d_model);

  Backend backend;
  StepMemory<Backend> arena;
  double right = 0, moved = 0;
  for (std::uint64_t step = 0; step < 500; ++step) {
    arena.rewind();
    Context<Backend> ctx{backend, arena, {nullptr, 1, tokens}};
    ctx.step = step;  // every step draws its own paths
    auto const x = ops::zeros(ctx, tokens, d_model), dy = ops::zeros(ctx, tokens, d_model);
    for (int t = 0; t < tokens; ++t) x.data[t * d_model + t % 2] = 1;
    typename Layer::template Cache<Backend> cache{};
    auto const y = Layer::forward(ctx, config, params, cache, x);  // [tokens, d_model]
    for (int t = 0; t < tokens; ++t) {
      float const wanted = t % 2 == 0 ? 1.f : -1.f;
      dy.data[t * d_model] = (y.data[t * d_model] - wanted) / tokens;
      if (step >= 400) right += y.data[t * d_model] * wanted > 0 ? 0.01 / tokens : 0;
    }
    std::fill(gradients.begin(), gradients.end(), 0.f);
    Layer::backward(ctx, config, params, grads, cache, dy);
    for (auto const& [w, dw] : {std::pair(params.guess, grads.guess),
                                {params.guess_bias, grads.guess_bias},
                                {params.down_bias, grads.down_bias}}) {
      for (int i = 0; i < w.rows * w.cols; ++i) w.data[i] -= 2 * dw.data[i];
    }
  }
  for (int i = 0; i < d_model; ++i) {
    moved += std::abs(double(params.guess.data[i] - first[std::size_t(i)]));
  }
  std::printf("%-18s %-10s %s\n", what, moved > 0 ? "moved" : "as drawn",
              right > 0.9    ? "nearly all"
              : right < 0.65 ? "about half"
                             : "most");
}

int main() {
  std::puts("gradient           guesser    right answers");
  train<Gradient::none>("none, published");
  train<Gradient::scaled>("scaled");
  train<Gradient::straight_through>("straight through");
}
