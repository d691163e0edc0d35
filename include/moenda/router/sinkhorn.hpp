// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <algorithm>
#include <cmath>
#include <string>

#include "moenda/core/fields.hpp"
#include "moenda/core/gates.hpp"
#include "moenda/core/weights.hpp"
#include "moenda/module/rules.hpp"
#include "moenda/ops/elementwise/pointwise.hpp"
#include "moenda/ops/linear/matmul.hpp"
#include "moenda/ops/memory.hpp"
#include "moenda/ops/norm/softmax.hpp"
#include "moenda/ops/routing/sinkhorn.hpp"
#include "moenda/ops/routing/top_k.hpp"
#include "moenda/router/choice/check_top_k.hpp"
#include "moenda/router/choice/scores.hpp"

namespace moenda::router {

/// S-BASE, Clark et al. 2022, section 3.2 and appendix B: in training the experts are picked from a
/// plan that balances the batch, at evaluation from the logits alone.
///   logits = x weight^T;  plan = sinkhorn(logits / temperature)     (training only, no gradient)
///   selected = top_k(plan) in training, top_k(logits) at evaluation
///   weights = sigmoid(logits) for top_k = 1, else softmax over the selected logits
/// A balanced plan is not a balanced choice: the top_k of its rows may still favour an expert.
/// The plan is compared in logarithms, where logits of 1e4 do not underflow to ties. A large
/// temperature makes the plan softer and the iterations converge sooner.
struct Sinkhorn {
  static constexpr char const* name = "sinkhorn";
  static constexpr RouterTraits traits{.couples_batch_in_training = true};
  static constexpr int max_iterations = 10000;
  struct Config {
    int top_k = 1;
    int iterations = 20;
    double temperature = 1;
    MOENDA_FIELDS(Config, top_k, iterations, temperature);
  };
  template <class B>
  struct Params {
    Weight<B> weight;  // [num_experts, d_model]
    MOENDA_FIELDS(Params, weight);
  };
  template <class B>
  struct Cache {
    Tensor<B> x;               // [items, d_model]
    Tensor<B> probs, weights;  // [items, num_experts]
  };

  static void check(Config const& c, Setting const& setting, Problems& problems) {
    check_top_k(c.top_k, setting, problems);
    problems.expect(c.iterations >= 1 && c.iterations <= max_iterations, "iterations",
                    "in 1.." + std::to_string(max_iterations), c.iterations);
    problems.expect(c.temperature > 0 && std::isfinite(c.temperature), "temperature",
                    "finite and above 0", c.temperature);
  }
  static constexpr WeightingRule weighting_rule(Config const& c) {
    if (c.top_k == 1) return {Scores::sigmoid, Weighting::score_then_select};
    return {Scores::softmax, Weighting::select_then_score};
  }
  static constexpr int experts_per_item(Config const& c, int num_experts) {
    return std::min(c.top_k, num_experts);
  }
  template <class B>
  static constexpr Params<B> params(Config const&, int d_model, int num_experts) {
    return {weights::router(num_experts, d_model)};
  }
  template <class B>
  static Gates<B> forward(Context<B>& ctx, Config const& c, Params<B> const& p, Cache<B>& cache,
                          Tensor<B> x, int num_experts) {
    auto logits = ops::matmul(ctx, x, p.weight);  // [items, num_experts]
    auto score = logits;                          // [items, num_experts]
    if (ctx.training) {
      score = ops::sinkhorn(ctx, ops::scale(ctx, logits, 1 / c.temperature), c.iterations);
    }
    auto selected = ops::top_k_of_rows(ctx, score, c.top_k);  // [items, num_experts]
    cache.x = x;
    cache.probs = ops::softmax(ctx, logits);
    cache.weights = c.top_k == 1 ? ops::sigmoid(ctx, logits) : ops::softmax(ctx, logits, selected);
    Gates<B> gates{selected, cache.weights, cache.probs, logits};
    gates.most_per_item = experts_per_item(c, num_experts);
    return gates;
  }
  template <class B>
  static Tensor<B> backward(Context<B>& ctx, Config const& c, Params<B> const& p,
                            Params<B> const& grads, Cache<B>& cache, GatesGrad<B> const& d) {
    auto dlogits = d.logits;  // [items, num_experts]
    ops::accumulate(ctx, dlogits,
                    c.top_k == 1 ? ops::sigmoid_backward(ctx, d.weights, cache.weights)
                                 : ops::softmax_backward(ctx, d.weights, cache.weights));
    ops::accumulate(ctx, dlogits, ops::softmax_backward(ctx, d.probs, cache.probs));
    return ops::matmul_backward(ctx, dlogits, cache.x, p.weight, grads.weight);  // [items, d_model]
  }
};

}  // namespace moenda::router
