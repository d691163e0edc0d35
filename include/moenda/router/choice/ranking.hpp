// SPDX-License-Identifier: Apache-2.0
#pragma once
// By what experts are selected: the largest entries of the table that rank() makes.
#include <algorithm>
#include <array>
#include <concepts>
#include <string>

#include "moenda/core/gates.hpp"
#include "moenda/module/rules.hpp"
#include "moenda/ops/elementwise/pointwise.hpp"
#include "moenda/ops/routing/selection.hpp"

namespace moenda::router {

/// What a group of experts is worth: its best expert (DeepSeek-V2, section 2.2.2) or its best two
/// (DeepSeek-V3, section 2.1.2).
enum class GroupScore { best, sum_of_best_two };
constexpr auto enum_names(GroupScore) { return std::array{"best", "sum_of_best_two"}; }

/// Experts e of num_experts stand in num_groups groups of neighbours, such as those of one machine;
/// an item's experts come from its top_groups best groups.
struct GroupLimit {
  int num_groups = 1, top_groups = 1;
  GroupScore score = GroupScore::best;

  [[nodiscard]] constexpr bool limits() const { return top_groups < num_groups; }
};

inline void check_groups(GroupLimit const& limit, int top_k, int num_experts, Problems& problems) {
  int const groups = limit.num_groups;
  bool const divides = groups >= 1 && num_experts % groups == 0;
  problems.expect(divides, "num_groups",
                  "a divisor of " + std::to_string(num_experts) + ", the number of experts",
                  groups);
  if (!divides) return;
  int const size = std::max(1, num_experts / groups);
  int const fewest = std::max(1, (std::min(top_k, num_experts) + size - 1) / size);
  problems.expect(limit.top_groups >= fewest && limit.top_groups <= groups, "top_groups",
                  "in " + std::to_string(fewest) + ".." + std::to_string(groups) +
                      ", so that top_k experts are in reach",
                  limit.top_groups);
}

/// The table whose largest entries are selected. A `selection_bias` [1, num_experts] is added to
/// the scores here and nowhere else: weights and gradients do not know of it.
/// logits, scores [items, num_experts] -> [items, num_experts].
template <class B>
Tensor<B> rank(Context<B>& ctx, GroupLimit const& limit, Tensor<B> logits, Tensor<B> scores,
               Weight<B> const* selection_bias) {
  // Scores rise with logits, so either ranks alike; logits also tell apart what scores round to 1.
  bool const sums = limit.limits() && limit.score == GroupScore::sum_of_best_two;
  auto ranks = sums ? scores : logits;
  if (selection_bias != nullptr) ranks = ops::add_row(ctx, scores, *selection_bias);
  if (!limit.limits()) return ranks;
  return ops::keep_best_groups(ctx, ranks, limit.num_groups, limit.top_groups,
                               limit.score == GroupScore::best ? 1 : 2);
}

/// A router whose selection can be biased: forward takes one more argument, the bias that it gives
/// to rank(), or null.
template <class R>
concept TakesSelectionBias = requires(Context<Shapes>& ctx, typename R::Config const& config,
                                      typename R::template Params<Shapes> const& params,
                                      typename R::template Cache<Shapes>& cache, Tensor<Shapes> x,
                                      int n, Weight<Shapes> const* bias) {
  { R::forward(ctx, config, params, cache, x, n, bias) } -> std::same_as<Gates<Shapes>>;
};

}  // namespace moenda::router
