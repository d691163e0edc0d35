// SPDX-License-Identifier: Apache-2.0
#pragma once
#include "moenda/core/context.hpp"
#include "moenda/ops/shapes.hpp"

namespace moenda::ops {

/// What layer_norm keeps for its backward.
template <class B>
struct LayerNormCache {
  Tensor<B> x;     // [rows, cols]
  Tensor<B> mean;  // [rows, 1]
  Tensor<B> rstd;  // [rows, 1]
};

/// y = (x - mean) / sqrt(var + epsilon) * gain + bias, row by row.   Ba et al. 2016, eq. 4.
/// x [rows, cols], gain and bias [1, cols] -> y [rows, cols].
template <class B>
Tensor<B> layer_norm(Context<B>& ctx, Tensor<B> x, Weight<B> const& gain, Weight<B> const& bias,
                     double epsilon, LayerNormCache<B>& cache) {
  require(x.cols == gain.cols, "layer_norm: x.cols must equal gain.cols", x.cols, gain.cols);
  require(gain.rows == 1, "layer_norm: gain must have one row", gain.rows, 1);
  require_same_shape(bias, gain, "layer_norm: bias and gain");
  cache = {x, ctx.tensor(x.rows, 1), ctx.tensor(x.rows, 1)};
  auto y = ctx.tensor(x.rows, x.cols);  // [rows, cols]
  layer_norm_forward(ctx.backend, y.data, cache.mean.data, cache.rstd.data, x.data,
                     gain.plain("layer_norm: gain"), bias.plain("layer_norm: bias"),
                     typename B::Scalar(epsilon), x.rows, x.cols);
  return y;
}

/// With h = (x - mean) rstd and d = dy gain:   dx = rstd (d - mean(d) - h mean(d h)),
/// dgain += sum_rows dy h,   dbias += sum_rows dy.
template <class B>
Tensor<B> layer_norm_backward(Context<B>& ctx, Tensor<B> dy, LayerNormCache<B> const& cache,
                              Weight<B> const& gain, Weight<B> const& dgain,
                              Weight<B> const& dbias) {
  require_same_shape(dy, cache.x, "layer_norm_backward: dy and x");
  require(dy.cols == gain.cols, "layer_norm_backward: dy.cols must equal gain.cols", dy.cols,
          gain.cols);
  require_same_shape(dgain, gain, "layer_norm_backward: dgain and gain");
  require_same_shape(dbias, gain, "layer_norm_backward: dbias and gain");
  auto dx = ctx.tensor(dy.rows, dy.cols);  // [rows, cols]
  layer_norm_backward(ctx.backend, dx.data, dgain.data, dbias.data, dy.data, cache.mean.data,
                      cache.rstd.data, cache.x.data, gain.plain("layer_norm_backward: gain"),
                      dy.rows, dy.cols);
  return dx;
}

}  // namespace moenda::ops
