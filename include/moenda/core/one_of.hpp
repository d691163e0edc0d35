// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <array>
#include <cstddef>
#include <tuple>
#include <type_traits>
#include <utility>
#include <variant>

#include "moenda/core/after_step.hpp"
#include "moenda/core/context.hpp"
#include "moenda/core/fit.hpp"
#include "moenda/core/per_layer.hpp"
#include "moenda/core/rules.hpp"

namespace moenda {

/// One of several modules of the same role, chosen by the config at run time: itself a module of
/// that role. It turns the cross product of choices into a sum: n + m instantiations instead of n *
/// m.
template <class... Ms>
struct OneOf {
  static constexpr char const* name = "one_of";
  static constexpr std::array<char const*, sizeof...(Ms)> names{Ms::name...};
  template <std::size_t I>
  using Nth = std::tuple_element_t<I, std::tuple<Ms...>>;

  struct Config {
    std::variant<typename Ms::Config...> choice;
    static constexpr auto const& names = OneOf::names;

    Config() = default;
    /// The alternative whose Config this is. When two share one, say choose<M>(config).
    template <class C>
    requires(std::is_same_v<C, typename Ms::Config> || ...) constexpr Config(C chosen)
        : choice(std::move(chosen)) {}
    template <std::size_t I, class C>
    constexpr Config(std::in_place_index_t<I> index, C chosen) : choice(index, std::move(chosen)) {}
  };
  template <class B>
  struct Params {
    std::variant<typename Ms::template Params<B>...> choice;
  };
  template <class B>
  struct Cache {
    std::variant<typename Ms::template Cache<B>...> choice;
  };

  /// The config that picks M.
  template <class M>
  [[nodiscard]] static constexpr Config choose(typename M::Config chosen = {}) {
    return Config(std::in_place_index<index_of<M>>, std::move(chosen));
  }

  /// Calls f(At<M, I>, config of M) for the chosen M.
  template <class M, std::size_t I>
  struct At {
    using Module = M;
    static constexpr std::size_t index = I;
  };
  template <class F>
  static constexpr decltype(auto) visit(Config const& c, F&& f) {
    return visit_from<0>(c, f);
  }

  // What every alternative returns; spelled out because g++ 12.2 crashes on a trailing decltype
  // that names `in...` in a static member template.
  template <class B, class... In>
  using Forward = decltype(Nth<0>::forward(
      std::declval<Context<B>&>(), std::declval<typename Nth<0>::Config const&>(),
      std::declval<typename Nth<0>::template Params<B> const&>(),
      std::declval<typename Nth<0>::template Cache<B>&>(), std::declval<In>()...));

  template <class B, class... In>
  static constexpr Params<B> params(Config const& c, In... in) {
    return visit(c, [&]<class M, std::size_t I>(At<M, I>, auto const& chosen) {
      return Params<B>{decltype(Params<B>::choice){std::in_place_index<I>,
                                                   M::template params<B>(chosen, in...)}};
    });
  }
  /// The verb that only layers have.
  template <class B>
  static constexpr Params<B> params(Config const& c, int width, LayerIndex layer) {
    return visit(c, [&]<class M, std::size_t I>(At<M, I>, auto const& chosen) {
      return Params<B>{decltype(Params<B>::choice){std::in_place_index<I>,
                                                   layer_params<M, B>(chosen, width, layer)}};
    });
  }
  template <class B, class... In>
  static Forward<B, In...> forward(Context<B>& ctx, Config const& c, Params<B> const& p,
                                   Cache<B>& cache, In... in) {
    return visit(c, [&]<class M, std::size_t I>(At<M, I>, auto const& chosen) {
      return M::forward(ctx, chosen, std::get<I>(p.choice), cache.choice.template emplace<I>(),
                        in...);
    });
  }
  template <class B, class... In>
  static Tensor<B> backward(Context<B>& ctx, Config const& c, Params<B> const& p,
                            Params<B> const& grads, Cache<B>& cache, In... in) {
    return visit(c, [&]<class M, std::size_t I>(At<M, I>, auto const& chosen) {
      return M::backward(ctx, chosen, std::get<I>(p.choice), std::get<I>(grads.choice),
                         std::get<I>(cache.choice), in...);
    });
  }
  /// The verb that only positions have.
  template <class B>
  static void rotate(Context<B>& ctx, Config const& c, Tensor<B> x, int head_dim, int sign) {
    visit(c, [&]<class M, std::size_t I>(At<M, I>, auto const& chosen) {
      M::rotate(ctx, chosen, x, head_dim, sign);
    });
  }

  template <class B>
  static void after_step(StepEnd<B> const& end, Config const& c, Params<B> const& p,
                         Params<B> const& grads) {
    visit(c, [&]<class M, std::size_t I>(At<M, I>, auto const& chosen) {
      moenda::after_step<M>(end, chosen, std::get<I>(p.choice), std::get<I>(grads.choice));
    });
  }

  template <class B, class... In>
  static void fit(TrainingText const& text, Config const& c, Params<B> const& p, In... in) {
    visit(c, [&]<class M, std::size_t I>(At<M, I>, auto const& chosen) {
      moenda::fit<M>(text, chosen, std::get<I>(p.choice), in...);
    });
  }

  // Facts about the chosen module.
  static constexpr RouterTraits traits_for(Config const& c) {
    return visit(c, []<class M, std::size_t I>(At<M, I>, auto const& chosen) {
      return traits_of<M>(chosen);
    });
  }
  static constexpr Granularity granularity_for(Config const& c) {
    return visit(c, []<class M, std::size_t I>(At<M, I>, auto const& chosen) {
      return granularity_of<M>(chosen);
    });
  }
  static constexpr int experts_per_item(Config const& c, int num_experts) {
    return visit(c, [&]<class M, std::size_t I>(At<M, I>, auto const& chosen) {
      return M::experts_per_item(chosen, num_experts);
    });
  }
  static constexpr std::ptrdiff_t idle_parameters(Config const& c, int width,
                                                  LayerIndex layer = {}) {
    return visit(c, [&]<class M, std::size_t I>(At<M, I>, auto const& chosen) {
      return layer_idle_parameters<M>(chosen, width, layer);
    });
  }
  static void check(Config const& c, Setting const& setting, Problems& problems) {
    visit(c, [&]<class M, std::size_t I>(At<M, I>, auto const& chosen) {
      moenda::check<M>(chosen, setting, problems);
    });
  }

 private:
  template <class M>
  static constexpr std::size_t index_of = [] {
    constexpr std::array<bool, sizeof...(Ms)> same{std::is_same_v<M, Ms>...};
    static_assert((std::is_same_v<M, Ms> || ...),
                  "OneOf::choose: M must be one of the alternatives");
    std::size_t i = 0;
    while (!same[i]) ++i;
    return i;
  }();
  template <std::size_t I, class F>
  static constexpr decltype(auto) visit_from(Config const& c, F& f) {
    if constexpr (I + 1 == sizeof...(Ms)) {
      return f(At<Nth<I>, I>{}, std::get<I>(c.choice));
    } else {
      if (c.choice.index() == I) return f(At<Nth<I>, I>{}, std::get<I>(c.choice));
      return visit_from<I + 1>(c, f);
    }
  }
};

}  // namespace moenda
