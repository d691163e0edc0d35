// SPDX-License-Identifier: Apache-2.0
#pragma once
#include "moenda/core/fields.hpp"
#include "moenda/core/weights.hpp"
#include "moenda/module/rules.hpp"
#include "moenda/ops/elementwise/pointwise.hpp"
#include "moenda/ops/linear/matmul.hpp"
#include "moenda/ops/loss/squared_error.hpp"

namespace moenda::output {

/// One real number: value = <weight, x> + bias, squared error against the target. A target that is
/// NaN counts nothing.
struct Value {
  static constexpr char const* name = "value";
  using Target = float;
  struct Config {
    MOENDA_FIELDS(Config);
  };
  template <class B>
  struct Params {
    Weight<B> weight, bias;  // [1, d_model], [1, 1]
    MOENDA_FIELDS(Params, weight, bias);
  };
  template <class B>
  struct Gradient {
    double* loss;       // ctx.loss_sum(): summed, not scaled
    Tensor<B> dhidden;  // [batch_size, d_model]
  };

  template <class B>
  static constexpr Params<B> params(Config const&, int d_model) {
    return {weights::matrix(1, d_model), weights::bias(1)};
  }
  /// hidden [batch_size, d_model], targets [batch_size] -> the sum of their losses, dhidden.
  template <class B>
  static Gradient<B> loss_with_gradient(Context<B>& ctx, Params<B> const& p, Params<B> const& grads,
                                        Tensor<B> hidden, float const* targets, double scale) {
    auto const [loss, dvalues] =
        ops::squared_error_with_gradient(ctx, outputs(ctx, p, hidden), targets, scale);
    ops::add_row_backward(ctx, dvalues, grads.bias);
    return {loss, ops::matmul_backward(ctx, dvalues, hidden, p.weight, grads.weight)};
  }
  /// The sum alone; `losses`: null, or [batch_size].
  template <class B>
  static double* loss(Context<B>& ctx, Params<B> const& p, Tensor<B> hidden, float const* targets,
                      typename B::Scalar* losses) {
    return ops::squared_error(ctx, outputs(ctx, p, hidden), targets, losses);
  }
  /// hidden [batch_size, d_model] -> values [batch_size, 1].
  template <class B>
  static Tensor<B> outputs(Context<B>& ctx, Params<B> const& p, Tensor<B> hidden) {
    return ops::add_row(ctx, ops::matmul(ctx, hidden, p.weight), p.bias);
  }
};

}  // namespace moenda::output
