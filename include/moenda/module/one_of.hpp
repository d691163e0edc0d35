// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <array>
#include <cstddef>
#include <tuple>
#include <type_traits>
#include <utility>
#include <variant>

#include "moenda/core/context.hpp"
#include "moenda/module/facts.hpp"
#include "moenda/module/per_layer.hpp"

namespace moenda {

/// The place of M among the alternatives.
template <class M, std::size_t I>
struct Alternative {
  using Module = M;
  static constexpr std::size_t index = I;
};

/// What modules share that are one of several: which one is seen from the Params. Choices is their
/// Config; its at<I>() is that of alternative I.
template <class Choices, class... Ms>
struct Alternatives {
  using Config = Choices;
  template <std::size_t I>
  using Nth = std::tuple_element_t<I, std::tuple<Ms...>>;
  template <class B>
  struct Params {
    std::variant<typename Ms::template Params<B>...> choice;
  };
  template <class B>
  struct Cache {
    std::variant<typename Ms::template Cache<B>...> choice;
  };

  /// Calls f(Alternative<M, I>, config of M) for alternative I = index.
  template <class F>
  static constexpr decltype(auto) visit_at(std::size_t index, Config const& c, F&& f) {
    return visit_from<0>(index, c, f);
  }

  // What every alternative returns; spelled out because g++ 12.2 crashes on a trailing decltype
  // that names `in...` in a static member template.
  template <class B, class... In>
  using Forward = decltype(Nth<0>::forward(
      std::declval<Context<B>&>(), std::declval<typename Nth<0>::Config const&>(),
      std::declval<typename Nth<0>::template Params<B> const&>(),
      std::declval<typename Nth<0>::template Cache<B>&>(), std::declval<In>()...));

  static constexpr void parts(auto&& f, Setting const&, Config const& c, auto& first, auto&... of) {
    visit_at(first.choice.index(), c,
             [&]<class M, std::size_t I>(Alternative<M, I>, auto const& chosen) {
               f(part<M>(), chosen, std::get<I>(first.choice), std::get<I>(of.choice)...);
             });
  }
  template <class B, class... In>
  static Forward<B, In...> forward(Context<B>& ctx, Config const& c, Params<B> const& p,
                                   Cache<B>& cache, In... in) {
    return visit_at(p.choice.index(), c,
                    [&]<class M, std::size_t I>(Alternative<M, I>, auto const& chosen) {
                      return M::forward(ctx, chosen, std::get<I>(p.choice),
                                        cache.choice.template emplace<I>(), in...);
                    });
  }
  template <class B, class... In>
  static Tensor<B> backward(Context<B>& ctx, Config const& c, Params<B> const& p,
                            Params<B> const& grads, Cache<B>& cache, In... in) {
    return visit_at(
        p.choice.index(), c, [&]<class M, std::size_t I>(Alternative<M, I>, auto const& chosen) {
          return M::backward(ctx, chosen, std::get<I>(p.choice), std::get<I>(grads.choice),
                             std::get<I>(cache.choice), in...);
        });
  }

 protected:
  /// The Params of alternative `index`, made by make(Alternative<M, I>, config of M).
  template <class B, class F>
  static constexpr Params<B> params_at(std::size_t index, Config const& c, F make) {
    return visit_at(index, c,
                    [&]<class M, std::size_t I>(Alternative<M, I> which, auto const& chosen) {
                      return Params<B>{
                          decltype(Params<B>::choice){std::in_place_index<I>, make(which, chosen)}};
                    });
  }

 private:
  template <std::size_t I, class F>
  static constexpr decltype(auto) visit_from(std::size_t index, Config const& c, F& f) {
    if constexpr (I + 1 == sizeof...(Ms)) {
      return f(Alternative<Nth<I>, I>{}, c.template at<I>());
    } else {
      if (index == I) return f(Alternative<Nth<I>, I>{}, c.template at<I>());
      return visit_from<I + 1>(index, c, f);
    }
  }
};

/// The config of one of several modules: that of the chosen one.
template <class... Ms>
struct ChoiceOf {
  std::variant<typename Ms::Config...> choice;
  static constexpr std::array<char const*, sizeof...(Ms)> names{Ms::name...};

  ChoiceOf() = default;
  /// The alternative whose Config this is. When two share one, say OneOf::choose<M>(config).
  template <class C>
  requires(std::is_same_v<C, typename Ms::Config> || ...) constexpr ChoiceOf(C chosen)
      : choice(std::move(chosen)) {}
  template <std::size_t I, class C>
  constexpr ChoiceOf(std::in_place_index_t<I> index, C chosen) : choice(index, std::move(chosen)) {}

  template <std::size_t I>
  [[nodiscard]] constexpr auto const& at() const {
    return std::get<I>(choice);
  }
};

/// One of several modules of the same role, chosen by the config at run time: itself a module of
/// that role. It turns the cross product of choices into a sum: n + m instantiations instead of n *
/// m.
template <class... Ms>
struct OneOf : Alternatives<ChoiceOf<Ms...>, Ms...> {
  using Base = Alternatives<ChoiceOf<Ms...>, Ms...>;
  using Config = ChoiceOf<Ms...>;
  template <class B>
  using Params = typename Base::template Params<B>;
  static constexpr char const* name = "one_of";
  static constexpr auto const& names = Config::names;

  /// The config that picks M.
  template <class M>
  [[nodiscard]] static constexpr Config choose(typename M::Config chosen = {}) {
    return Config(std::in_place_index<index_of<M>>, std::move(chosen));
  }
  /// Calls f(Alternative<M, I>, config of M) for the chosen M.
  template <class F>
  static constexpr decltype(auto) visit(Config const& c, F&& f) {
    return Base::visit_at(c.choice.index(), c, f);
  }

  using Base::parts;
  static constexpr void parts(auto&& f, Setting const&, Config const& c) {
    visit(c, [&]<class M, std::size_t I>(Alternative<M, I>, auto const& chosen) {
      f(part<M>(), chosen);
    });
  }
  template <class B, class... In>
  static constexpr typename Base::template Params<B> params(Config const& c, In... in) {
    return Base::template params_at<B>(
        c.choice.index(), c, [&]<class M, std::size_t I>(Alternative<M, I>, auto const& chosen) {
          return M::template params<B>(chosen, in...);
        });
  }
  /// Of a layer.
  template <class B>
  static constexpr typename Base::template Params<B> params(Config const& c, int width,
                                                            LayerIndex layer) {
    return Base::template params_at<B>(
        c.choice.index(), c, [&]<class M, std::size_t I>(Alternative<M, I>, auto const& chosen) {
          return layer_params<M, B>(chosen, width, layer);
        });
  }
  /// The verb that only positions have.
  template <class B>
  static void rotate(Context<B>& ctx, Config const& c, Tensor<B> x, int head_dim, int sign) {
    visit(c, [&]<class M, std::size_t I>(Alternative<M, I>, auto const& chosen) {
      M::rotate(ctx, chosen, x, head_dim, sign);
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
};

template <class M>
inline constexpr bool is_one_of = false;
template <class... Ms>
inline constexpr bool is_one_of<OneOf<Ms...>> = true;

}  // namespace moenda
