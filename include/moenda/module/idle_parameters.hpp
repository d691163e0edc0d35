// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <cstddef>

#include "moenda/module/parts.hpp"

namespace moenda {

/// Weights that one item does not use, such as those of experts it was not sent to. A module that
/// has a number of its own, idle_parameters(config, at), answers for its parts too; of others the
/// parts are summed. `at.d_model` is the width.
template <class M, class C>
[[nodiscard]] constexpr std::ptrdiff_t idle_parameters(C const& config, Setting const& at) {
  if constexpr (requires { M::idle_parameters(config, at); }) {
    return M::idle_parameters(config, at);
  } else {
    static_assert(!names_idle_parameters<M>,
                  "idle_parameters: it must be callable as idle_parameters(config, at), with a "
                  "Setting; nobody calls any other");
    std::ptrdiff_t idle = 0;
    if constexpr (has_parts<M>) {
      auto const inner = inside<M>(config, at);
      M::parts(
          [&]<class P>(Part<P> const& part, auto const& of_part) {
            if (part.count > 0) idle += part.count * idle_parameters<P>(of_part, part.in(inner));
          },
          inner, config);
    }
    return idle;
  }
}

}  // namespace moenda
