// SPDX-License-Identifier: Apache-2.0
#pragma once
#include "moenda/core/context.hpp"
#include "moenda/ops/shapes.hpp"

namespace moenda::ops {

/// What rms_norm keeps for its backward.
template <class B>
struct RmsNormCache {
  Tensor<B> x;     // [rows, cols]
  Tensor<B> rstd;  // [rows, 1]
};

/// y = x / sqrt(mean(x^2) + epsilon) * gain, row by row.   Zhang & Sennrich 2019, eq. 4.
/// x [rows, cols], gain [1, cols] -> y [rows, cols].
template <class B>
Tensor<B> rms_norm(Context<B>& ctx, Tensor<B> x, Weight<B> const& gain, double epsilon,
                   RmsNormCache<B>& cache) {
  require(x.cols == gain.cols, "rms_norm: x.cols must equal gain.cols", x.cols, gain.cols);
  require(gain.rows == 1, "rms_norm: gain must have one row", gain.rows, 1);
  cache = {x, ctx.tensor(x.rows, 1)};
  auto y = ctx.tensor(x.rows, x.cols);  // [rows, cols]
  rms_norm_forward(ctx.backend, y.data, cache.rstd.data, x.data, gain.plain("rms_norm: gain"),
                   typename B::Scalar(epsilon), x.rows, x.cols);
  return y;
}

/// dx = rstd (dy gain - x rstd^2 mean(dy gain x)),   dgain += sum_rows dy x rstd.
template <class B>
Tensor<B> rms_norm_backward(Context<B>& ctx, Tensor<B> dy, RmsNormCache<B> const& cache,
                            Weight<B> const& gain, Weight<B> const& dgain) {
  require_same_shape(dy, cache.x, "rms_norm_backward: dy and x");
  require(dy.cols == gain.cols, "rms_norm_backward: dy.cols must equal gain.cols", dy.cols,
          gain.cols);
  require_same_shape(dgain, gain, "rms_norm_backward: dgain and gain");
  auto dx = ctx.tensor(dy.rows, dy.cols);  // [rows, cols]
  rms_norm_backward(ctx.backend, dx.data, dgain.data, dy.data, cache.rstd.data, cache.x.data,
                    gain.plain("rms_norm_backward: gain"), dy.rows, dy.cols);
  return dx;
}

}  // namespace moenda::ops
