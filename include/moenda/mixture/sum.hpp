// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <array>
#include <utility>

#include "moenda/mixture/experts.hpp"
#include "moenda/module/concepts.hpp"
#include "moenda/module/name.hpp"
#include "moenda/module/per_layer.hpp"
#include "moenda/ops/elementwise/add.hpp"
#include "moenda/ops/memory.hpp"

namespace moenda {

/// y = M_1(x) + M_2(x) + ...   Shared experts, which every token visits, are
/// Sum<Mixture<...>, expert::SwiGlu>: Dai et al. 2024, "DeepSeekMoE", eq. 9. K_s shared experts of
/// width h are one of width K_s * h. In TOML each part has a table under its module's name.
template <LayerLike... Ms>
struct Sum {
  static constexpr char const* name = "sum";

  using Config = SideBySide<Ms...>;
  template <class B>
  struct Params {
    hana::tuple<typename Ms::template Params<B>...> groups;
    static constexpr std::array<char const*, sizeof...(Ms)> names{Ms::name...};
  };
  template <class B>
  struct Cache {
    hana::tuple<typename Ms::template Cache<B>...> groups;
  };

  static constexpr void parts(auto&& f, Setting const&, Config const& c, auto&... of) {
    each([&]<class M>(auto i, Term<M>) { f(part<M>(M::name), c.groups[i], of.groups[i]...); });
  }
  template <class B>
  static constexpr Params<B> params(Config const& c, int width, LayerIndex layer = {}) {
    Params<B> p;
    each([&]<class M>(auto i, Term<M>) {
      p.groups[i] = layer_params<M, B>(c.groups[i], width, layer);
    });
    return p;
  }
  template <class B>
  static Tensor<B> forward(Context<B>& ctx, Config const& c, Params<B> const& p, Cache<B>& cache,
                           Tensor<B> x) {
    Tensor<B> y;  // [tokens, width]
    each([&]<class M>(auto i, Term<M>) {
      auto const part = M::forward(ctx, c.groups[i], p.groups[i], cache.groups[i], x);
      if constexpr (decltype(i)::value == 0) {
        y = part;
      } else if constexpr (decltype(i)::value == 1) {
        y = ops::add(ctx, y, part);  // not in place: a part may be x itself, or kept in a cache
      } else {
        ops::accumulate(ctx, y, part);
      }
    });
    return y;
  }
  template <class B>
  static Tensor<B> backward(Context<B>& ctx, Config const& c, Params<B> const& p,
                            Params<B> const& grads, Cache<B>& cache, Tensor<B> dy) {
    Tensor<B> dx;  // [tokens, width]
    each([&]<class M>(auto i, Term<M>) {
      auto const part =
          M::backward(ctx, c.groups[i], p.groups[i], grads.groups[i], cache.groups[i], dy);
      if constexpr (decltype(i)::value == 0) {
        dx = part;
      } else {
        ops::accumulate(ctx, dx, part);
      }
    });
    return dx;
  }

 private:
  template <class M>
  struct Term {};
  template <class F>
  static constexpr void each(F f) {
    [&]<std::size_t... I>(std::index_sequence<I...>) { (f(hana::size_c<I>, Term<Ms>{}), ...); }
    (std::index_sequence_for<Ms...>{});
  }
  static_assert(sizeof...(Ms) > 0, "Sum: name at least one layer, such as a Mixture<...>");
  static_assert(names_differ(Params<Shapes>::names),
                "Sum: every part needs a name of its own, or a file could not tell them apart");
};

}  // namespace moenda
