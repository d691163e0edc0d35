// SPDX-License-Identifier: Apache-2.0
#pragma once
#include "moenda/module/concepts.hpp"
#include "moenda/module/name.hpp"

namespace laws {

/// An expert as a user may write one: for its own weights and whole tensors only. A group of it
/// runs one after the other.
template <class Expert>
struct Alone {
  static constexpr char const* name = moenda::joined_name<"alone_", Expert>;
  static constexpr moenda::Granularity granularity = Expert::granularity;
  using Config = typename Expert::Config;
  template <class B>
  using Params = typename Expert::template Params<B>;
  template <class B>
  using Cache = typename Expert::template Cache<B>;

  template <class B>
  static constexpr Params<B> params(Config const& c, int d_model) {
    return Expert::template params<B>(c, d_model);
  }
  template <class B>
  static moenda::Tensor<B> forward(moenda::Context<B>& ctx, Config const& c,
                                   typename Expert::template Params<B> const& p,
                                   typename Expert::template Cache<B>& cache, moenda::Tensor<B> x) {
    return Expert::forward(ctx, c, p, cache, x);
  }
  template <class B>
  static moenda::Tensor<B> backward(moenda::Context<B>& ctx, Config const& c,
                                    typename Expert::template Params<B> const& p,
                                    typename Expert::template Params<B> const& grads,
                                    typename Expert::template Cache<B>& cache,
                                    moenda::Tensor<B> dy) {
    return Expert::backward(ctx, c, p, grads, cache, dy);
  }
};

}  // namespace laws
