// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <cstdint>
#include <span>

namespace moenda {

/// What modules may know of the training text before the first step.
struct TrainingText {
  std::span<std::int64_t const> token_counts = {};  // [vocab_size] how often each id occurs
  int layer = 0;
};

/// Lets M fill its state from the training text, if it wants to. `in` is what the verb needs
/// beside, such as the number of experts.
template <class M, class C, class P, class... In>
void fit(TrainingText const& text, C const& config, P const& params, In... in) {
  if constexpr (requires { M::fit(text, config, params, in...); }) {
    M::fit(text, config, params, in...);
  }
}

}  // namespace moenda
