// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <variant>

#include "moenda/core/after_step.hpp"
#include "moenda/core/concepts.hpp"
#include "moenda/core/fields.hpp"
#include "moenda/core/fit.hpp"
#include "moenda/core/per_layer.hpp"

namespace moenda {

/// A feed-forward that is Sparse in every `every`-th layer from `first` on, and Dense in the
/// others. Lepikhin et al. 2020, section 2.1: every other layer. DeepSeekMoE (Dai et al. 2024): all
/// but the first, every = first = 1. Which of the two a layer has is seen from its Params.
template <LayerLike Sparse, LayerLike Dense>
struct Interleave {
  static constexpr char const* name = "interleave";
  static constexpr bool looks_ahead = moenda::looks_ahead<Sparse> || moenda::looks_ahead<Dense>;
  struct Config {
    int every = 2, first = 1;
    typename Sparse::Config sparse{};
    typename Dense::Config dense{};
    MOENDA_FIELDS(Config, every, first, sparse, dense);

    [[nodiscard]] constexpr bool is_sparse(LayerIndex layer) const {
      return every >= 1 && layer.value >= first && (layer.value - first) % every == 0;
    }
  };
  template <class B>
  struct Params {
    std::variant<typename Sparse::template Params<B>, typename Dense::template Params<B>> choice;
  };
  template <class B>
  struct Cache {
    std::variant<typename Sparse::template Cache<B>, typename Dense::template Cache<B>> choice;
  };

  static void check(Config const& c, Setting const& setting, Problems& problems) {
    problems.expect(c.every >= 1, "every", "at least 1", c.every);
    problems.expect(c.first >= 0, "first", "at least 0", c.first);
    problems.expect(setting.num_layers == 0 || c.first < setting.num_layers, "first",
                    "below num_layers, or no layer is sparse", c.first);
    problems.in("sparse", [&] { moenda::check<Sparse>(c.sparse, setting, problems); });
    problems.in("dense", [&] { moenda::check<Dense>(c.dense, setting, problems); });
  }
  template <class B>
  static constexpr Params<B> params(Config const& c, int width, LayerIndex layer = {}) {
    return visit(c, !c.is_sparse(layer), [&]<class M, std::size_t I>(At<M, I>, auto const& chosen) {
      return Params<B>{decltype(Params<B>::choice){std::in_place_index<I>,
                                                   layer_params<M, B>(chosen, width, layer)}};
    });
  }
  static constexpr std::ptrdiff_t idle_parameters(Config const& c, int width,
                                                  LayerIndex layer = {}) {
    return visit(c, !c.is_sparse(layer), [&]<class M, std::size_t I>(At<M, I>, auto const& chosen) {
      return layer_idle_parameters<M>(chosen, width, layer);
    });
  }
  template <class B>
  static Tensor<B> forward(Context<B>& ctx, Config const& c, Params<B> const& p, Cache<B>& cache,
                           Tensor<B> x) {
    return visit(c, p.choice.index(), [&]<class M, std::size_t I>(At<M, I>, auto const& chosen) {
      return M::forward(ctx, chosen, std::get<I>(p.choice), cache.choice.template emplace<I>(), x);
    });
  }
  template <class B>
  static Tensor<B> backward(Context<B>& ctx, Config const& c, Params<B> const& p,
                            Params<B> const& grads, Cache<B>& cache, Tensor<B> dy) {
    return visit(c, p.choice.index(), [&]<class M, std::size_t I>(At<M, I>, auto const& chosen) {
      return M::backward(ctx, chosen, std::get<I>(p.choice), std::get<I>(grads.choice),
                         std::get<I>(cache.choice), dy);
    });
  }
  template <class B>
  static void fit(TrainingText const& text, Config const& c, Params<B> const& p) {
    visit(c, p.choice.index(), [&]<class M, std::size_t I>(At<M, I>, auto const& chosen) {
      moenda::fit<M>(text, chosen, std::get<I>(p.choice));
    });
  }
  template <class B>
  static void after_step(StepEnd<B> const& end, Config const& c, Params<B> const& p,
                         Params<B> const& grads) {
    visit(c, p.choice.index(), [&]<class M, std::size_t I>(At<M, I>, auto const& chosen) {
      moenda::after_step<M>(end, chosen, std::get<I>(p.choice), std::get<I>(grads.choice));
    });
  }

 private:
  template <class M, std::size_t I>
  struct At {};
  /// Calls f(At<M, I>, its config) for Sparse (0) or Dense (1).
  template <class F>
  static constexpr decltype(auto) visit(Config const& c, std::size_t index, F&& f) {
    if (index == 0) return f(At<Sparse, 0>{}, c.sparse);
    return f(At<Dense, 1>{}, c.dense);
  }
};

}  // namespace moenda
