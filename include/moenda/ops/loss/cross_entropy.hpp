// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <span>
#include <string>

#include "moenda/core/context.hpp"
#include "moenda/ops/linear/matmul.hpp"
#include "moenda/ops/shapes.hpp"

namespace moenda::ops {

/// Throws DataError unless every target is -1, which counts nothing, or one of 0 .. classes - 1.
inline void check_targets(std::span<int const> targets, int classes) {
  for (std::size_t t = 0; t < targets.size(); ++t) {
    if (targets[t] < -1 || targets[t] >= classes) {
      throw DataError("Batch: target " + std::to_string(t) + " is " + std::to_string(targets[t]) +
                      ", but targets must be -1 (ignored) or lie in 0.." +
                      std::to_string(classes - 1));
    }
  }
}

/// sum_t -log softmax(x_t head^T)[target_t], in nats. The logits exist only a chunk of rows at a
/// time. x [tokens, d_model], head [vocab_size, d_model], targets [tokens]; target -1 counts
/// nothing, others must lie in 0 .. vocab_size - 1: check_targets sees to it where they enter.
/// losses: null, or [tokens] to receive each token's loss. Returns ctx.loss_sum().
template <class B>
double* cross_entropy(Context<B>& ctx, Tensor<B> x, Weight<B> const& head, int const* targets,
                      typename B::Scalar* losses = nullptr) {
  using Scalar = typename B::Scalar;
  require(x.cols == head.cols, "cross_entropy: x.cols must equal head.cols", x.cols, head.cols);
  auto* const loss = ctx.loss_sum();
  cross_entropy(ctx.backend, loss, losses, static_cast<Scalar*>(nullptr),
                static_cast<Scalar*>(nullptr), x.data, head.view(), targets, Scalar(0), x.rows,
                head.rows, x.cols, precision_of(ctx.backend, head));
  return loss;
}

template <class B>
struct CrossEntropyGrad {
  double* loss;  // ctx.loss_sum(): summed over tokens, not scaled
  Tensor<B> dx;  // [tokens, d_model]
};
/// Forward and backward at once, so that a chunk of logits is computed once and never stored:
/// dx = scale (softmax - onehot) head,   dhead += scale (softmax - onehot)^T x, unless head is
/// frozen.
template <class B>
CrossEntropyGrad<B> cross_entropy_with_gradient(Context<B>& ctx, Tensor<B> x, Weight<B> const& head,
                                                Weight<B> const& dhead, int const* targets,
                                                double scale) {
  using Scalar = typename B::Scalar;
  require(x.cols == head.cols, "cross_entropy: x.cols must equal head.cols", x.cols, head.cols);
  require_same_shape(dhead, head, "cross_entropy: dhead and head");
  auto const* const plain = head.plain("cross_entropy_with_gradient: head");
  CrossEntropyGrad<B> result{ctx.loss_sum(), ctx.tensor(x.rows, x.cols)};
  cross_entropy(ctx.backend, result.loss, static_cast<Scalar*>(nullptr), result.dx.data,
                head.frozen ? nullptr : dhead.data, x.data, plain, targets, Scalar(scale), x.rows,
                head.rows, x.cols, precision_of(ctx.backend, head));
  return result;
}

}  // namespace moenda::ops
