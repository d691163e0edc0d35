// SPDX-License-Identifier: Apache-2.0
#pragma once
#include "moenda/core/fields.hpp"
#include "moenda/core/weights.hpp"
#include "moenda/module/rules.hpp"
#include "moenda/ops/elementwise/activation.hpp"
#include "moenda/ops/linear/grouped_matmul.hpp"
#include "moenda/ops/memory.hpp"

namespace moenda::expert {

/// y = (silu(x gate^T) * (x up^T)) down^T.   Shazeer 2020, eq. 6.
struct SwiGlu {
  static constexpr char const* name = "swiglu";
  static constexpr Granularity granularity = Granularity::token;  // row by row: any unit will do
  static constexpr int max_hidden = 1 << 24;
  struct Config {
    int hidden = 0;
    MOENDA_FIELDS(Config, hidden);
  };
  template <class B>
  struct Params {
    Weight<B> gate, up;  // [hidden, d_model]
    Weight<B> down;      // [d_model, hidden]
    MOENDA_FIELDS(Params, gate, up, down);
  };
  template <class B>
  struct Cache {
    Rows<B> x;              // [tokens, d_model]
    Tensor<B> gate, up, h;  // [tokens, hidden]
  };

  static void check(Config const& c, Setting const&, Problems& problems) {
    problems.expect(c.hidden >= 1 && c.hidden <= max_hidden, "hidden",
                    "in 1.." + std::to_string(max_hidden), c.hidden);
  }
  template <class B>
  static constexpr Params<B> params(Config const& c, int d_model) {
    return {weights::matrix(c.hidden, d_model), weights::matrix(c.hidden, d_model),
            weights::residual(d_model, c.hidden)};
  }
  template <class B, class W>
  static Tensor<B> forward(Context<B>& ctx, Config const&, Params<W> const& p, Cache<B>& cache,
                           Rows<B> x) {
    auto gate = ops::matmul(ctx, x, p.gate);  // [tokens, hidden]
    auto up = ops::matmul(ctx, x, p.up);      // [tokens, hidden]
    auto h = ops::swiglu(ctx, gate, up);      // [tokens, hidden]
    cache = {x, gate, up, h};
    return ops::matmul(ctx, h, p.down);  // [tokens, d_model]
  }
  template <class B, class W>
  static Tensor<B> backward(Context<B>& ctx, Config const&, Params<W> const& p,
                            Params<W> const& grads, Cache<B>& cache, Tensor<B> dy) {
    auto dh = ops::matmul_backward(ctx, dy, cache.h, p.down, grads.down);     // [tokens, hidden]
    auto [dgate, dup] = ops::swiglu_backward(ctx, dh, cache.gate, cache.up);  // [tokens, hidden]
    auto dx = ops::matmul_backward(ctx, dgate, cache.x, p.gate, grads.gate);  // [tokens, d_model]
    ops::accumulate(ctx, dx, ops::matmul_backward(ctx, dup, cache.x, p.up, grads.up));
    return dx;
  }
};

}  // namespace moenda::expert
