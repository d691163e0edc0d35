// SPDX-License-Identifier: Apache-2.0
#pragma once
// A module that is made of modules names them once, in a function that every verb walks over:
//
//   static constexpr void parts(auto&& f, Setting const& at, Config const& c, auto&... of) {
//     f(part<Router>("router"), c.router, of.router...);
//     f(part<Set>("experts"), c.experts, of.experts...);
//   }
//
// `of` are its Params, those of the gradients, ... : as many as the verb has, or none. `at` is what
// surrounds the parts. A verb (check, fit, after_step, idle_parameters) does what the module itself
// has to do, then the same with each part, so a module writes a verb only where it has something of
// its own to say.
#include "moenda/module/optional_verbs.hpp"
#include "moenda/module/rules.hpp"

namespace moenda {

/// A part of a module.
template <class M>
struct Part {
  using Module = M;
  char const* key = nullptr;  ///< of its config in that of the module; null: it is all of that
  int layer = -1;             ///< it is in this layer; -1: in that of the module
  int layers_before = -1;     ///< it is a layer by itself, after so many; -1: it is not
  int count = 1;              ///< one config may stand for so many parts, or for none

  /// What surrounds it, given what surrounds the parts of the module.
  [[nodiscard]] constexpr Setting in(Setting at) const {
    if (layer >= 0) at.layer = layer;
    if (layers_before >= 0) at.num_layers = 1, at.layer = 0, at.layers_before = layers_before;
    return at;
  }
};
template <class M>
[[nodiscard]] constexpr Part<M> part(char const* key = nullptr) {
  return {key};
}

/// Accepts every part and does nothing.
struct NoVerb {
  template <class M>
  constexpr void operator()(Part<M>, auto const&...) const {}
};
/// M names parts.
template <class M>
concept NamesParts = requires {
  typename M::Config;
}
&&requires(NoVerb f, Setting const& at, typename M::Config const& config) {
  M::parts(f, at, config);
};
template <class M>
inline constexpr bool has_parts = [] {
  static_assert(NamesParts<M> || !names_parts<M>,
                "parts: it must be callable as parts(f, at, config) and with Params behind, for a "
                "function of parts, a Setting and the Config; nobody calls any other");
  return NamesParts<M>;
}();

/// What surrounds the parts of M, where `at` surrounds M.
template <class M, class C>
[[nodiscard]] constexpr Setting inside(C const& config, Setting const& at) {
  if constexpr (requires { M::inside(config, at); }) {
    return M::inside(config, at);
  } else {
    static_assert(!names_inside<M>,
                  "inside: it must be callable as inside(config, at), with a Setting; nobody calls "
                  "any other");
    return at;
  }
}

}  // namespace moenda
