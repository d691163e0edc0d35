// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <cstdint>
#include <span>

#include "moenda/module/parts.hpp"

namespace moenda {

/// What modules may know of the training text before the first step, and where in the model they
/// are.
struct TrainingText {
  std::span<std::int64_t const> token_counts = {};  // [vocab_size] how often each id occurs
  Setting at = {};
};

/// Lets M and its parts fill their state from the training text. A module that wants to has
/// fit(text, config, params).
template <class M, class C, class P>
void fit(TrainingText const& text, C const& config, P const& params) {
  if constexpr (requires { M::fit(text, config, params); }) {
    M::fit(text, config, params);
  } else {
    static_assert(!names_fit<M>,
                  "fit: it must be callable as fit(text, config, params), with a TrainingText; "
                  "nobody calls any other");
  }
  if constexpr (has_parts<M>) {
    auto const inner = inside<M>(config, text.at);
    M::parts(
        [&]<class Q>(Part<Q> const& part, auto const& of_part, auto const& p) {
          fit<Q>(TrainingText{text.token_counts, part.in(inner)}, of_part, p);
        },
        inner, config, params);
  }
}

}  // namespace moenda
