// SPDX-License-Identifier: Apache-2.0
#pragma once
// From logits to scores, and from scores to combine weights.
#include <array>
#include <optional>

#include "moenda/module/parts.hpp"
#include "moenda/ops/elementwise/pointwise.hpp"
#include "moenda/ops/memory.hpp"
#include "moenda/ops/norm/softmax.hpp"
#include "moenda/ops/routing/top_k.hpp"

namespace moenda::router {

/// What makes scores of logits: experts compete in a softmax; with a sigmoid every expert is judged
/// by itself (DeepSeek-AI 2024, "DeepSeek-V3", eq. 15).
enum class Scores { softmax, sigmoid };
constexpr auto enum_names(Scores) { return std::array{"softmax", "sigmoid"}; }

/// How the combine weights of the selected experts are made: in which order experts are selected
/// and scored. With a softmax the first two give the same numbers by algebra; the third (Switch,
/// Fedus et al. 2021, eq. 2) does not: its weights sum to less than 1.
enum class Weighting { select_then_score, score_then_renormalise, score_then_select };
constexpr auto enum_names(Weighting) {
  return std::array{"select_then_score", "score_then_renormalise", "score_then_select"};
}

/// What the combine weights of the selected experts are made of: of their scores, or of nothing but
/// that they are selected.
enum class WeighedBy { scores, equal_shares, one };

/// How a router weighs whatever is selected, where it can say so: its weighting_rule(config). A
/// choice that is not its own is then weighed as it would have done (reweigh.hpp).
struct WeightingRule {
  Scores scores = Scores::softmax;
  Weighting weighting = Weighting::score_then_renormalise;
  WeighedBy by = WeighedBy::scores;  ///< else the first two say nothing
  double scaling_factor = 1;
};

/// That of R, or of what R wraps or chose; nothing where neither has one.
template <class R, class C>
[[nodiscard]] constexpr std::optional<WeightingRule> weighting_rule(C const& config) {
  if constexpr (requires { R::weighting_rule(config); }) {
    return R::weighting_rule(config);
  } else {
    static_assert(!names_weighting_rule<R>,
                  "weighting_rule: it must be callable as weighting_rule(config); nobody calls any "
                  "other");
    std::optional<WeightingRule> rule;
    if constexpr (has_parts<R>) {
      R::parts([&]<class Q>(Part<Q> const&, auto const& c) { rule = weighting_rule<Q>(c); },
               Setting{}, config);
    }
    return rule;
  }
}

/// `scores` rank experts and weigh them; `probs` are the scores as a distribution, for losses.
template <class B>
struct Scored {
  Tensor<B> scores, probs;  // [items, num_experts]
};

/// What score keeps for its backward.
template <class B>
struct ScoreCache {
  Tensor<B> scores;                // [items, num_experts]
  ops::SelectCache<B> normalised;  // of sigmoid scores
};

/// scores = softmax(logits) = probs, or scores = sigmoid(logits) and probs = scores / sum(scores)
/// (DeepSeek-V3, eq. 19).   logits [items, num_experts] -> both [items, num_experts].
template <class B>
Scored<B> score(Context<B>& ctx, Scores how, Tensor<B> logits, ScoreCache<B>& cache) {
  using Scalar = typename B::Scalar;
  if (how == Scores::softmax) {
    cache.scores = ops::softmax(ctx, logits);  // [items, num_experts]
    return {cache.scores, cache.scores};
  }
  cache.scores = ops::sigmoid(ctx, logits);         // [items, num_experts]
  auto all = ctx.tensor(logits.rows, logits.cols);  // [items, num_experts]
  fill(ctx.backend, all.data, Scalar(1), all.size());
  return {cache.scores, ops::select(ctx, cache.scores, all, true, cache.normalised)};
}
/// The gradients in scores and in probs -> dlogits. Overwrites dscores.
template <class B>
Tensor<B> score_backward(Context<B>& ctx, Scores how, Tensor<B> dscores, Tensor<B> dprobs,
                         ScoreCache<B> const& cache) {
  if (how == Scores::softmax) {
    ops::accumulate(ctx, dscores, dprobs);
    return ops::softmax_backward(ctx, dscores, cache.scores);  // [items, num_experts]
  }
  ops::accumulate(ctx, dscores, ops::select_backward(ctx, dprobs, cache.normalised));
  return ops::sigmoid_backward(ctx, dscores, cache.scores);  // [items, num_experts]
}

/// What weigh keeps for its backward.
template <class B>
struct WeighCache {
  Tensor<B> weights;  // [items, num_experts]
  ops::SelectCache<B> select;
};

/// Combine weights of the selected experts, 0 elsewhere. select_then_score is a softmax.
/// logits, scores, selected [items, num_experts] -> weights [items, num_experts].
template <class B>
Tensor<B> weigh(Context<B>& ctx, Weighting how, Tensor<B> logits, Tensor<B> scores,
                Tensor<B> selected, WeighCache<B>& cache) {
  if (how == Weighting::select_then_score) {
    cache.weights = ops::softmax(ctx, logits, selected);
  } else {
    bool const renormalise = how == Weighting::score_then_renormalise;
    cache.weights = ops::select(ctx, scores, selected, renormalise, cache.select);
  }
  return cache.weights;
}
/// Adds to dlogits and returns dscores.   dweights [items, num_experts] -> [items, num_experts].
template <class B>
Tensor<B> weigh_backward(Context<B>& ctx, Weighting how, Tensor<B> dweights, Tensor<B> dlogits,
                         WeighCache<B> const& cache) {
  if (how == Weighting::select_then_score) {
    ops::accumulate(ctx, dlogits, ops::softmax_backward(ctx, dweights, cache.weights));
    return ops::zeros(ctx, dweights.rows, dweights.cols);
  }
  return ops::select_backward(ctx, dweights, cache.select);
}

}  // namespace moenda::router
