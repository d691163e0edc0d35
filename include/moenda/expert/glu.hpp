// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <utility>

#include "moenda/core/fields.hpp"
#include "moenda/core/weights.hpp"
#include "moenda/expert/activation.hpp"
#include "moenda/ops/linear/grouped_matmul.hpp"
#include "moenda/ops/memory.hpp"

namespace moenda::expert {

/// y = (activation(x gate^T + gate_bias) * (x up^T + up_bias)) down^T + down_bias.
/// Shazeer 2020, eq. 5 and 6; the biases are optional.
template <Activation activation>
struct Glu {
  static constexpr char const* name = activation == Activation::silu   ? "swiglu"
                                      : activation == Activation::gelu ? "geglu"
                                                                       : "geglu_erf";
  static constexpr Granularity granularity = Granularity::token;  // row by row: any unit will do
  static constexpr int max_hidden = 1 << 24;
  struct Config {
    int hidden = 0;
    bool bias = false;  ///< every product adds one
    MOENDA_FIELDS(Config, hidden, bias);
  };
  template <class B>
  struct Params {
    Weight<B> gate, up;            // [hidden, d_model]
    Weight<B> down;                // [d_model, hidden]
    Weight<B> gate_bias, up_bias;  // [1, hidden], or [0, hidden] without bias
    Weight<B> down_bias;           // [1, d_model], or [0, d_model]
    MOENDA_FIELDS(Params, gate, up, down, gate_bias, up_bias, down_bias);
  };
  template <class B>
  struct Cache {
    Rows<B> x;              // [tokens, d_model]
    Tensor<B> gate, up, h;  // [tokens, hidden]
  };

  static void check(Config const& c, Setting const& at, Problems& problems) {
    check_feed_forward(c, max_hidden, at, problems);
  }
  template <class B>
  static constexpr Params<B> params(Config const& c, int d_model) {
    return {weights::matrix(c.hidden, d_model),   weights::matrix(c.hidden, d_model),
            weights::residual(d_model, c.hidden), weights::bias(c.hidden, c.bias),
            weights::bias(c.hidden, c.bias),      weights::bias(d_model, c.bias)};
  }
  template <class B, class W>
  static Tensor<B> forward(Context<B>& ctx, Config const&, Params<W> const& p, Cache<B>& cache,
                           Rows<B> x) {
    auto gate = with_bias(ctx, ops::matmul(ctx, x, p.gate), p.gate_bias);  // [tokens, hidden]
    auto up = with_bias(ctx, ops::matmul(ctx, x, p.up), p.up_bias);        // [tokens, hidden]
    auto h = multiplied(ctx, gate, up);                                    // [tokens, hidden]
    cache = {x, gate, up, h};
    return with_bias(ctx, ops::matmul(ctx, h, p.down), p.down_bias);  // [tokens, d_model]
  }
  template <class B, class W>
  static Tensor<B> backward(Context<B>& ctx, Config const&, Params<W> const& p,
                            Params<W> const& grads, Cache<B>& cache, Tensor<B> dy) {
    bias_backward(ctx, dy, grads.down_bias);
    auto dh = ops::matmul_backward(ctx, dy, cache.h, p.down, grads.down);  // [tokens, hidden]
    auto [dgate, dup] = multiplied_backward(ctx, dh, cache);               // [tokens, hidden]
    bias_backward(ctx, dgate, grads.gate_bias);
    bias_backward(ctx, dup, grads.up_bias);
    auto dx = ops::matmul_backward(ctx, dgate, cache.x, p.gate, grads.gate);  // [tokens, d_model]
    ops::accumulate(ctx, dx, ops::matmul_backward(ctx, dup, cache.x, p.up, grads.up));
    return dx;
  }

 private:
  /// activation(gate) * up; of silu in one pass.
  template <class B>
  static Tensor<B> multiplied(Context<B>& ctx, Tensor<B> gate, Tensor<B> up) {
    if constexpr (activation == Activation::silu) {
      return ops::swiglu(ctx, gate, up);
    } else {
      return ops::multiply(ctx, activate(ctx, activation, gate), up);
    }
  }
  /// {dgate, dup}
  template <class B>
  static std::pair<Tensor<B>, Tensor<B>> multiplied_backward(Context<B>& ctx, Tensor<B> dh,
                                                             Cache<B> const& cache) {
    if constexpr (activation == Activation::silu) {
      return ops::swiglu_backward(ctx, dh, cache.gate, cache.up);
    } else {
      auto dactive = ops::multiply(ctx, dh, cache.up);  // [tokens, hidden]
      return {activate_backward(ctx, activation, dactive, cache.gate),
              ops::multiply(ctx, dh, activate(ctx, activation, cache.gate))};
    }
  }
};

/// Shazeer 2020, eq. 6: Llama, Mixtral, Qwen.
using SwiGlu = Glu<Activation::silu>;
/// Shazeer 2020, eq. 6, with the tanh form of GELU: Gemma.
using GeGlu = Glu<Activation::gelu>;

}  // namespace moenda::expert
