// SPDX-License-Identifier: Apache-2.0
#pragma once
// Modules whose sizes depend on the layer they serve.
namespace moenda {

/// A layer of the model, from 0. A type of its own: other verbs take numbers in the same place.
struct LayerIndex {
  int value = 0;
};

/// The Params of M in `layer`. Modules that differ from layer to layer say
/// params(config, width, LayerIndex); others are the same in every layer.
template <class M, class B, class C>
[[nodiscard]] constexpr typename M::template Params<B> layer_params(C const& config, int width,
                                                                    LayerIndex layer) {
  if constexpr (requires { M::template params<B>(config, width, layer); }) {
    return M::template params<B>(config, width, layer);
  } else {
    return M::template params<B>(config, width);
  }
}
}  // namespace moenda
