// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <utility>

#include "moenda/core/context.hpp"
#include "moenda/module/facts.hpp"

namespace moenda {

/// The base of a module that is another one, of the same Config, but for what it defines anew:
///
///   template <class Inner>
///   struct PerSequence : Wraps<Inner> { name, traits, forward, backward };
///
/// A wrapper with keys of its own has them in a Config beside `inner`, says `using Inner`, and
/// names its part.
template <class InnerModule>
struct Wraps {
  using Inner = InnerModule;
  using Config = typename Inner::Config;
  template <class B>
  using Params = typename Inner::template Params<B>;
  template <class B>
  using Cache = typename Inner::template Cache<B>;

  static constexpr void parts(auto&& f, Setting const&, Config const& c, auto&... of) {
    f(part<Inner>(), c, of...);
  }

  // What Inner returns, spelled out because g++ 12.2 crashes on a trailing decltype that names
  // `in...` in a static member template.
  template <class B, class... In>
  using Forward = decltype(Inner::forward(
      std::declval<Context<B>&>(), std::declval<Config const&>(),
      std::declval<typename Inner::template Params<B> const&>(),
      std::declval<typename Inner::template Cache<B>&>(), std::declval<In const&>()...));

  template <class B, class... In>
  requires requires(Config const& c, In... in) { Inner::template params<B>(c, in...); }
  static constexpr typename Inner::template Params<B> params(Config const& c, In... in) {
    return Inner::template params<B>(c, in...);
  }
  template <class B, class... In>
  static Forward<B, In...> forward(Context<B>& ctx, Config const& c,
                                   typename Inner::template Params<B> const& p,
                                   typename Inner::template Cache<B>& cache, In const&... in) {
    return Inner::forward(ctx, c, p, cache, in...);
  }
  template <class B, class In>
  static Tensor<B> backward(Context<B>& ctx, Config const& c,
                            typename Inner::template Params<B> const& p,
                            typename Inner::template Params<B> const& grads,
                            typename Inner::template Cache<B>& cache, In const& d) {
    return Inner::backward(ctx, c, p, grads, cache, d);
  }
};

}  // namespace moenda
