// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <algorithm>
#include <cmath>

#include "moenda/core/fields.hpp"
#include "moenda/core/gates.hpp"
#include "moenda/core/weights.hpp"
#include "moenda/module/rules.hpp"
#include "moenda/ops/linear/matmul.hpp"
#include "moenda/router/choice/check_top_k.hpp"
#include "moenda/router/choice/choice_gradient.hpp"
#include "moenda/router/choice/jitter.hpp"
#include "moenda/router/choice/ranking.hpp"
#include "moenda/router/choice/scores.hpp"

namespace moenda::router {

/// Token choice: every token goes to the top_k experts of largest score. Shazeer et al. 2017, eq.
/// 3-5 without the noise. Mixtral and Qwen3: select_then_score. DeepSeekMoE (Dai et al. 2024, eq.
/// 9-11): score_then_select; DeepSeek-V3 (eq. 12-16): sigmoid, score_then_renormalise, groups and a
/// scaling factor.
///   logits = x weight^T / temperature;  scores = softmax(logits) or sigmoid(logits)
///   selected = top_k(scores + selection_bias, in the top_groups best groups)
///   weights = scaling_factor * scores of the selected, by `weighting`
/// With one expert per item the choice can be left unweighted, y = expert(x), as Hecto (Pandey et
/// al. 2025) publishes it: `gradient = "none"`, where the task teaches the router nothing, or
/// `"straight_through"`, where it learns as if y = (1 + p - stop_gradient(p)) expert(x).
struct TopK {
  static constexpr char const* name = "top_k";
  static constexpr RouterTraits traits{};
  struct Config {
    int top_k = 2;
    Scores scores = Scores::softmax;
    Weighting weighting = Weighting::select_then_score;
    Gradient gradient = Gradient::scaled;  ///< others: weights of 1, and top_k = 1
    double temperature = 1;
    double scaling_factor = 1;  ///< DeepSeek's routed_scaling_factor
    int num_groups = 1;
    int top_groups = 1;
    GroupScore group_score = GroupScore::best;
    double jitter = 0;
    MOENDA_FIELDS(Config, top_k, scores, weighting, gradient, temperature, scaling_factor,
                  num_groups, top_groups, group_score, jitter);
    [[nodiscard]] constexpr GroupLimit groups() const {
      return {num_groups, top_groups, group_score};
    }
  };
  template <class B>
  struct Params {
    Weight<B> weight;  // [num_experts, d_model]
    MOENDA_FIELDS(Params, weight);
  };
  template <class B>
  struct Cache {
    Tensor<B> x, jitter;  // [items, d_model]
    Tensor<B> selected;   // [items, num_experts]
    ScoreCache<B> score;
    WeighCache<B> weigh;
  };

  static void check(Config const& c, Setting const& setting, Problems& problems) {
    check_top_k(c.top_k, setting, problems);
    bool const weighs = c.gradient == Gradient::scaled;
    // Sigmoids do not see each other, so it would be score_then_select by another name.
    problems.expect(
        !weighs || c.scores == Scores::softmax || c.weighting != Weighting::select_then_score,
        "weighting", "score_then_renormalise or score_then_select where scores is sigmoid",
        "select_then_score");
    problems.expect(weighs || c.top_k == 1, "top_k", "1 where gradient is not scaled", c.top_k);
    problems.expect(c.temperature > 0 && std::isfinite(c.temperature), "temperature",
                    "above 0 and finite", c.temperature);
    problems.expect(c.scaling_factor > 0 && std::isfinite(c.scaling_factor), "scaling_factor",
                    "above 0", c.scaling_factor);
    check_groups(c.groups(), c.top_k, setting.num_experts, problems);
    check_jitter(c.jitter, problems);
  }
  static constexpr WeightingRule weighting_rule(Config const& c) {
    auto const by = c.gradient == Gradient::scaled ? WeighedBy::scores : WeighedBy::one;
    return {c.scores, c.weighting, by, c.scaling_factor};
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
                          Tensor<B> x, int /*num_experts*/,
                          Weight<B> const* selection_bias = nullptr) {
    cache.x = add_jitter(ctx, c.jitter, x, cache.jitter);  // [items, d_model]
    auto logits = scaled(ctx, 1 / c.temperature, ops::matmul(ctx, cache.x, p.weight));
    auto const [scores, probs] = score(ctx, c.scores, logits, cache.score);  // [items, num_experts]
    auto ranks = rank(ctx, c.groups(), logits, scores, selection_bias);      // [items, num_experts]
    auto selected = ops::top_k_of_rows(ctx, ranks, c.top_k);                 // [items, num_experts]
    cache.selected = selected;
    auto weights = selected;  // [items, num_experts]
    if (c.gradient == Gradient::scaled) {
      weights = weigh(ctx, c.weighting, logits, scores, selected, cache.weigh);
    }
    Gates<B> gates{selected, scaled(ctx, c.scaling_factor, weights), probs, logits};
    gates.most_per_item = experts_per_item(c, selected.cols);
    return gates;
  }
  template <class B>
  static Tensor<B> backward(Context<B>& ctx, Config const& c, Params<B> const& p,
                            Params<B> const& grads, Cache<B>& cache, GatesGrad<B> const& d) {
    auto dlogits = d.logits;                                   // [items, num_experts]
    auto dweights = scaled(ctx, c.scaling_factor, d.weights);  // [items, num_experts]
    auto dscores = scores_backward(ctx, c, dweights, dlogits, cache);
    ops::accumulate(ctx, dlogits, score_backward(ctx, c.scores, dscores, d.probs, cache.score));
    dlogits = scaled(ctx, 1 / c.temperature, dlogits);
    auto dx = ops::matmul_backward(ctx, dlogits, cache.x, p.weight, grads.weight);
    return add_jitter_backward(ctx, dx, cache.jitter);  // [items, d_model]
  }

 private:
  template <class B>
  static Tensor<B> scaled(Context<B>& ctx, double factor, Tensor<B> table) {
    return factor == 1 ? table : ops::scale(ctx, table, factor);
  }
  /// What the task teaches the scores. Adds to dlogits.
  template <class B>
  static Tensor<B> scores_backward(Context<B>& ctx, Config const& c, Tensor<B> dweights,
                                   Tensor<B> dlogits, Cache<B> const& cache) {
    switch (c.gradient) {
      case Gradient::none:
        return ops::zeros(ctx, dweights.rows, dweights.cols);
      case Gradient::straight_through:
        return ops::multiply(ctx, dweights, cache.selected);
      case Gradient::scaled:
        break;
    }
    return weigh_backward(ctx, c.weighting, dweights, dlogits, cache.weigh);
  }
};

}  // namespace moenda::router
