// SPDX-License-Identifier: Apache-2.0
#pragma once
// Ways to narrow a choice of columns, and choices that do not look at content.
#include "moenda/cpu/kernels/routing/top_k.hpp"

namespace moenda::cpu::MOENDA_LEVEL {

namespace detail {

/// The sum of the `best` largest of `size` entries.
template <class T>
[[nodiscard]] T sum_of_best(T const* x, T* keys, int best, int size) {
  for (int c = 0; c < size; ++c) keys[c] = selection_key(x[c]);
  std::partial_sort(keys, keys + best, keys + size, std::greater<T>());
  T sum = 0;
  for (int i = 0; i < best; ++i) sum += keys[i];
  return sum;
}

/// One row of keep_best_groups. `working` holds 2 groups + size scalars.
template <class T>
void keep_best_groups_of_row(T* y, T const* x, T* working, int groups, int top_groups, int best,
                             int size) {
  T* const worth = working;              // [groups]
  T* const taken = working + groups;     // [groups]
  T* const keys = working + 2 * groups;  // [size]
  for (int g = 0; g < groups; ++g) worth[g] = sum_of_best(x + g * size, keys, best, size);
  std::fill_n(taken, groups, T(0));
  for (int i = 0; i < top_groups; ++i) {  // few groups: each round takes the best that is left
    int next = -1;
    T most = 0;
    for (int g = 0; g < groups; ++g) {
      T const key = selection_key(worth[g]);
      if (taken[g] == T(0) && (next < 0 || key > most)) next = g, most = key;
    }
    taken[next] = T(1);
  }
  for (int c = 0; c < groups * size; ++c) {
    T const inside = std::max(selection_key(x[c]), std::numeric_limits<T>::lowest());
    y[c] = taken[c / size] != T(0) ? inside : -std::numeric_limits<T>::infinity();
  }
}

}  // namespace detail

// y = x in the top_groups groups of largest sum of their `best` largest entries (ties: the lowest
// group), -infinity elsewhere. Inside, -infinity and NaN become the lowest finite number.
template <class T>
void keep_best_groups(Backend<T>& backend, T* y, T const* x, int groups, int top_groups, int best,
                      int rows, int cols) {
  int const size = cols / groups;
  int const taken = std::min(top_groups, groups), summed = std::min(best, size);
  auto const body = [=, &backend](std::ptrdiff_t begin, std::ptrdiff_t end) {
    auto const scalars = static_cast<std::size_t>(2 * groups + size);
    T* const working = backend.template scratch<T>(Backend<T>::reduction, scalars);
    for (std::ptrdiff_t r = begin; r < end; ++r) {
      detail::keep_best_groups_of_row(y + r * cols, x + r * cols, working, groups, taken, summed,
                                      size);
    }
  };
  detail::for_blocks(backend, rows, detail::rows_per_block(cols, detail::scalars_per_block / 4),
                     body);
}

// kept = mask where always != 0 or x > limits[row], else 0
template <class T>
void keep_above(Backend<T>& backend, T* kept, T const* mask, T const* always, T const* x,
                T const* limits, int rows, int cols) {
  auto const body = [=](std::ptrdiff_t begin, std::ptrdiff_t end) {
    for (std::ptrdiff_t r = begin; r < end; ++r) {
      T const limit = limits[r];
      for (std::ptrdiff_t i = r * cols; i < (r + 1) * cols; ++i) {
        bool const is_safe = always[i] != T(0), is_above = x[i] > limit;
        T const own = mask[i];
        kept[i] = (is_safe | is_above) ? own : T(0);
      }
    }
  };
  detail::for_blocks(backend, rows, detail::rows_per_block(cols), body);
}

// mask[r, c] = 1 for the k columns from (first + r % period) k on, around the end, else 0
template <class T>
void round_robin(Backend<T>& backend, T* mask, int first, int period, int k, int rows, int cols,
                 int const* firsts) {
  auto const body = [=](std::ptrdiff_t begin, std::ptrdiff_t end) {
    std::fill(mask + begin * cols, mask + end * cols, T(0));
    for (std::ptrdiff_t r = begin; r < end; ++r) {
      std::ptrdiff_t const from = firsts == nullptr ? first : firsts[r / period];
      std::ptrdiff_t const start = (from + r % period) * k;
      for (int i = 0; i < k; ++i) mask[r * cols + (start + i) % cols] = T(1);
    }
  };
  detail::for_blocks(backend, rows, detail::rows_per_block(cols), body);
}

}  // namespace moenda::cpu::MOENDA_LEVEL
