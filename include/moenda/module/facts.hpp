// SPDX-License-Identifier: Apache-2.0
#pragma once
// What modules say about themselves. A module that says nothing and wraps or chooses another
// repeats what that one says: it has one part. Where that is known by the type it has a name,
// `Inner`.
#include <concepts>
#include <optional>

#include "moenda/module/parts.hpp"

namespace moenda {

/// M wraps another module, or chooses one by its config: it has one part, and may repeat what that
/// part says. A module of several parts must speak for itself.
template <class M>
concept WrapsOne = requires {
  typename M::Inner;
};
template <class M>
concept ChoosesOne = requires {
  typename M::Config;
}
&&requires(typename M::Config const& config) { config.choice; };

/// Whether the traits of a router are known at compile time.
template <class R>
inline constexpr bool has_static_traits = false;
template <class R>
requires requires { R::traits; }
inline constexpr bool has_static_traits<R> = true;
template <class R>
requires(
    !requires { R::traits; } &&
    requires {
      typename R::Inner;
    }) inline constexpr bool has_static_traits<R> = has_static_traits<typename R::Inner>;

template <class R>
[[nodiscard]] constexpr RouterTraits static_traits() {
  if constexpr (requires { R::traits; }) {
    return R::traits;
  } else {
    return static_traits<typename R::Inner>();
  }
}
/// The traits of a router: known at compile time unless a OneOf is involved.
template <class R, class C>
[[nodiscard]] constexpr RouterTraits traits_of(C const& config) {
  if constexpr (requires { R::traits; }) {
    return R::traits;
  } else if constexpr (requires { R::traits_for(config); }) {
    return R::traits_for(config);
  } else {
    static_assert(!names_traits_for<R>,
                  "traits_for: it must be callable as traits_for(config); nobody calls any other");
    RouterTraits traits;
    R::parts([&]<class Q>(Part<Q> const&, auto const& c) { traits = traits_of<Q>(c); }, Setting{},
             config);
    return traits;
  }
}

/// How many of num_experts experts an item gets.
template <class R, class C>
[[nodiscard]] constexpr int experts_per_item(C const& config, int num_experts) {
  if constexpr (requires { R::experts_per_item(config, num_experts); }) {
    return R::experts_per_item(config, num_experts);
  } else {
    static_assert(!names_experts_per_item<R>,
                  "experts_per_item: it must be callable as experts_per_item(config, num_experts); "
                  "nobody calls any other");
    int experts = 0;
    R::parts([&]<class Q>(Part<Q> const&,
                          auto const& c) { experts = experts_per_item<Q>(c, num_experts); },
             Setting{}, config);
    return experts;
  }
}
/// Whether R can say it.
template <class R>
inline constexpr bool says_experts_per_item = WrapsOne<R> || ChoosesOne<R> ||
                                              requires(typename R::Config const& config, int n) {
  { R::experts_per_item(config, n) } -> std::convertible_to<int>;
};

/// The unit an expert needs.
template <class E, class C>
[[nodiscard]] constexpr Granularity granularity_of(C const& config) {
  if constexpr (requires { E::granularity; }) {
    return E::granularity;
  } else if constexpr (requires { E::granularity_for(config); }) {
    return E::granularity_for(config);
  } else {
    static_assert(!names_granularity_for<E>,
                  "granularity_for: it must be callable as granularity_for(config); nobody calls "
                  "any other");
    Granularity granularity = Granularity::token;
    E::parts([&]<class Q>(Part<Q> const&, auto const& c) { granularity = granularity_of<Q>(c); },
             Setting{}, config);
    return granularity;
  }
}
/// Whether E can say it.
template <class E>
inline constexpr bool says_granularity = WrapsOne<E> || ChoosesOne<E> || requires {
  E::granularity;
}
|| requires(typename E::Config const& config) { E::granularity_for(config); };
/// The same where the type alone shows it.
template <class E>
[[nodiscard]] constexpr std::optional<Granularity> static_granularity() {
  if constexpr (requires { E::granularity; }) {
    return E::granularity;
  } else if constexpr (requires { typename E::Inner; }) {
    return static_granularity<typename E::Inner>();
  } else {
    return std::nullopt;
  }
}

template <class... Ms>
struct OneOf;
namespace detail {

template <class M>
consteval bool looks_ahead();
template <class M>
inline constexpr bool argument_looks_ahead = false;
template <template <class...> class Composite, class... Ms>
inline constexpr bool argument_looks_ahead<Composite<Ms...>> = (looks_ahead<Ms>() || ... || false);
template <class... Ms>
inline constexpr bool argument_looks_ahead<OneOf<Ms...>> = false;  // known when one is chosen

template <class M>
consteval bool looks_ahead() {
  if constexpr (requires {
                  { M::looks_ahead } -> std::convertible_to<bool>;
                }) {
    return M::looks_ahead;
  } else if constexpr (has_static_traits<M>) {
    return static_traits<M>().breaks_causality();
  } else {
    return argument_looks_ahead<M>;
  }
}

}  // namespace detail
/// True when a module is known at compile time to look at later tokens, and nobody allowed it: a
/// router by its traits, a module that is made of others when one of them does.
template <class M>
inline constexpr bool looks_ahead = detail::looks_ahead<M>();

/// Whether a token's route depends on later tokens at evaluation, allowed or not.
template <class M, class C>
[[nodiscard]] constexpr bool sees_later_tokens(C const& config, Setting const& at = {}) {
  if constexpr (has_static_traits<M> || requires { M::traits_for(config); }) {
    return !traits_of<M>(config).causal_at_evaluation;
  } else {
    bool sees = false;
    if constexpr (has_parts<M>) {
      auto const inner = inside<M>(config, at);
      M::parts(
          [&]<class P>(Part<P> const& part, auto const& of_part) {
            sees = sees || (part.count > 0 && sees_later_tokens<P>(of_part, part.in(inner)));
          },
          inner, config);
    }
    return sees;
  }
}

/// Whether some items of M are dispatched to experts, of which each takes as many as its capacity
/// allows: whether there is a Mixture in it.
template <class M, class C>
[[nodiscard]] constexpr bool has_mixture(C const& config, Setting const& at = {}) {
  if constexpr (requires { config.capacity_factor; }) {
    return true;
  } else {
    bool has = false;
    if constexpr (has_parts<M>) {
      auto const inner = inside<M>(config, at);
      M::parts(
          [&]<class P>(Part<P> const& part, auto const& of_part) {
            has = has || (part.count > 0 && has_mixture<P>(of_part, part.in(inner)));
          },
          inner, config);
    }
    return has;
  }
}

}  // namespace moenda
