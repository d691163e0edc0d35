// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <algorithm>

#include "moenda/core/fields.hpp"
#include "moenda/core/gates.hpp"
#include "moenda/core/weights.hpp"
#include "moenda/module/rules.hpp"
#include "moenda/ops/elementwise/pointwise.hpp"
#include "moenda/ops/linear/matmul.hpp"
#include "moenda/ops/memory.hpp"
#include "moenda/ops/routing/assignment.hpp"
#include "moenda/ops/routing/top_k.hpp"
#include "moenda/router/choice/scores.hpp"

namespace moenda::router {

/// BASE layers, Lewis et al. 2021, section 3: in training the items are shared out evenly, at
/// evaluation each takes its best expert.
///   logits = x weight^T
///   training:    selected = argmax of sum_t logits_t,expert(t) with items / num_experts items each
///                (eq. 2), and one more for the items % num_experts experts of largest total logit
///   evaluation:  selected = argmax of the logits
///   weights = sigmoid(logits), so that the choice has a gradient (eq. 1)
/// The paper's output alpha f(h) + (1 - alpha) h, with f(h) = h + ffn(h), is h + alpha ffn(h): the
/// residual of TransformerBlock around a mixture weighted by alpha. Balance is that of one backward
/// pass: there is no shuffle over workers.
struct Base {
  static constexpr char const* name = "base";
  static constexpr RouterTraits traits{.couples_batch_in_training = true,
                                       .balanced_by_construction = true};
  struct Config {
    MOENDA_FIELDS(Config);
  };
  template <class B>
  struct Params {
    Weight<B> weight;  // [num_experts, d_model]
    MOENDA_FIELDS(Params, weight);
  };
  template <class B>
  struct Cache {
    Tensor<B> x;        // [items, d_model]
    Tensor<B> weights;  // [items, num_experts]
  };

  static constexpr WeightingRule weighting_rule(Config const&) {
    return {Scores::sigmoid, Weighting::score_then_select};
  }
  static constexpr int experts_per_item(Config const&, int num_experts) {
    return std::min(1, num_experts);
  }
  /// The paper starts from orthogonal rows of norm 0.1. Long random rows are nearly orthogonal, and
  /// a fifth of the usual size has about that norm at d_model = 512.
  template <class B>
  static constexpr Params<B> params(Config const&, int d_model, int num_experts) {
    return {weights::router(num_experts, d_model, 0.2)};
  }
  template <class B>
  static Gates<B> forward(Context<B>& ctx, Config const& c, Params<B> const& p, Cache<B>& cache,
                          Tensor<B> x, int num_experts) {
    auto logits = ops::matmul(ctx, x, p.weight);  // [items, num_experts]
    auto selected = ctx.training ? ops::balanced_assignment(ctx, logits)
                                 : ops::top_k_of_rows(ctx, logits, 1);  // [items, num_experts]
    cache = {x, ops::sigmoid(ctx, logits)};
    Gates<B> gates{selected, cache.weights, {}, logits};
    gates.most_per_item = experts_per_item(c, num_experts);
    return gates;
  }
  template <class B>
  static Tensor<B> backward(Context<B>& ctx, Config const&, Params<B> const& p,
                            Params<B> const& grads, Cache<B>& cache, GatesGrad<B> const& d) {
    auto dlogits = d.logits;  // [items, num_experts]
    ops::accumulate(ctx, dlogits, ops::sigmoid_backward(ctx, d.weights, cache.weights));
    return ops::matmul_backward(ctx, dlogits, cache.x, p.weight, grads.weight);  // [items, d_model]
  }
};

}  // namespace moenda::router
