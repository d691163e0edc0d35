// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <algorithm>

#include "moenda/ops/routing/dispatch.hpp"

namespace moenda::ops {

/// The plan of `gates` where an expert keeps at most `capacity` items: those of largest priority,
/// of equal ones the first by position. capacity < 0 drops nothing. Slots are in the order of the
/// items as ever. priority [items, num_experts]. Throws ConfigError when the tables disagree.
template <class B>
DispatchPlan<B> make_plan(Context<B>& ctx, Gates<B> const& gates, int item_rows, int capacity,
                          Tensor<B> priority) {
  require_same_shape(priority, gates.selected, "make_plan: priority and selected");
  if (capacity < 0) return make_plan(ctx, gates, item_rows, -1);
  // A plan without drops, with priorities in the place of combine weights, sorts them by expert.
  Gates<B> by_priority = gates;
  by_priority.weights = priority;
  auto const all = make_plan(ctx, by_priority, item_rows, -1);
  Gates<B> within = gates;
  within.selected = ctx.tensor(gates.selected.rows, gates.selected.cols);  // as selected
  keep_within_capacity(ctx.backend, within.selected.data, all.bins.data(), all.item_of_slot.data(),
                       all.combine_weights.data(), all.num_items, all.num_experts, capacity);
  auto plan = make_plan(ctx, within, item_rows, -1);
  plan.num_dropped = all.num_slots - plan.num_slots;
  return plan;
}

}  // namespace moenda::ops
