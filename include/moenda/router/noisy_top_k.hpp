// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <algorithm>

#include "moenda/core/fields.hpp"
#include "moenda/core/gates.hpp"
#include "moenda/core/weights.hpp"
#include "moenda/module/rules.hpp"
#include "moenda/ops/elementwise/random_numbers.hpp"
#include "moenda/ops/linear/matmul.hpp"
#include "moenda/router/choice/check_top_k.hpp"
#include "moenda/router/choice/ranking.hpp"
#include "moenda/router/choice/scores.hpp"

namespace moenda::router {

/// Noisy top-k gating, Shazeer et al. 2017, eq. 3-5: every token learns how sure it is. Both
/// weights start at 0 (appendix A), so at first the noise alone decides, and the load is even.
///   clean = x weight^T;  sigma = softplus(x noise^T);  eps ~ N(0, 1) in training, 0 at evaluation
///   noisy = clean + eps sigma
///   selected = top_k(noisy);  weights = softmax(noisy) over the selected
/// `probs` is the softmax of the noisy logits; `logits` are the clean ones.
struct NoisyTopK {
  static constexpr char const* name = "noisy_top_k";
  static constexpr RouterTraits traits{.draws_noise = true};
  struct Config {
    int top_k = 2;
    MOENDA_FIELDS(Config, top_k);
  };
  template <class B>
  struct Params {
    Weight<B> weight;  // [num_experts, d_model]
    Weight<B> noise;   // [num_experts, d_model]
    MOENDA_FIELDS(Params, weight, noise);
  };
  template <class B>
  struct Cache {
    Tensor<B> x;         // [items, d_model]
    Tensor<B> raw, eps;  // [items, num_experts] what softplus made sigma of, and the draws
    ScoreCache<B> score;
    WeighCache<B> weigh;
  };

  static void check(Config const& c, Setting const& setting, Problems& problems) {
    check_top_k(c.top_k, setting, problems);
  }
  static constexpr WeightingRule weighting_rule(Config const&) {
    return {Scores::softmax, Weighting::select_then_score};
  }
  static constexpr int experts_per_item(Config const& c, int num_experts) {
    return std::min(c.top_k, num_experts);
  }
  template <class B>
  static constexpr Params<B> params(Config const&, int d_model, int num_experts) {
    auto const zeros = weights::router(num_experts, d_model, 0);
    return {zeros, zeros};
  }
  template <class B>
  static Gates<B> forward(Context<B>& ctx, Config const& c, Params<B> const& p, Cache<B>& cache,
                          Tensor<B> x, int /*num_experts*/,
                          Weight<B> const* selection_bias = nullptr) {
    cache = {};
    cache.x = x;
    auto clean = ops::matmul(ctx, x, p.weight);  // [items, num_experts]
    auto noisy = clean, sigma = Tensor<B>{};     // [items, num_experts]
    if (ctx.training) {
      cache.raw = ops::matmul(ctx, x, p.noise);                          // [items, num_experts]
      cache.eps = ops::normal(ctx, "router_noise", x.rows, clean.cols);  // [items, num_experts]
      sigma = ops::softplus(ctx, cache.raw);                             // [items, num_experts]
      noisy = ops::multiply(ctx, cache.eps, sigma);                      // [items, num_experts]
      ops::accumulate(ctx, noisy, clean);
    }
    auto const [scores, probs] = score(ctx, Scores::softmax, noisy, cache.score);
    auto ranks = rank(ctx, {}, noisy, scores, selection_bias);  // [items, num_experts]
    auto selected = ops::top_k_of_rows(ctx, ranks, c.top_k);    // [items, num_experts]
    auto weights = weigh(ctx, Weighting::select_then_score, noisy, scores, selected, cache.weigh);
    Gates<B> gates{selected, weights, probs, clean};
    gates.most_per_item = experts_per_item(c, selected.cols);
    if (ctx.training) gates.clean = clean, gates.noisy = noisy, gates.sigma = sigma;
    return gates;
  }
  template <class B>
  static Tensor<B> backward(Context<B>& ctx, Config const&, Params<B> const& p,
                            Params<B> const& grads, Cache<B>& cache, GatesGrad<B> const& d) {
    auto dnoisy = ops::zeros(ctx, d.weights.rows, d.weights.cols);  // [items, num_experts]
    auto dscores =
        weigh_backward(ctx, Weighting::select_then_score, d.weights, dnoisy, cache.weigh);
    ops::accumulate(ctx, dnoisy,
                    score_backward(ctx, Scores::softmax, dscores, d.probs, cache.score));
    auto dclean = d.logits;  // [items, num_experts]
    ops::accumulate(ctx, dclean, dnoisy);
    if (d.clean.data != nullptr) ops::accumulate(ctx, dclean, d.clean);
    auto dx = ops::matmul_backward(ctx, dclean, cache.x, p.weight, grads.weight);
    if (cache.eps.data == nullptr) return dx;             // no noise was drawn
    auto dsigma = ops::multiply(ctx, dnoisy, cache.eps);  // [items, num_experts]
    if (d.sigma.data != nullptr) ops::accumulate(ctx, dsigma, d.sigma);
    auto draw = ops::softplus_backward(ctx, dsigma, cache.raw);  // [items, num_experts]
    ops::accumulate(ctx, dx, ops::matmul_backward(ctx, draw, cache.x, p.noise, grads.noise));
    return dx;  // [items, d_model]
  }
};

}  // namespace moenda::router
