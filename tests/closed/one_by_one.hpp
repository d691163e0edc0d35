// SPDX-License-Identifier: Apache-2.0
#pragma once
#include "moenda/expert/ffn.hpp"

namespace closed {

/// An expert that is not written for the weights of many.
struct OneByOne : moenda::expert::Ffn {
  static constexpr char const* name = "one_by_one";
  template <class B>
  static moenda::Tensor<B> forward(moenda::Context<B>& ctx, Config const& c, Params<B> const& p,
                                   Cache<B>& cache, moenda::Tensor<B> x) {
    return Ffn::forward(ctx, c, p, cache, x);
  }
  template <class B>
  static moenda::Tensor<B> backward(moenda::Context<B>& ctx, Config const& c, Params<B> const& p,
                                    Params<B> const& grads, Cache<B>& cache, moenda::Tensor<B> dy) {
    return Ffn::backward(ctx, c, p, grads, cache, dy);
  }
};

}  // namespace closed
