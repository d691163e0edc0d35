// SPDX-License-Identifier: Apache-2.0
#pragma once
#include "moenda/core/fields.hpp"
#include "moenda/core/weights.hpp"
#include "moenda/expert/activation.hpp"
#include "moenda/ops/linear/grouped_matmul.hpp"

namespace moenda::expert {

/// y = activation(x up^T + up_bias) down^T + down_bias.   GPT-2's feed-forward (Radford et al.
/// 2019), where the biases are optional. An expert of a Mixture, or the dense feed-forward of a
/// block.
struct Ffn {
  static constexpr char const* name = "ffn";
  static constexpr Granularity granularity = Granularity::token;  // row by row: any unit will do
  static constexpr int max_hidden = 1 << 24;
  struct Config {
    int hidden = 0;
    Activation activation = Activation::gelu;
    bool bias = false;  ///< both products add one
    MOENDA_FIELDS(Config, hidden, activation, bias);
  };
  template <class B>
  struct Params {
    Weight<B> up;         // [hidden, d_model]
    Weight<B> down;       // [d_model, hidden]
    Weight<B> up_bias;    // [1, hidden], or [0, hidden] without bias
    Weight<B> down_bias;  // [1, d_model], or [0, d_model]
    MOENDA_FIELDS(Params, up, down, up_bias, down_bias);
  };
  template <class B>
  struct Cache {
    Rows<B> x;        // [tokens, d_model]
    Tensor<B> up, h;  // [tokens, hidden]
  };

  static void check(Config const& c, Setting const& at, Problems& problems) {
    check_feed_forward(c, max_hidden, at, problems);
  }
  template <class B>
  static constexpr Params<B> params(Config const& c, int d_model) {
    return {weights::matrix(c.hidden, d_model), weights::residual(d_model, c.hidden),
            weights::bias(c.hidden, c.bias), weights::bias(d_model, c.bias)};
  }
  template <class B, class W>
  static Tensor<B> forward(Context<B>& ctx, Config const& c, Params<W> const& p, Cache<B>& cache,
                           Rows<B> x) {
    auto up = with_bias(ctx, ops::matmul(ctx, x, p.up), p.up_bias);  // [tokens, hidden]
    auto h = activate(ctx, c.activation, up);                        // [tokens, hidden]
    cache = {x, up, h};
    return with_bias(ctx, ops::matmul(ctx, h, p.down), p.down_bias);  // [tokens, d_model]
  }
  template <class B, class W>
  static Tensor<B> backward(Context<B>& ctx, Config const& c, Params<W> const& p,
                            Params<W> const& grads, Cache<B>& cache, Tensor<B> dy) {
    bias_backward(ctx, dy, grads.down_bias);
    auto dh = ops::matmul_backward(ctx, dy, cache.h, p.down, grads.down);  // [tokens, hidden]
    auto dup = activate_backward(ctx, c.activation, dh, cache.up);         // [tokens, hidden]
    bias_backward(ctx, dup, grads.up_bias);
    return ops::matmul_backward(ctx, dup, cache.x, p.up, grads.up);  // [tokens, d_model]
  }
};

}  // namespace moenda::expert
