// SPDX-License-Identifier: Apache-2.0
#pragma once
#include "moenda/core/context.hpp"
#include "moenda/ops/shapes.hpp"

namespace moenda::ops {

/// probs = exp(logits) / sum exp(logits), row by row, over the entries where mask != 0 (all of them
/// without a mask); the others get 0.   logits, mask [rows, cols] -> probs [rows, cols].
template <class B>
Tensor<B> softmax(Context<B>& ctx, Tensor<B> logits, Tensor<B> mask = {}) {
  if (mask.data != nullptr) require_same_shape(mask, logits, "softmax: mask and logits");
  auto probs = ctx.tensor(logits.rows, logits.cols);  // [rows, cols]
  softmax_forward(ctx.backend, probs.data, logits.data,
                  static_cast<typename B::Scalar const*>(mask.data), logits.rows, logits.cols);
  return probs;
}

/// dlogits = probs (dprobs - sum(dprobs probs)); right with a mask too, as its probs are 0.
template <class B>
Tensor<B> softmax_backward(Context<B>& ctx, Tensor<B> dprobs, Tensor<B> probs) {
  require_same_shape(dprobs, probs, "softmax_backward: dprobs and probs");
  auto dlogits = ctx.tensor(probs.rows, probs.cols);  // [rows, cols]
  softmax_backward(ctx.backend, dlogits.data, dprobs.data, probs.data, probs.rows, probs.cols);
  return dlogits;
}

}  // namespace moenda::ops
