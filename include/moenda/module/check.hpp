// SPDX-License-Identifier: Apache-2.0
#pragma once
#include "moenda/module/parts.hpp"

namespace moenda {

/// Adds what is wrong with the configs of M's parts, under their keys. Of layers that share a
/// config, the first that is wrong speaks.
template <class M, class C>
void check_parts(C const& config, Setting const& at, Problems& problems);

/// Adds what is wrong with a module's config and those of its parts. A module's own rules are
/// check(config, at, problems).
template <class M, class C>
void check(C const& config, Setting const& at, Problems& problems) {
  if constexpr (requires { M::check(config, at, problems); }) {
    M::check(config, at, problems);
  } else {
    static_assert(!names_check<M>,
                  "check: it must be callable as check(config, at, problems), with a Setting and "
                  "Problems; nobody calls any other");
  }
  if constexpr (has_parts<M>) check_parts<M>(config, at, problems);
}

template <class M, class C>
void check_parts(C const& config, Setting const& at, Problems& problems) {
  auto const before = problems.found().size();
  auto const inner = inside<M>(config, at);
  M::parts(
      [&]<class P>(Part<P> const& part, auto const& of_part) {
        if (part.layer > 0 && problems.found().size() != before) return;
        auto const check_part = [&] { check<P>(of_part, part.in(inner), problems); };
        if (part.key == nullptr) {
          check_part();
        } else {
          problems.in(part.key, check_part);
        }
      },
      inner, config);
}

}  // namespace moenda
