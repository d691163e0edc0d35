// SPDX-License-Identifier: Apache-2.0
#pragma once
#include "moenda/core/fields.hpp"
#include "moenda/core/grouped.hpp"
#include "moenda/module/rules.hpp"
#include "moenda/ops/memory.hpp"

namespace moenda::expert {

/// y = 0: the token discards this share of its router weight. Jin et al. 2024, "MoE++",
/// section 3.1. Without parameters, so it costs a fill.
struct Zero {
  static constexpr char const* name = "zero";
  static constexpr Granularity granularity = Granularity::token;  // row by row: any unit will do
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
  static constexpr Params<B> params(Config const&, int /*d_model*/) {
    return {};
  }
  template <class B, class W>
  static Tensor<B> forward(Context<B>& ctx, Config const&, Params<W> const&, Cache<B>&, Rows<B> x) {
    return ops::zeros(ctx, x.rows, x.cols);  // [tokens, d_model]
  }
  template <class B, class W>
  static Tensor<B> backward(Context<B>& ctx, Config const&, Params<W> const&, Params<W> const&,
                            Cache<B>&, Tensor<B> dy) {
    return ops::zeros(ctx, dy.rows, dy.cols);  // [tokens, d_model]
  }
};

}  // namespace moenda::expert
