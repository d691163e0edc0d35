// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <array>

#include "moenda/ops/elementwise/random_numbers.hpp"
#include "moenda/ops/routing/priority.hpp"

namespace moenda {

/// Which items stay when more of them choose an expert than it has room for.
enum class Drop {
  position,     ///< the first of the batch (Lepikhin et al. 2020, algorithm 1), or what the router
                ///< itself puts first
  probability,  ///< those most sure of the expert; with one expert per item that is batch
                ///< prioritised routing, Riquelme et al. 2021, section 4
  random,       ///< any, drawn anew in every step
};
constexpr auto enum_names(Drop) { return std::array{"position", "probability", "random"}; }

/// The plan of `gates` where an expert keeps at most `capacity` items; capacity < 0 drops nothing.
template <class B>
DispatchPlan<B> plan_within_capacity(Context<B>& ctx, Gates<B> const& gates, int item_rows,
                                     int capacity, Drop drop) {
  if (capacity < 0) return ops::make_plan(ctx, gates, item_rows, -1);
  auto const& selected = gates.selected;
  auto priority = gates.priority;  // [items, num_experts]
  if (drop == Drop::probability) priority = gates.probs.cols > 0 ? gates.probs : gates.weights;
  if (drop == Drop::random) {
    priority = ops::uniform(ctx, "mixture_drop", selected.rows, selected.cols);
  }
  if (priority.cols == 0) return ops::make_plan(ctx, gates, item_rows, capacity);
  return ops::make_plan(ctx, gates, item_rows, capacity, priority);
}

}  // namespace moenda
