// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <utility>

#include "moenda/core/context.hpp"
#include "moenda/ops/shapes.hpp"

namespace moenda::ops {

/// y = x/2 (1 + tanh(sqrt(2/pi) (x + 0.044715 x^3))).   Hendrycks & Gimpel 2016, section 2.
template <class B>
Tensor<B> gelu(Context<B>& ctx, Tensor<B> x) {
  auto y = ctx.tensor(x.rows, x.cols);  // as x
  gelu_forward(ctx.backend, y.data, x.data, x.size());
  return y;
}
template <class B>
Tensor<B> gelu_backward(Context<B>& ctx, Tensor<B> dy, Tensor<B> x) {
  require_same_shape(dy, x, "gelu_backward: dy and x");
  auto dx = ctx.tensor(x.rows, x.cols);  // as x
  gelu_backward(ctx.backend, dx.data, dy.data, x.data, x.size());
  return dx;
}

/// y = x Phi(x) = x/2 (1 + erf(x / sqrt(2))).   Hendrycks & Gimpel 2016, eq. 1.
template <class B>
Tensor<B> gelu_erf(Context<B>& ctx, Tensor<B> x) {
  auto y = ctx.tensor(x.rows, x.cols);  // as x
  gelu_erf_forward(ctx.backend, y.data, x.data, x.size());
  return y;
}
template <class B>
Tensor<B> gelu_erf_backward(Context<B>& ctx, Tensor<B> dy, Tensor<B> x) {
  require_same_shape(dy, x, "gelu_erf_backward: dy and x");
  auto dx = ctx.tensor(x.rows, x.cols);  // as x
  gelu_erf_backward(ctx.backend, dx.data, dy.data, x.data, x.size());
  return dx;
}

/// y = x sigmoid(x).   Elfwing et al. 2017, eq. 3.
template <class B>
Tensor<B> silu(Context<B>& ctx, Tensor<B> x) {
  auto y = ctx.tensor(x.rows, x.cols);  // as x
  silu_forward(ctx.backend, y.data, x.data, x.size());
  return y;
}
template <class B>
Tensor<B> silu_backward(Context<B>& ctx, Tensor<B> dy, Tensor<B> x) {
  require_same_shape(dy, x, "silu_backward: dy and x");
  auto dx = ctx.tensor(x.rows, x.cols);  // as x
  silu_backward(ctx.backend, dx.data, dy.data, x.data, x.size());
  return dx;
}

/// y = silu(gate) up, element by element.   Shazeer 2020, eq. 6 without the last matrix.
template <class B>
Tensor<B> swiglu(Context<B>& ctx, Tensor<B> gate, Tensor<B> up) {
  require_same_shape(gate, up, "swiglu: gate and up");
  auto y = ctx.tensor(gate.rows, gate.cols);  // as gate
  swiglu_forward(ctx.backend, y.data, gate.data, up.data, y.size());
  return y;
}
/// {dgate, dup}
template <class B>
std::pair<Tensor<B>, Tensor<B>> swiglu_backward(Context<B>& ctx, Tensor<B> dy, Tensor<B> gate,
                                                Tensor<B> up) {
  require_same_shape(gate, up, "swiglu_backward: gate and up");
  require_same_shape(dy, gate, "swiglu_backward: dy and gate");
  auto dgate = ctx.tensor(dy.rows, dy.cols);  // as gate
  auto dup = ctx.tensor(dy.rows, dy.cols);    // as up
  swiglu_backward(ctx.backend, dgate.data, dup.data, dy.data, gate.data, up.data, dy.size());
  return {dgate, dup};
}

}  // namespace moenda::ops
