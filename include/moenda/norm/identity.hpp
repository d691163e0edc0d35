// SPDX-License-Identifier: Apache-2.0
#pragma once
#include "moenda/core/context.hpp"
#include "moenda/core/fields.hpp"

namespace moenda::norm {

/// y = x: no norm at all.
struct Identity {
  static constexpr char const* name = "none";
  struct Config {
    MOENDA_FIELDS(Config);
  };
  template <class B>
  struct Params {
    MOENDA_FIELDS(Params);
  };
  template <class B>
  struct Cache {};

  template <class B>
  static constexpr Params<B> params(Config const&, int) {
    return {};
  }
  template <class B>
  static Tensor<B> forward(Context<B>&, Config const&, Params<B> const&, Cache<B>&, Tensor<B> x) {
    return x;
  }
  template <class B>
  static Tensor<B> backward(Context<B>&, Config const&, Params<B> const&, Params<B> const&,
                            Cache<B>&, Tensor<B> dy) {
    return dy;
  }
};

}  // namespace moenda::norm
