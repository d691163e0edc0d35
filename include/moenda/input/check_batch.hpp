// SPDX-License-Identifier: Apache-2.0
#pragma once
#include "moenda/core/context.hpp"
#include "moenda/module/parts.hpp"

namespace moenda {

/// Lets an input, or the one that it chose, refuse what it cannot read: throws DataError. An input
/// that wants to has check_batch(config, batch).
template <class M, class C>
void check_batch(C const& config, Batch const& batch) {
  if constexpr (requires { M::check_batch(config, batch); }) {
    M::check_batch(config, batch);
  } else {
    static_assert(!names_check_batch<M>,
                  "check_batch: it must be callable as check_batch(config, batch), with a Batch; "
                  "nobody calls any other");
  }
  if constexpr (has_parts<M>) {
    M::parts([&]<class P>(Part<P> const&, auto const& of_part) { check_batch<P>(of_part, batch); },
             inside<M>(config, {}), config);
  }
}

}  // namespace moenda
