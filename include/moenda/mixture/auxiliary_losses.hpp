// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <array>
#include <utility>

#include "moenda/mixture/experts.hpp"
#include "moenda/module/concepts.hpp"

namespace moenda {

/// What a loss keeps that has nothing to keep.
struct NoState {
  MOENDA_FIELDS(NoState);
};

/// The auxiliary losses of a mixture, side by side. A loss may have state, a Params of weights of
/// kind state, and then two more verbs: params(config, num_experts), and collect(ctx, config,
/// grads, gates), which adds up in backward what its later passes of the optimizer step want to
/// know.
template <LossLike... Ls>
struct AuxiliaryLosses {
  using Config = SideBySide<Ls...>;

  template <class L, class B>
  static auto state_of() {
    if constexpr (requires { typename L::template Params<B>; }) {
      return typename L::template Params<B>{};
    } else {
      return NoState{};
    }
  }
  template <class B>
  struct Params {
    hana::tuple<decltype(state_of<Ls, B>())...> groups;
    static constexpr std::array<char const*, sizeof...(Ls)> names{Ls::name...};
  };

  static constexpr void parts(auto&& f, Setting const&, Config const& c, auto&... of) {
    each([&](auto i, auto loss) {
      using L = typename decltype(loss)::type;
      f(part<L>(L::name), c.groups[i], of.groups[i]...);
    });
  }
  /// Whether one that balances is on.
  static constexpr bool balance(Config const& c) {
    bool on = false;
    each([&](auto i, auto loss) {
      using L = typename decltype(loss)::type;
      on = on || (L::balances && L::is_on(c.groups[i]));
    });
    return on;
  }
  /// Whether one is on that needs a router with noise, such as loss::SmoothLoad.
  static constexpr bool need_noise(Config const& c) {
    bool need = false;
    each([&](auto i, auto loss) {
      using L = typename decltype(loss)::type;
      if constexpr (requires { L::needs_noise; }) need = need || L::is_on(c.groups[i]);
    });
    return need;
  }
  template <class B>
  static constexpr Params<B> params(Config const& c, int num_experts) {
    Params<B> p;
    each([&](auto i, auto loss) {
      using L = typename decltype(loss)::type;
      if constexpr (requires { typename L::template Params<B>; }) {
        p.groups[i] = L::template params<B>(c.groups[i], num_experts);
      }
    });
    return p;
  }
  template <class B>
  static void add(Context<B>& ctx, Config const& c, Params<B> const& p, Gates<B> const& gates,
                  GatesGrad<B> const& dgates) {
    each([&](auto i, auto loss) {
      using L = typename decltype(loss)::type;
      if constexpr (requires { typename L::template Params<B>; }) {
        L::add(ctx, c.groups[i], gates, dgates, p.groups[i]);
      } else {
        L::add(ctx, c.groups[i], gates, dgates);
      }
    });
  }
  template <class B>
  static void collect(Context<B>& ctx, Config const& c, Params<B> const& grads,
                      Gates<B> const& gates) {
    each([&](auto i, auto loss) {
      using L = typename decltype(loss)::type;
      if constexpr (requires { typename L::template Params<B>; }) {
        L::collect(ctx, c.groups[i], grads.groups[i], gates);
      }
    });
  }

 private:
  template <class F>
  static constexpr void each(F f) {
    [&]<std::size_t... I>(std::index_sequence<I...>) {
      (f(hana::size_c<I>, hana::type_c<Ls>), ...);
    }
    (std::index_sequence_for<Ls...>{});
  }
};

}  // namespace moenda
