// SPDX-License-Identifier: Apache-2.0
#pragma once
// Moving items to the slots of a plan and back. An item is `block` scalars: a token, a sequence, a
// row of a table.
#include "moenda/cpu/kernels/blocks.hpp"
#include "moenda/cpu/kernels/elementwise/elementwise.hpp"
#include "moenda/cpu/kernels/routing/plan.hpp"

namespace moenda::cpu::MOENDA_LEVEL {

// Slots of item -1 are empty: a plan may have more slots than it fills. Their rows become 0.

// y[s] = x[item_of_slot[s]]
template <class T>
void gather_items(Backend<T>& backend, T* y, T const* x, int const* item_of_slot, int slots,
                  int block) {
  detail::for_pieces(backend, slots, block,
                     [=](std::ptrdiff_t s, std::ptrdiff_t begin, std::ptrdiff_t end) {
                       std::ptrdiff_t const item = item_of_slot[s];
                       if (item < 0) {
                         std::fill(y + s * block + begin, y + s * block + end, T(0));
                         return;
                       }
                       T const* const from = x + item * block;
                       std::copy(from + begin, from + end, y + s * block + begin);
                     });
}

// y[i] = sum over the slots of item i of weights[slot] * slots_y[slot]; weights null means 1. An
// item without slots gets 0. An item adds its slots by itself, in slot order.
template <class T>
void combine_items(Backend<T>& backend, T* y, T const* slots_y, T const* weights,
                   int const* item_begin, int const* slots_of_item, int items, int block) {
  auto const body = [=](std::ptrdiff_t i, std::ptrdiff_t begin, std::ptrdiff_t end) {
    T* const to = y + i * block;
    int const first = item_begin[i], last = item_begin[i + 1];
    if (first == last) std::fill(to + begin, to + end, T(0));
    for (int at = first; at < last; ++at) {
      std::ptrdiff_t const slot = slots_of_item[at];
      T const* const from = slots_y + slot * block;
      T const weight = weights == nullptr ? T(1) : weights[slot];
      if (at == first) {
        for (std::ptrdiff_t c = begin; c < end; ++c) to[c] = weight * from[c];
      } else {
        for (std::ptrdiff_t c = begin; c < end; ++c) to[c] += weight * from[c];
      }
    }
  };
  detail::for_pieces(backend, items, block, body);
}

// dslots[s] = weights[s] * dy[item], dweights[item, expert] += dy[item] . slots_y[s]. A slot is one
// pair of item and expert, so no two slots write to the same weight. weights null means 1; with
// dweights null only dslots is computed.
template <class T>
void combine_items_backward(Backend<T>& backend, T* dslots, T* dweights, T const* dy,
                            T const* slots_y, T const* weights, int const* item_of_slot,
                            int const* expert_of_slot, int slots, int experts, int block) {
  auto const body = [=](std::ptrdiff_t begin, std::ptrdiff_t end) {
    for (std::ptrdiff_t s = begin; s < end; ++s) {
      std::ptrdiff_t const item = item_of_slot[s];
      if (item < 0) {
        std::fill_n(dslots + s * block, block, T(0));
        continue;
      }
      T const* const up = dy + item * block;
      if (dweights != nullptr) {
        T const* const out = slots_y + s * block;
        dweights[item * experts + expert_of_slot[s]] +=
            detail::sum_of<T>(block, [=](std::ptrdiff_t c) { return up[c] * out[c]; });
      }
      T* const down = dslots + s * block;
      T const weight = weights == nullptr ? T(1) : weights[s];
      for (std::ptrdiff_t c = 0; c < block; ++c) down[c] = weight * up[c];
    }
  };
  detail::for_blocks(backend, slots, detail::rows_per_block(block), body);
}

}  // namespace moenda::cpu::MOENDA_LEVEL
