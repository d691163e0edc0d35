// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <cmath>
#include <cstdint>
#include <type_traits>

#include "moenda/core/array.hpp"
#include "moenda/core/fields.hpp"
#include "moenda/core/walk.hpp"
#include "moenda/module/rules.hpp"

namespace moenda::optimizer {

/// Adam with decoupled weight decay: Loshchilov & Hutter 2019, algorithm 2. Gains and biases are
/// not decayed (WeightKind). One flat loop over all parameters; the moments lie like the
/// parameters.
class AdamW {
 public:
  struct Config {
    double learning_rate = 1e-3;  ///< the peak of the schedule
    double beta1 = 0.9, beta2 = 0.95, epsilon = 1e-8;
    double weight_decay = 0.1;
    MOENDA_FIELDS(Config, learning_rate, beta1, beta2, epsilon, weight_decay);
  };
  static void check(Config const& c, Problems& problems) {
    problems.expect(c.learning_rate >= 0, "learning_rate", "at least 0", c.learning_rate);
    problems.expect(c.beta1 >= 0 && c.beta1 < 1, "beta1", "in 0..1, below 1", c.beta1);
    problems.expect(c.beta2 >= 0 && c.beta2 < 1, "beta2", "in 0..1, below 1", c.beta2);
    problems.expect(c.epsilon > 0, "epsilon", "above 0", c.epsilon);
    problems.expect(c.weight_decay >= 0, "weight_decay", "at least 0", c.weight_decay);
  }

  /// Survives a run: what a checkpoint must hold beside the parameters.
  template <class B>
  struct State {
    Array<B, typename B::Scalar> first_moment, second_moment;  // as the parameters
    std::int64_t step = 0;                                     // steps taken
  };

  /// A state of zeros for `network`.
  template <class Training>
  static auto start(Training& network) {
    using B = std::remove_reference_t<decltype(network.backend)>;
    using Moments = Array<B, typename B::Scalar>;
    auto const size = network.values.size();
    return State<B>{Moments(network.backend, size), Moments(network.backend, size), 0};
  }

  /// One update with the gradients of `network`, each times `gradient_scale` (the clipping).
  template <class Training, class B>
  static void step(Config const& c, Training& network, State<B>& state, double learning_rate,
                   double gradient_scale) {
    ++state.step;
    double const correction1 = 1 - std::pow(c.beta1, double(state.step));
    double const correction2 = 1 - std::pow(c.beta2, double(state.step));
    for_each_trained_run(network.params, [&](std::ptrdiff_t begin, std::ptrdiff_t end,
                                             bool decays) {
      adamw_step(network.backend, network.values.data() + begin, state.first_moment.data() + begin,
                 state.second_moment.data() + begin, network.gradients.data() + begin,
                 {learning_rate, c.beta1, c.beta2, c.epsilon, decays ? c.weight_decay : 0,
                  correction1, correction2, gradient_scale},
                 end - begin);
    });
  }
};

}  // namespace moenda::optimizer
