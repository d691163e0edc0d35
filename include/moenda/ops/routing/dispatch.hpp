// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <algorithm>
#include <cstdint>
#include <limits>

#include "moenda/core/dispatch_plan.hpp"
#include "moenda/core/grouped.hpp"
#include "moenda/ops/shapes.hpp"

namespace moenda::ops {

/// Throws ConfigError "`what` (...)" unless x has the rows of all items of the plan.
template <class B>
void require_item_rows(DispatchPlan<B> const& plan, Tensor<B> x, char const* what) {
  auto const rows = std::ptrdiff_t(plan.num_items) * plan.item_rows;
  require(x.rows == rows, what, x.rows, rows);
}
/// Throws ConfigError "`what` (...)" unless x has the rows of all slots of the plan.
template <class B>
void require_slot_rows(DispatchPlan<B> const& plan, Tensor<B> x, char const* what) {
  auto const rows = std::ptrdiff_t(plan.num_slots) * plan.item_rows;
  require(x.rows == rows, what, x.rows, rows);
}

/// How many assignments are kept and dropped. Where the host cannot look at the gates: at most how
/// many are kept, by what is known of the router.
struct SlotCounts {
  int kept = 0, dropped = 0;
};
template <class B>
SlotCounts count_slots(Context<B>& ctx, Gates<B> const& gates, int capacity) {
  int const items = gates.selected.rows, experts = gates.selected.cols;
  if constexpr (B::Space::is_host) {
    auto const wanted = ctx.template numbers<int>(experts);
    count_selected(ctx.backend, wanted.data(), gates.selected.data, items, experts);
    SlotCounts counts;
    for (int const n : wanted) {
      int const kept = capacity < 0 ? n : std::min(n, capacity);
      counts.kept += kept;
      counts.dropped += n - kept;
    }
    return counts;
  } else {
    auto const per_item = gates.most_per_item < 0 ? experts : gates.most_per_item;
    auto const wanted = std::int64_t(items) * per_item;
    auto const limit = [items](int most) { return most < 0 ? items : std::min(most, items); };
    auto const room =
        std::int64_t(std::min(limit(capacity), limit(gates.most_per_expert))) * experts;
    auto const most = std::min(wanted, room);
    require(most <= std::numeric_limits<int>::max(), "make_plan: the slots must be countable", most,
            std::numeric_limits<int>::max());
    return {int(most), 0};
  }
}

/// The plan of `gates`: which item goes to which slot. An expert keeps at most `capacity` items,
/// the first ones by position; capacity < 0 drops nothing. Throws ConfigError when the tables
/// disagree.
template <class B>
DispatchPlan<B> make_plan(Context<B>& ctx, Gates<B> const& gates, int item_rows, int capacity) {
  int const items = gates.selected.rows, experts = gates.selected.cols;
  require_same_shape(gates.weights, gates.selected, "make_plan: weights and selected");
  auto const [slots, dropped] = count_slots(ctx, gates, capacity);
  DispatchPlan<B> plan{items,
                       item_rows,
                       experts,
                       slots,
                       dropped,
                       ctx.template numbers<int>(experts + 1),
                       ctx.template numbers<int>(slots),
                       ctx.template numbers<int>(slots),
                       ctx.template numbers<int>(items + 1),
                       ctx.template numbers<int>(slots),
                       ctx.template numbers<typename B::Scalar>(slots)};
  if constexpr (!B::Space::is_host) {  // until they are filled, slots are empty
    ctx.backend.space().fill(plan.item_of_slot.data(), 0xff, plan.item_of_slot.size_bytes());
    ctx.backend.space().fill(plan.expert_of_slot.data(), 0xff, plan.expert_of_slot.size_bytes());
    plan.seen_bins = ctx.template make<int>(experts + 1);
    plan.seen_bins[0] = -1;
  }
  make_plan(ctx.backend, plan.bins.data(), plan.item_of_slot.data(), plan.expert_of_slot.data(),
            plan.combine_weights.data(), plan.item_begin.data(), plan.slots_of_item.data(),
            gates.selected.data, gates.weights.data, items, experts, capacity);
  return plan;
}

/// Gathers every slot's rows.   x [items * item_rows, width] -> [num_slots * item_rows, width].
template <class B>
Tensor<B> dispatch(Context<B>& ctx, DispatchPlan<B> const& plan, Tensor<B> x) {
  require_item_rows(plan, x, "dispatch: x.rows must be items * item_rows");
  auto y = ctx.tensor(plan.num_slots * plan.item_rows, x.cols);  // [slot rows, width]
  gather_items(ctx.backend, y.data, x.data, plan.item_of_slot.data(), plan.num_slots,
               plan.item_rows * x.cols);
  return y;
}
/// The rows that every slot reads, for products that gather them themselves. Tokens are picked;
/// items of several rows are copied, as an index of rows would say the same at length.
/// x [items * item_rows, width] -> [num_slots * item_rows, width].
template <class B>
PickedRows<B> rows_of_slots(Context<B>& ctx, DispatchPlan<B> const& plan, Tensor<B> x) {
  if (plan.item_rows != 1) return dispatch(ctx, plan, x);
  require_item_rows(plan, x, "rows_of_slots: x.rows must be items * item_rows");
  return {x, plan.item_of_slot};
}
/// dx of an item is the sum over its slots.
template <class B>
Tensor<B> dispatch_backward(Context<B>& ctx, DispatchPlan<B> const& plan, Tensor<B> dslots) {
  require_slot_rows(plan, dslots, "dispatch_backward: dslots.rows must be slots * item_rows");
  auto dx = ctx.tensor(plan.num_items * plan.item_rows, dslots.cols);  // [rows, width]
  combine_items(ctx.backend, dx.data, dslots.data, static_cast<typename B::Scalar const*>(nullptr),
                plan.item_begin.data(), plan.slots_of_item.data(), plan.num_items,
                plan.item_rows * dslots.cols);
  return dx;
}

/// y of an item = sum over its slots of combine_weight * expert output; 0 for an item without
/// slots. slots [num_slots * item_rows, width] -> y [items * item_rows, width].
template <class B>
Tensor<B> combine(Context<B>& ctx, DispatchPlan<B> const& plan, Tensor<B> slots) {
  require_slot_rows(plan, slots, "combine: slots.rows must be slots * item_rows");
  auto y = ctx.tensor(plan.num_items * plan.item_rows, slots.cols);  // [rows, width]
  combine_items(ctx.backend, y.data, slots.data,
                static_cast<typename B::Scalar const*>(plan.combine_weights.data()),
                plan.item_begin.data(), plan.slots_of_item.data(), plan.num_items,
                plan.item_rows * slots.cols);
  return y;
}
/// dslots = combine_weight * dy of the item; dgates.weights += <dy, slot output>, unless there are
/// no such weights (null).
template <class B>
Tensor<B> combine_backward(Context<B>& ctx, DispatchPlan<B> const& plan, Tensor<B> slots,
                           Tensor<B> dy, GatesGrad<B> const& dgates) {
  require_slot_rows(plan, slots, "combine_backward: slots.rows must be slots * item_rows");
  require_item_rows(plan, dy, "combine_backward: dy.rows must be items * item_rows");
  require(dy.cols == slots.cols, "combine_backward: dy.cols must equal slots.cols", dy.cols,
          slots.cols);
  if (auto const& dweights = dgates.weights; dweights.data != nullptr) {
    require(dweights.rows == plan.num_items, "combine_backward: dgates.weights.rows must be items",
            dweights.rows, plan.num_items);
    require(dweights.cols == plan.num_experts,
            "combine_backward: dgates.weights.cols must be num_experts", dweights.cols,
            plan.num_experts);
  }
  auto dslots = ctx.tensor(slots.rows, slots.cols);  // [slot rows, width]
  combine_items_backward(ctx.backend, dslots.data, dgates.weights.data, dy.data, slots.data,
                         plan.combine_weights.data(), plan.item_of_slot.data(),
                         plan.expert_of_slot.data(), plan.num_slots, plan.num_experts,
                         plan.item_rows * slots.cols);
  return dslots;
}

}  // namespace moenda::ops
