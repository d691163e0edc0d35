// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <array>
#include <string>

#include "moenda/core/fields.hpp"
#include "moenda/core/gates.hpp"
#include "moenda/core/weights.hpp"
#include "moenda/module/rules.hpp"
#include "moenda/ops/elementwise/random_numbers.hpp"
#include "moenda/ops/linear/matmul.hpp"
#include "moenda/router/choice/ranking.hpp"
#include "moenda/router/choice/scores.hpp"

namespace moenda::router {

/// Which second choices GShard sends out.
enum class SecondPolicy {
  random,     ///< in training with probability min(1, g2 / threshold); at evaluation all
  all,        ///< every one
  none,       ///< none: the weight of the first stays g1 / (g1 + g2)
  threshold,  ///< those of g2 above the threshold
};
constexpr auto enum_names(SecondPolicy) { return std::array{"random", "all", "none", "threshold"}; }

/// GShard's top-2 gating, Lepikhin et al. 2020, algorithm 1: a second expert of small weight is not
/// worth its place, so it is drawn in proportion to its weight.
///   p = softmax(x weight^T);  e1, e2 = the two largest;  g1, g2 = p_e1, p_e2 divided by their sum
///   y = g1 expert_e1(x) + g2 expert_e2(x) [2 g2 > u],  u ~ U(0, 1)
/// 2 g2 is g2 / threshold with the paper's threshold of 0.5; Mesh-TensorFlow has 0.2. First choices
/// have priority: where an expert is full, second choices go, whatever their place in the batch.
struct GShard {
  static constexpr char const* name = "gshard";
  static constexpr RouterTraits traits{};
  struct Config {
    SecondPolicy second_policy = SecondPolicy::random;
    double threshold = 0.5;
    MOENDA_FIELDS(Config, second_policy, threshold);
  };
  template <class B>
  struct Params {
    Weight<B> weight;  // [num_experts, d_model]
    MOENDA_FIELDS(Params, weight);
  };
  template <class B>
  struct Cache {
    Tensor<B> x;  // [items, d_model]
    ScoreCache<B> score;
    WeighCache<B> weigh;
  };

  static void check(Config const& c, Setting const& setting, Problems& problems) {
    if (setting.num_experts < 2) {
      problems.add(
          "gshard: the number of experts must be at least 2, for a first and a second "
          "choice, got " +
          std::to_string(setting.num_experts));
    }
    problems.expect(c.threshold > 0 && c.threshold <= 1, "threshold", "above 0 and at most 1",
                    c.threshold);
  }
  /// At most: random and threshold hold back some second choices.
  static constexpr int experts_per_item(Config const& c, int num_experts) {
    return c.second_policy == SecondPolicy::none || num_experts < 2 ? 1 : 2;
  }
  template <class B>
  static constexpr Params<B> params(Config const&, int d_model, int num_experts) {
    return {weights::router(num_experts, d_model)};
  }
  template <class B>
  static Gates<B> forward(Context<B>& ctx, Config const& c, Params<B> const& p, Cache<B>& cache,
                          Tensor<B> x, int /*num_experts*/,
                          Weight<B> const* selection_bias = nullptr) {
    cache.x = x;
    auto logits = ops::matmul(ctx, x, p.weight);  // [items, num_experts]
    auto const [scores, probs] = score(ctx, Scores::softmax, logits, cache.score);
    auto ranks = rank(ctx, {}, logits, scores, selection_bias);  // [items, num_experts]
    auto first = ops::top_k_of_rows(ctx, ranks, 1);              // [items, num_experts]
    auto both = ops::top_k_of_rows(ctx, ranks, 2);               // [items, num_experts]
    auto weights = weigh(ctx, Weighting::select_then_score, logits, scores, both, cache.weigh);
    Gates<B> gates{sent_out(ctx, c, first, both, weights), weights, probs, logits};
    gates.priority = first;
    gates.most_per_item = experts_per_item(c, logits.cols);
    return gates;
  }
  template <class B>
  static Tensor<B> backward(Context<B>& ctx, Config const&, Params<B> const& p,
                            Params<B> const& grads, Cache<B>& cache, GatesGrad<B> const& d) {
    auto dlogits = d.logits;  // [items, num_experts]
    auto dscores =
        weigh_backward(ctx, Weighting::select_then_score, d.weights, dlogits, cache.weigh);
    ops::accumulate(ctx, dlogits,
                    score_backward(ctx, Scores::softmax, dscores, d.probs, cache.score));
    return ops::matmul_backward(ctx, dlogits, cache.x, p.weight, grads.weight);  // [items, d_model]
  }

 private:
  /// The first choices and the second ones that the policy lets go.   -> [items, num_experts].
  template <class B>
  static Tensor<B> sent_out(Context<B>& ctx, Config const& c, Tensor<B> first, Tensor<B> both,
                            Tensor<B> weights) {
    bool const random = c.second_policy == SecondPolicy::random;
    if (c.second_policy == SecondPolicy::none) return first;
    if (c.second_policy == SecondPolicy::all || (random && !ctx.training)) return both;
    auto draws = ops::uniform(ctx, "gshard_second", both.rows, 1);  // [items, 1]
    auto limits = random ? ops::scale(ctx, draws, c.threshold)
                         : ops::scale(ctx, draws, 0, c.threshold);  // [items, 1]
    return ops::keep_above(ctx, both, first, weights, limits);
  }
};

}  // namespace moenda::router
