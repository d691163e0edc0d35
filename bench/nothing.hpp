// SPDX-License-Identifier: Apache-2.0
#pragma once
#include "moenda/core/fields.hpp"
#include "moenda/core/grouped.hpp"
#include "moenda/module/concepts.hpp"

namespace moenda::bench {

/// An expert without work: what a mixture of these takes is routing, and nothing else.
struct Nothing {
  static constexpr char const* name = "nothing";
  static constexpr Granularity granularity = Granularity::token;
  struct Config {
    MOENDA_FIELDS(Config);
  };
  template <class B>
  struct Params {
    MOENDA_FIELDS(Params);
  };
  template <class B>
  struct Cache {};
  static void check(Config const&, Setting const&, Problems&) {}
  template <class B>
  static constexpr Params<B> params(Config const&, int) {
    return {};
  }
  template <class B, class W>
  static Tensor<B> forward(Context<B>& ctx, Config const&, Params<W> const&, Cache<B>&, Rows<B> x) {
    return ctx.tensor(x.rows, x.cols);  // [rows, d_model]
  }
  template <class B, class W>
  static Tensor<B> backward(Context<B>&, Config const&, Params<W> const&, Params<W> const&,
                            Cache<B>&, Tensor<B> dy) {
    return dy;
  }
};

}  // namespace moenda::bench
