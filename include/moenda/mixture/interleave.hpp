// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <algorithm>
#include <vector>

#include "moenda/core/fields.hpp"
#include "moenda/module/concepts.hpp"
#include "moenda/module/one_of.hpp"

namespace moenda {

template <class Sparse, class Dense>
struct InterleaveConfig {
  int every = 2, first = 1;
  typename Sparse::Config sparse{};
  typename Dense::Config dense{};
  std::vector<int> dense_layers{};  ///< that are dense all the same, from 0
  MOENDA_FIELDS(InterleaveConfig, every, first, sparse, dense, dense_layers);

  [[nodiscard]] constexpr bool is_sparse(LayerIndex layer) const {
    return every >= 1 && layer.value >= first && (layer.value - first) % every == 0 &&
           std::find(dense_layers.begin(), dense_layers.end(), layer.value) == dense_layers.end();
  }
  /// Of Sparse (0) or Dense (1).
  template <std::size_t I>
  [[nodiscard]] constexpr auto const& at() const {
    if constexpr (I == 0) {
      return sparse;
    } else {
      return dense;
    }
  }
};

/// A feed-forward that is Sparse in every `every`-th layer from `first` on, and Dense in the
/// others. Lepikhin et al. 2020, section 2.1: every other layer. DeepSeekMoE (Dai et al. 2024): all
/// but the first, every = first = 1. Which of the two a layer has is seen from its Params.
template <LayerLike Sparse, LayerLike Dense>
struct Interleave : Alternatives<InterleaveConfig<Sparse, Dense>, Sparse, Dense> {
  using Base = Alternatives<InterleaveConfig<Sparse, Dense>, Sparse, Dense>;
  using Config = InterleaveConfig<Sparse, Dense>;
  static constexpr char const* name = "interleave";

  using Base::parts;
  /// Both are in the file, though a layer has one.
  static constexpr void parts(auto&& f, Setting const& at, Config const& c) {
    auto sparse = part<Sparse>("sparse");
    auto dense = part<Dense>("dense");
    sparse.count = c.is_sparse({at.layer}) ? 1 : 0;
    dense.count = 1 - sparse.count;
    f(sparse, c.sparse);
    f(dense, c.dense);
  }
  static void check(Config const& c, Setting const& at, Problems& problems) {
    problems.expect(c.every >= 1, "every", "at least 1", c.every);
    problems.expect(c.first >= 0, "first", "at least 0", c.first);
    for (int const layer : c.dense_layers) {
      problems.expect(layer >= 0 && (at.num_layers == 0 || layer < at.num_layers), "dense_layers",
                      "layers of the model, counted from 0", layer);
    }
    problems.expect(at.num_layers == 0 || c.first < at.num_layers, "first",
                    "below num_layers, or no layer is sparse", c.first);
  }
  template <class B>
  static constexpr typename Base::template Params<B> params(Config const& c, int width,
                                                            LayerIndex layer = {}) {
    return Base::template params_at<B>(
        c.is_sparse(layer) ? 0 : 1, c,
        [&]<class M, std::size_t I>(Alternative<M, I>, auto const& chosen) {
          return layer_params<M, B>(chosen, width, layer);
        });
  }
};

}  // namespace moenda
