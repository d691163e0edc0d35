// SPDX-License-Identifier: Apache-2.0
#pragma once
#include "moenda/core/fields.hpp"
#include "moenda/core/weights.hpp"
#include "moenda/module/rules.hpp"
#include "moenda/ops/elementwise/activation.hpp"
#include "moenda/ops/linear/grouped_matmul.hpp"

namespace moenda::expert {

/// y = gelu(x up^T) down^T.   GPT-2's feed-forward (Radford et al. 2019) without biases. An expert
/// of a Mixture, or the dense feed-forward of a block.
struct Ffn {
  static constexpr char const* name = "ffn";
  static constexpr Granularity granularity = Granularity::token;  // row by row: any unit will do
  static constexpr int max_hidden = 1 << 24;
  struct Config {
    int hidden = 0;
    MOENDA_FIELDS(Config, hidden);
  };
  template <class B>
  struct Params {
    Weight<B> up;    // [hidden, d_model]
    Weight<B> down;  // [d_model, hidden]
    MOENDA_FIELDS(Params, up, down);
  };
  template <class B>
  struct Cache {
    Rows<B> x;        // [tokens, d_model]
    Tensor<B> up, h;  // [tokens, hidden]
  };

  static void check(Config const& c, Setting const&, Problems& problems) {
    problems.expect(c.hidden >= 1 && c.hidden <= max_hidden, "hidden",
                    "in 1.." + std::to_string(max_hidden), c.hidden);
  }
  template <class B>
  static constexpr Params<B> params(Config const& c, int d_model) {
    return {weights::matrix(c.hidden, d_model), weights::residual(d_model, c.hidden)};
  }
  template <class B, class W>
  static Tensor<B> forward(Context<B>& ctx, Config const&, Params<W> const& p, Cache<B>& cache,
                           Rows<B> x) {
    auto up = ops::matmul(ctx, x, p.up);  // [tokens, hidden]
    auto h = ops::gelu(ctx, up);          // [tokens, hidden]
    cache = {x, up, h};
    return ops::matmul(ctx, h, p.down);  // [tokens, d_model]
  }
  template <class B, class W>
  static Tensor<B> backward(Context<B>& ctx, Config const&, Params<W> const& p,
                            Params<W> const& grads, Cache<B>& cache, Tensor<B> dy) {
    auto dh = ops::matmul_backward(ctx, dy, cache.h, p.down, grads.down);  // [tokens, hidden]
    auto dup = ops::gelu_backward(ctx, dh, cache.up);                      // [tokens, hidden]
    return ops::matmul_backward(ctx, dup, cache.x, p.up, grads.up);        // [tokens, d_model]
  }
};

}  // namespace moenda::expert
