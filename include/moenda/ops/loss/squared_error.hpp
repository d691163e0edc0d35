// SPDX-License-Identifier: Apache-2.0
#pragma once
#include "moenda/core/context.hpp"
#include "moenda/ops/shapes.hpp"

namespace moenda::ops {

/// sum_b (value_b - target_b)^2.   values [rows, 1], targets [rows]; a target that is NaN counts
/// nothing. losses: null, or [rows] to receive each row's loss. Returns ctx.loss_sum().
template <class B>
double* squared_error(Context<B>& ctx, Tensor<B> values, float const* targets,
                      typename B::Scalar* losses = nullptr) {
  using Scalar = typename B::Scalar;
  require(values.cols == 1, "squared_error: values must have one column", values.cols, 1);
  auto* const loss = ctx.loss_sum();
  squared_error(ctx.backend, loss, losses, static_cast<Scalar*>(nullptr),
                static_cast<Scalar const*>(values.data), targets, Scalar(0), values.rows);
  return loss;
}

template <class B>
struct SquaredErrorGrad {
  double* loss;       // ctx.loss_sum(): summed over rows, not scaled
  Tensor<B> dvalues;  // [rows, 1]
};
/// dvalues = 2 scale (value - target).
template <class B>
SquaredErrorGrad<B> squared_error_with_gradient(Context<B>& ctx, Tensor<B> values,
                                                float const* targets, double scale) {
  using Scalar = typename B::Scalar;
  require(values.cols == 1, "squared_error: values must have one column", values.cols, 1);
  SquaredErrorGrad<B> result{ctx.loss_sum(), ctx.tensor(values.rows, 1)};
  squared_error(ctx.backend, result.loss, static_cast<Scalar*>(nullptr), result.dvalues.data,
                static_cast<Scalar const*>(values.data), targets, Scalar(scale), values.rows);
  return result;
}

}  // namespace moenda::ops
