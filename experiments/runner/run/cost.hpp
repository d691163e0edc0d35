// SPDX-License-Identifier: Apache-2.0
#pragma once
// What a model costs, from its configuration alone.
#include <algorithm>
#include <variant>

#include "runner/run/task.hpp"

namespace moenda::runner {

/// How many keys a query sees, the mean over the positions of a sequence: itself and those nearer
/// than `window` (0: all), before it where attention is causal, else on both sides.
[[nodiscard]] inline double mean_keys(int length, bool causal, int window) {
  if (length <= 0) return 0;
  double const all = length, near = window == 0 ? all : std::min(double(window), all);
  double const before = near * (near + 1) / 2 + (all - near) * near;  // summed, itself included
  return (causal ? before : 2 * before - all) / all;
}

/// Multiplications of one token with keys and values, in all blocks. `attention` is a OneOf's
/// config.
template <class Attention>
[[nodiscard]] double attention_products(Attention const& attention, int num_layers, int length) {
  return std::visit(
      [&](auto const& c) {
        double const width = double(c.num_heads) * c.head_dim;
        return num_layers * 2 * width * mean_keys(length, c.causal, c.window);
      },
      attention.choice);
}

/// The cost of a model of which `looked_up` parameters are a table, not a product. A token's
/// forward pass takes two operations for every other weight that it meets, and for every product of
/// its attention; a training pass costs three times as much.
template <class Model>
[[nodiscard]] ModelCost cost_of(typename Model::Config const& model, double looked_up,
                                double attention) {
  auto const active = Model::active_parameter_count(model);
  return {Model::parameter_count(model), active, 2 * (double(active) - looked_up + attention)};
}

}  // namespace moenda::runner
