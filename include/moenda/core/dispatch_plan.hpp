// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <span>

#include "moenda/core/gates.hpp"

namespace moenda {

/// Gates, compacted. Its arrays live in the backend's space. Assignments ("slots") are sorted by
/// expert, then by item. One plan serves every router: token-choice, expert-choice with
/// 0..num_experts experts per item, hash, whole sequences. An item is `item_rows` consecutive rows
/// of the input.
template <class B>
struct DispatchPlan {
  using Scalar = typename B::Scalar;
  int num_items = 0, item_rows = 1, num_experts = 0;
  int num_slots = 0;    // kept assignments; where only the backend can count them, at most so many:
                        // the last slots may then be empty, with item and expert -1
  int num_dropped = 0;  // assignments over capacity, where the host can count them
  std::span<int> bins;  // [num_experts + 1] slots of expert e: bins[e] .. bins[e + 1]
  std::span<int> item_of_slot;        // [num_slots]
  std::span<int> expert_of_slot;      // [num_slots]
  std::span<int> item_begin;          // [num_items + 1] into slots_of_item
  std::span<int> slots_of_item;       // [num_slots]
  std::span<Scalar> combine_weights;  // [num_slots]
  std::span<int> seen_bins{};  // [num_experts + 1] on the host, where that cannot look at the bins:
                               // the bins, once it has asked for them; seen_bins[0] is -1 before

  /// The bins for the host. Where it cannot look, the first call for a plan is one synchronisation.
  [[nodiscard]] std::span<int const> bins_on_host(Context<B>& ctx) const {
    if constexpr (B::Space::is_host) {
      return bins;
    } else {
      if (seen_bins[0] < 0) {
        ctx.backend.space().copy_to_host(seen_bins.data(), bins.data(), bins.size_bytes());
      }
      return seen_bins;
    }
  }
  [[nodiscard]] int tokens_per_expert(int expert) const requires(B::Space::is_host) {
    return bins[std::size_t(expert) + 1] - bins[std::size_t(expert)];
  }
};

}  // namespace moenda
