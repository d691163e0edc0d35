// SPDX-License-Identifier: Apache-2.0
#pragma once
// A small text, and models that train on it.
#include "model/models.hpp"
#include "moenda/train/checkpoint.hpp"
#include "moenda/train/trainer.hpp"

namespace runs {

using namespace models;

/// Windows over a text in which the next token can partly be told from the last.
inline data::Windows windows(int context_length = 12, int tokens = 900, int stride = 12) {
  std::vector<std::uint16_t> text(static_cast<std::size_t>(tokens));
  Random const random(9);
  for (std::size_t i = 1; i < text.size(); ++i) {
    text[i] = static_cast<std::uint16_t>((text[i - 1] * 3 + random.bits(i) % 3) % 31);
  }
  return {data::TokenStream(text), context_length, stride};
}
inline TrainConfig train_config() {
  TrainConfig c{.steps = 12, .batch_size = 4};
  c.optimizer.learning_rate = 1e-2;
  c.schedule.warmup_steps = 3;
  return c;
}

/// A network and its trainer.
template <class M, class B>
struct Run {
  Run(B& backend, typename M::Config const& config, TrainConfig const& train,
      data::Windows const& text = windows())
      : network(backend, config, train.seed, 0.1), trainer(network, train, text.tokens()) {}
  void steps(int count) {
    for (int i = 0; i < count; ++i) losses.push_back(trainer.step().loss.mean);
  }
  Training<M, B> network;
  Trainer<Training<M, B>> trainer;
  std::vector<double> losses;
};

template <class A, class B>
void require_same_state(A const& a, B const& b) {
  REQUIRE(laws::same_bits(a.network.values, b.network.values));
  REQUIRE(laws::same_bits(a.trainer.state.first_moment, b.trainer.state.first_moment));
  REQUIRE(laws::same_bits(a.trainer.state.second_moment, b.trainer.state.second_moment));
  REQUIRE(a.trainer.state.step == b.trainer.state.step);
  REQUIRE(a.trainer.step_count() == b.trainer.step_count());
}

}  // namespace runs
