// SPDX-License-Identifier: Apache-2.0
// A router that cannot route.
// says: RouterLike
// says: R::forward(ctx, config, params, cache, x, n)
#include "models.hpp"
using namespace compile_fail;

struct Broken {
  static constexpr char const* name = "broken";
  static constexpr RouterTraits traits{};
  struct Config {
    MOENDA_FIELDS(Config);
  };
  template <class B>
  struct Params {
    MOENDA_FIELDS(Params);
  };
  template <class B>
  struct Cache {};
  static int experts_per_item(Config const&, int) { return 1; }
  template <class B>
  static constexpr Params<B> params(Config const&, int, int) {
    return {};
  }
#ifndef MOENDA_MUST_FAIL
  template <class B>
  static Gates<B> forward(Context<B>&, Config const&, Params<B> const&, Cache<B>&, Tensor<B>, int);
#endif
  template <class B>
  static Tensor<B> backward(Context<B>&, Config const&, Params<B> const&, Params<B> const&,
                            Cache<B>&, GatesGrad<B> const&);
};
Model<Broken, expert::Ffn>::Config config;
