// SPDX-License-Identifier: Apache-2.0
#pragma once
// Who stays when an expert has more items than room.
#include <functional>

#include "moenda/cpu/kernels/routing/top_k.hpp"

namespace moenda::cpu::MOENDA_LEVEL {

// kept[i, e] = 1 for the `capacity` slots of largest priority_of_slot of every expert, else 0; an
// expert's slots bins[e] .. bins[e + 1] are in the order of its items, and of equal priorities the
// first stays. NaN counts as -infinity.
template <class T>
void keep_within_capacity(Backend<T>& backend, T* kept, int const* bins, int const* item_of_slot,
                          T const* priority_of_slot, int items, int experts, int capacity) {
  std::ptrdiff_t const cols = experts;
  detail::for_blocks(
      backend, items * cols, detail::scalars_per_copy,
      [=](std::ptrdiff_t begin, std::ptrdiff_t end) { std::fill(kept + begin, kept + end, T(0)); });
  if (capacity <= 0) return;
  detail::for_blocks(backend, cols, 1, [=, &backend](std::ptrdiff_t e, std::ptrdiff_t) {
    std::ptrdiff_t const first = bins[e], last = bins[e + 1], count = last - first;
    T lowest = -std::numeric_limits<T>::infinity();  // what an item needs to stay
    auto ties = count;                               // how many stay that have just that
    if (count > capacity) {
      T* const keys =
          backend.template scratch<T>(Backend<T>::reduction, static_cast<std::size_t>(count));
      for (auto s = first; s < last; ++s) {
        keys[s - first] = detail::selection_key(priority_of_slot[s]);
      }
      std::nth_element(keys, keys + capacity - 1, keys + count, std::greater<T>());
      lowest = keys[capacity - 1];
      ties = capacity - std::count_if(keys, keys + capacity, [=](T key) { return key > lowest; });
    }
    for (auto s = first; s < last; ++s) {
      T const key = detail::selection_key(priority_of_slot[s]);
      bool const stays = key > lowest || (key == lowest && ties-- > 0);
      kept[item_of_slot[s] * cols + e] = T(stays);
    }
  });
}

}  // namespace moenda::cpu::MOENDA_LEVEL
