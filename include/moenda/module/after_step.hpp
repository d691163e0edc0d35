// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <cstdint>
#include <span>
#include <string_view>

#include "moenda/core/random.hpp"
#include "moenda/core/tensor.hpp"
#include "moenda/module/parts.hpp"

namespace moenda {

/// What a module is told once per optimizer step, after the update and before the gradients are
/// cleared: balancing biases move, experts come and go.
template <class B>
struct StepEnd {
  using Scalar = typename B::Scalar;
  B& backend;
  std::uint64_t seed = 1;
  std::int64_t step = 0, steps = 0;       ///< the step that ended (from 0), and how many there are
  Setting at = {};                        ///< where in the model the module is
  Scalar const* values = nullptr;         ///< the flat arena of all parameters
  std::span<Scalar* const> moments = {};  ///< the optimizer's memories, each laid out like it

  /// What a module draws in this layer at this step. `purpose` keeps its draws apart.
  [[nodiscard]] Random random(std::string_view purpose) const {
    return Random(seed, stream_of(purpose) ^
                            Random(std::uint64_t(step), std::uint64_t(at.layer_number())).bits(0));
  }
  /// Part of the training that is over, in 0..1.
  [[nodiscard]] double progress() const {
    return steps == 0 ? 1 : double(step + 1) / double(steps);
  }
  /// The optimizer forgets what it knew of a row of `weight`: the row holds a new expert. `row`:
  /// its number, on the backend; if negative, there is none.
  void forget(Weight<B> const& weight, Scalar const* row) const {
    for (Scalar* moment : moments) {
      clear_row(backend, moment + (weight.data - values), row, weight.cols);
    }
  }
};

/// Tells M and its parts that a step is over. `grads` still holds what the step collected. A module
/// that wants to know has after_step(end, config, params, grads).
template <class M, class B, class C, class P>
void after_step(StepEnd<B> const& end, C const& config, P const& params, P const& grads) {
  if constexpr (requires { M::after_step(end, config, params, grads); }) {
    M::after_step(end, config, params, grads);
  } else {
    static_assert(!names_after_step<M>,
                  "after_step: it must be callable as after_step(end, config, params, grads), with "
                  "a StepEnd; nobody calls any other");
  }
  if constexpr (has_parts<M>) {
    auto const inner = inside<M>(config, end.at);
    M::parts(
        [&]<class Q>(Part<Q> const& part, auto const& of_part, auto const& p, auto const& g) {
          auto of_part_end = end;
          of_part_end.at = part.in(inner);
          after_step<Q>(of_part_end, of_part, p, g);
        },
        inner, config, params, grads);
  }
}

}  // namespace moenda
