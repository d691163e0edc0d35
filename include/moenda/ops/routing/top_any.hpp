// SPDX-License-Identifier: Apache-2.0
#pragma once
// What a router with a threshold per expert is made of.
#include "moenda/ops/sequence/padding.hpp"
#include "moenda/ops/shapes.hpp"

namespace moenda::ops {

/// 1 for every expert that is there, else 0: presence is 1 where it was added, -1 where it was
/// removed, and 0 says that it is as at first, when the first `initial` were there.
/// presence [1, experts] -> [1, experts].
template <class B>
Tensor<B> active_experts(Context<B>& ctx, Weight<B> const& presence, int initial) {
  auto active = ctx.tensor(1, presence.cols);  // [1, experts]
  active_experts(ctx.backend, active.data, presence.plain("active_experts: presence"), initial,
                 presence.cols);
  return active;
}

/// Which experts an item takes, with what weight; scores are those of the active experts.
template <class B>
struct TopAny {
  Tensor<B> selected, weights, scores;  // [items, experts]
};
/// Every active expert whose cosine is above its threshold, all with the same weight; with
/// `at_least_one` an item that has none takes its best one.   scores = sigmoid(slope cosines).
/// cosines [items, experts], thresholds and active [1, experts].
template <class B>
TopAny<B> top_any(Context<B>& ctx, Tensor<B> cosines, Weight<B> const& thresholds, Tensor<B> active,
                  double slope, bool at_least_one) {
  using Scalar = typename B::Scalar;
  int const items = cosines.rows, experts = cosines.cols;
  require(thresholds.size() == experts, "top_any: there must be a threshold per expert",
          thresholds.size(), experts);
  require(active.size() == experts, "top_any: active must have a number per expert", active.size(),
          experts);
  TopAny<B> gates{ctx.tensor(items, experts), ctx.tensor(items, experts),
                  ctx.tensor(items, experts)};
  top_any_forward(ctx.backend, gates.selected.data, gates.weights.data, gates.scores.data,
                  cosines.data, thresholds.plain("top_any: thresholds"), active.data, Scalar(slope),
                  at_least_one, items, experts);
  return gates;
}

/// Adds both losses of a selection to ctx.auxiliary_sum(): balance, and how many experts an item
/// takes (cpu/kernels/routing/top_any.hpp). Returns the gradient in `selected`, with its sum over a
/// row held fixed.   -> dselected [items, experts].
template <class B>
Tensor<B> top_any_losses(Context<B>& ctx, TopAny<B> const& gates, Tensor<B> active,
                         double balance_weight, double efficiency_weight) {
  auto const& selected = gates.selected;
  require(active.size() == selected.cols, "top_any_losses: active must have a number per expert",
          active.size(), selected.cols);
  auto const present = present_items(ctx, selected.rows);     // [items, 1]
  auto dselected = ctx.tensor(selected.rows, selected.cols);  // [items, experts]
  top_any_losses(ctx.backend, ctx.auxiliary_sum(), dselected.data, selected.data,
                 gates.weights.data, active.data, efficiency_weight,
                 {selected.rows, selected.cols, present.data, balance_weight, ctx.loss_scale});
  return dselected;
}

/// sum += the rows of x of which nothing is selected, count += how many they are.
/// x [items, cols], selected [items, experts], sum [1, cols], count [1, 1].
template <class B>
void sum_of_unrouted(Context<B>& ctx, Tensor<B> x, Tensor<B> selected, Weight<B> const& sum,
                     Weight<B> const& count) {
  require(x.rows == selected.rows, "sum_of_unrouted: x and selected must have equally many rows",
          x.rows, selected.rows);
  require(sum.size() == x.cols, "sum_of_unrouted: the sum must be as wide as x", sum.size(),
          x.cols);
  require(count.size() == 1, "sum_of_unrouted: count must be one number", count.size(), 1);
  auto const present = present_items(ctx, x.rows);  // [items, 1]
  sum_of_unrouted(ctx.backend, sum.data, count.data, x.data, selected.data, present.data,
                  selected.cols, x.rows, x.cols);
}

/// Adds weight * |S - I|, S the cosines between the rows of active experts, to ctx.auxiliary_sum().
/// Returns its gradient in S.   similarity [experts, experts], active [1, experts].
template <class B>
Tensor<B> gate_diversity(Context<B>& ctx, Tensor<B> similarity, Tensor<B> active, double weight) {
  int const experts = similarity.rows;
  require(similarity.cols == experts, "gate_diversity: similarity must be square", similarity.cols,
          experts);
  require(active.size() == experts, "gate_diversity: active must have a number per expert",
          active.size(), experts);
  auto d = ctx.tensor(experts, experts);  // [experts, experts]
  gate_diversity(ctx.backend, ctx.auxiliary_sum(), d.data, similarity.data, active.data, weight,
                 ctx.loss_scale, experts);
  return d;
}
/// Adds weight * the mean length of the rows of active experts to ctx.auxiliary_sum(). Returns its
/// gradient.   w, unit [experts, cols], active [1, experts] -> dw [experts, cols].
template <class B>
Tensor<B> gate_simplicity(Context<B>& ctx, Tensor<B> w, Tensor<B> unit, Tensor<B> active,
                          double weight) {
  require_same_shape(unit, w, "gate_simplicity: unit and w");
  require(active.size() == w.rows, "gate_simplicity: active must have a number per expert",
          active.size(), w.rows);
  auto dw = ctx.tensor(w.rows, w.cols);  // [experts, cols]
  gate_simplicity(ctx.backend, ctx.auxiliary_sum(), dw.data, w.data, unit.data, active.data, weight,
                  ctx.loss_scale, w.rows, w.cols);
  return dw;
}

}  // namespace moenda::ops
