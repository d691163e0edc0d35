// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <algorithm>
#include <cmath>
#include <string>

#include "moenda/core/fields.hpp"
#include "moenda/core/gates.hpp"
#include "moenda/core/weights.hpp"
#include "moenda/module/rules.hpp"
#include "moenda/ops/linear/matmul.hpp"
#include "moenda/ops/memory.hpp"
#include "moenda/ops/norm/softmax.hpp"
#include "moenda/ops/routing/top_k_of_columns.hpp"
#include "moenda/ops/sequence/padding.hpp"
#include "moenda/router/choice/scores.hpp"

namespace moenda::router {

/// Among which tokens an expert chooses. The first two see later tokens, so a causal model learns
/// to cheat with them; the tokens at one position of all sequences see nothing of what comes later.
enum class ChooseAmong { batch, sequence, position };

/// Expert choice, Zhou et al. 2022, section 3.2: every expert takes the tokens that want it most.
///   logits = x weight^T;  probs = softmax(logits) over the experts
///   expert e takes the k tokens of largest probs_te,  k = ceil(tokens experts_per_token / experts)
///   weights = probs, not renormalised
/// A token gets 0 to num_experts experts. Padding gets none, though it counts in k. What a token
/// gets depends on which others are present, at evaluation too. A sequence read in pieces is routed
/// differently from the same sequence read at once. A token alone is taken by every expert.
/// ChooseAmong is part of the type because the rule about causal models depends on it.
template <ChooseAmong Among>
struct ChosenByExperts {
  static constexpr char const* name = Among == ChooseAmong::batch ? "expert_choice"
                                      : Among == ChooseAmong::sequence
                                          ? "expert_choice_in_sequence"
                                          : "expert_choice_at_position";
  static constexpr RouterTraits traits{.causal_at_evaluation = Among == ChooseAmong::position,
                                       .couples_batch_in_training = true,
                                       .balanced_by_construction = true};
  struct Config {
    double experts_per_token = 2;  ///< on average
    MOENDA_FIELDS(Config, experts_per_token);
  };
  template <class B>
  struct Params {
    Weight<B> weight;  // [num_experts, d_model]
    MOENDA_FIELDS(Params, weight);
  };
  template <class B>
  struct Cache {
    Tensor<B> x;      // [items, d_model]
    Tensor<B> probs;  // [items, num_experts]
  };

  static void check(Config const& c, Setting const& setting, Problems& problems) {
    problems.expect(
        c.experts_per_token > 0 && c.experts_per_token <= setting.num_experts, "experts_per_token",
        "above 0 and at most " + std::to_string(setting.num_experts) + ", the number of experts",
        c.experts_per_token);
  }
  static constexpr WeightingRule weighting_rule(Config const&) {
    return {Scores::softmax, Weighting::score_then_select};
  }
  /// The average, rounded.
  static constexpr int experts_per_item(Config const& c, int num_experts) {
    return std::clamp(static_cast<int>(c.experts_per_token + 0.5), std::min(1, num_experts),
                      num_experts);
  }
  template <class B>
  static constexpr Params<B> params(Config const&, int d_model, int num_experts) {
    return {weights::router(num_experts, d_model)};
  }
  template <class B>
  static Gates<B> forward(Context<B>& ctx, Config const& c, Params<B> const& p, Cache<B>& cache,
                          Tensor<B> x, int num_experts) {
    auto const groups = groups_of(ctx.batch, x.rows);
    int const k = tokens_per_expert(c, groups.members, num_experts);
    auto logits = ops::matmul(ctx, x, p.weight);                   // [items, num_experts]
    auto probs = ops::softmax(ctx, logits);                        // [items, num_experts]
    auto there = ops::without_padding(ctx, probs);                 // [items, num_experts]
    auto selected = ops::top_k_of_columns(ctx, there, k, groups);  // [items, num_experts]
    cache = {x, probs};
    Gates<B> gates{ops::without_padding(ctx, selected), probs, probs, logits};
    gates.most_per_expert = k * groups.count;
    return gates;
  }
  template <class B>
  static Tensor<B> backward(Context<B>& ctx, Config const&, Params<B> const& p,
                            Params<B> const& grads, Cache<B>& cache, GatesGrad<B> const& d) {
    auto dlogits = d.logits, dprobs = d.probs;  // [items, num_experts]
    ops::accumulate(ctx, dprobs, d.weights);
    ops::accumulate(ctx, dlogits, ops::softmax_backward(ctx, dprobs, cache.probs));
    return ops::matmul_backward(ctx, dlogits, cache.x, p.weight, grads.weight);  // [items, d_model]
  }

 private:
  /// ceil(tokens * experts_per_token / num_experts), at least 1; what rounding adds does not count.
  static int tokens_per_expert(Config const& c, int tokens, int num_experts) {
    double const share = double(tokens) * c.experts_per_token / num_experts;
    return std::max(1, int(std::min(std::ceil(share - 1e-9), double(tokens))));
  }
  static ops::RowGroups groups_of(Batch const& batch, int items) {
    if (Among == ChooseAmong::batch || items == 0) return {.count = 1, .members = items};
    require(items == batch.rows(), "ExpertChoice: an item must be a token of the batch", items,
            batch.rows());
    if (Among == ChooseAmong::sequence) return {batch.batch_size, batch.seq_len, batch.seq_len, 1};
    return {batch.seq_len, batch.batch_size, 1, batch.seq_len};
  }
};

using ExpertChoice = ChosenByExperts<ChooseAmong::batch>;
using ExpertChoiceInSequence = ChosenByExperts<ChooseAmong::sequence>;
using ExpertChoiceAtPosition = ChosenByExperts<ChooseAmong::position>;

}  // namespace moenda::router
