// SPDX-License-Identifier: Apache-2.0
#pragma once
#include "moenda/core/fields.hpp"
#include "moenda/module/rules.hpp"
#include "moenda/ops/memory.hpp"
#include "moenda/ops/routing/gather.hpp"

namespace moenda::expert {

/// y = x: the token skips the layer's work and keeps its router weight. Jin et al. 2024, "MoE++",
/// section 3.1 (a copy expert). Without parameters, so it costs a copy.
struct Identity {
  static constexpr char const* name = "identity";
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
  /// x itself where its rows lie in one piece.
  template <class B, class W>
  static Tensor<B> forward(Context<B>& ctx, Config const&, Params<W> const&, Cache<B>&, Rows<B> x) {
    return ops::gather(ctx, x);  // [tokens, d_model]
  }
  template <class B, class W>
  static Tensor<B> backward(Context<B>& ctx, Config const&, Params<W> const&, Params<W> const&,
                            Cache<B>&, Tensor<B> dy) {
    auto dx =
        ctx.tensor(dy.rows, dy.cols);  // [tokens, d_model]; a copy: callers add to it in place
    ops::assign(ctx, dx, dy);
    return dx;
  }
};

}  // namespace moenda::expert
