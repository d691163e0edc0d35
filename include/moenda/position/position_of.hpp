// SPDX-License-Identifier: Apache-2.0
#pragma once
#include "moenda/module/one_of.hpp"

namespace moenda::position {

/// The position scheme of an attention, for the model that adds it to the embeddings. The attention
/// owns it, so that one key of the configuration switches it; a OneOf of attentions owns a OneOf.
template <class Attention>
struct PositionOf {
  using Module = typename Attention::Position;
  static constexpr typename Module::Config config(typename Attention::Config const& c) {
    return c.position;
  }
};
template <class... Attentions>
struct PositionOf<OneOf<Attentions...>> {
  using Module = OneOf<typename PositionOf<Attentions>::Module...>;
  static constexpr typename Module::Config config(typename OneOf<Attentions...>::Config const& c) {
    return OneOf<Attentions...>::visit(c, [](auto at, auto const& chosen) {
      return typename Module::Config(std::in_place_index<decltype(at)::index>,
                                     PositionOf<typename decltype(at)::Module>::config(chosen));
    });
  }
};

}  // namespace moenda::position
