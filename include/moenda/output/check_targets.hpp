// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <span>

#include "moenda/module/optional_verbs.hpp"

namespace moenda {

/// Lets a model or an output refuse targets that it does not know: throws DataError. One that wants
/// to has check_targets(config, targets).
template <class M, class C>
void check_targets(C const& config, std::span<typename M::Target const> targets) {
  if constexpr (requires { M::check_targets(config, targets); }) {
    M::check_targets(config, targets);
  } else {
    static_assert(!names_check_targets<M>,
                  "check_targets: it must be callable as check_targets(config, targets), with a "
                  "span of its Target; nobody calls any other");
  }
}

}  // namespace moenda
