// SPDX-License-Identifier: Apache-2.0
#pragma once
// The dispatch plan: which item sits in which slot. A counting sort with one count per expert and
// block of items, so that all blocks can be placed at once.
#include "moenda/cpu/kernels/blocks.hpp"

namespace moenda::cpu::MOENDA_LEVEL {

namespace detail {

/// counts[e] += 1 for every selected expert. Its own function: inside a lambda the ints written
/// could be the lambda's own, and the compiler would have to read the bound again after each.
template <class T>
inline void count_row(int* counts, T const* selected, std::ptrdiff_t experts) {
  for (std::ptrdiff_t e = 0; e < experts; ++e) counts[e] += selected[e] != T(0) ? 1 : 0;
}

/// Calls body(e) for every selected expert, in order. A row is mostly zeros: whole vectors of them
/// are passed over at once.
template <class T, class Body>
inline void for_selected(T const* selected, std::ptrdiff_t experts, Body const& body) {
  constexpr std::ptrdiff_t group = 16;
  for (std::ptrdiff_t begin = 0; begin < experts; begin += group) {
    auto const end = std::min(experts, begin + group);
    if (end - begin == group) {
      int any = 0;
      for (std::ptrdiff_t l = 0; l < group; ++l) any |= selected[begin + l] != T(0) ? 1 : 0;
      if (any == 0) continue;
    }
    for (std::ptrdiff_t e = begin; e < end; ++e) {
      if (selected[e] != T(0)) body(e);
    }
  }
}

/// counts[b, e] = items of block b that selected expert e, in the caller's reduction scratch, with
/// `extra` ints behind.
template <class T>
[[nodiscard]] int* count_per_block(Backend<T>& backend, T const* selected, int items, int experts,
                                   std::ptrdiff_t extra) {
  auto const size = blocks_of(items, rows_per_sum) * experts;
  int* const counts =
      backend.template scratch<int>(Backend<T>::reduction, static_cast<std::size_t>(size + extra));
  for_blocks(backend, items, rows_per_sum, [=](std::ptrdiff_t begin, std::ptrdiff_t end) {
    int* const count = counts + begin / rows_per_sum * experts;
    std::fill_n(count, experts, 0);
    for (std::ptrdiff_t i = begin; i < end; ++i) {
      count_row(count, selected + i * experts, experts);
    }
  });
  return counts;
}

/// Fills bins, turns counts[b, e] into the rank among its expert's items of the first item of block
/// b, and kept[b] into the number of assignments kept before block b.
inline void rank_blocks(int* bins, int* counts, int* kept, std::ptrdiff_t blocks,
                        std::ptrdiff_t experts, int limit) {
  std::fill_n(kept, blocks + 1, 0);
  bins[0] = 0;
  for (std::ptrdiff_t e = 0; e < experts; ++e) {
    int rank = 0;
    for (std::ptrdiff_t b = 0; b < blocks; ++b) {
      int const next = rank + counts[b * experts + e];
      counts[b * experts + e] = rank;
      kept[b + 1] += std::min(next, limit) - std::min(rank, limit);
      rank = next;
    }
    bins[e + 1] = bins[e] + std::min(rank, limit);
  }
  for (std::ptrdiff_t b = 0; b < blocks; ++b) kept[b + 1] += kept[b];
}

}  // namespace detail

// tokens_per_expert[e] = number of items with selected[i, e] != 0, before any capacity
template <class T>
void count_selected(Backend<T>& backend, int* tokens_per_expert, T const* selected, int items,
                    int experts) {
  std::fill_n(tokens_per_expert, std::max(0, experts), 0);
  int const* const counts = detail::count_per_block(backend, selected, items, experts, 0);
  detail::add_partials(backend, tokens_per_expert, counts,
                       detail::blocks_of(items, detail::rows_per_sum), experts, experts);
}

// Slots sorted by expert, then by item: expert e owns bins[e] .. bins[e + 1]. Of each expert's
// items the first `capacity` are kept, in item order (Lepikhin et al. 2020, algorithm 1); capacity
// < 0 keeps all. Item i's slots, by expert, are slots_of_item[item_begin[i] .. item_begin[i + 1]].
// bins[experts + 1], item_begin[items + 1]; item_of_slot, expert_of_slot, combine_weights and
// slots_of_item hold as many entries as there are kept assignments.
template <class T>
void make_plan(Backend<T>& backend, int* bins, int* item_of_slot, int* expert_of_slot,
               T* combine_weights, int* item_begin, int* slots_of_item, T const* selected,
               T const* weights, int items, int experts, int capacity) {
  auto const blocks = detail::blocks_of(items, detail::rows_per_sum);
  int const limit = capacity < 0 ? items : capacity;
  int* const ranks = detail::count_per_block(backend, selected, items, experts, blocks + 1);
  int* const kept = ranks + blocks * experts;
  detail::rank_blocks(bins, ranks, kept, blocks, experts, limit);
  item_begin[std::max(0, items)] = bins[experts];
  auto const body = [=](std::ptrdiff_t begin, std::ptrdiff_t end) {
    int* const rank = ranks + begin / detail::rows_per_sum * experts;
    int next = kept[begin / detail::rows_per_sum];
    for (std::ptrdiff_t i = begin; i < end; ++i) {
      item_begin[i] = next;
      detail::for_selected(selected + i * experts, experts, [&](std::ptrdiff_t e) {
        if (rank[e] >= limit) return;
        auto const slot = bins[e] + rank[e]++;
        item_of_slot[slot] = static_cast<int>(i);
        expert_of_slot[slot] = static_cast<int>(e);
        combine_weights[slot] = weights[i * experts + e];
        slots_of_item[next++] = slot;
      });
    }
  };
  detail::for_blocks(backend, items, detail::rows_per_sum, body);
}

}  // namespace moenda::cpu::MOENDA_LEVEL
