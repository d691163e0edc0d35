// SPDX-License-Identifier: Apache-2.0
#pragma once
// The k largest entries of every row, as a mask.
#include <functional>
#include <limits>

#include "moenda/cpu/kernels/blocks.hpp"

namespace moenda::cpu::MOENDA_LEVEL {

namespace detail {

/// Up to this k the best so far are kept in order: one comparison per column, hardly any moves.
inline constexpr int short_selection = 16;

/// What entries are ordered by. NaN counts as -infinity, so that the order is total.
template <class T>
[[nodiscard]] inline T selection_key(T value) {
  return value == value ? value : -std::numeric_limits<T>::infinity();
}

/// Sorted insertion, for 1 <= k <= short_selection and k < cols. An equal key from a later column
/// never moves ahead, so ties go to the lowest column.
template <class T>
void mark_short_selection(T* mask, T const* x, int k, int cols) {
  T keys[short_selection];
  int columns[short_selection];
  int held = 0;
  for (int c = 0; c < cols; ++c) {
    T const key = selection_key(x[c]);
    if (held == k && !(key > keys[k - 1])) continue;
    int at = held < k ? held++ : k - 1;
    for (; at > 0 && key > keys[at - 1]; --at) {
      keys[at] = keys[at - 1];
      columns[at] = columns[at - 1];
    }
    keys[at] = key;
    columns[at] = c;
  }
  for (int i = 0; i < k; ++i) mask[columns[i]] = T(1);
}

/// For 1 <= k < cols: finds the k-th largest key in linear time, marks all above it, and as many
/// equal to it, from the left, as are missing. `keys` is working memory for `cols` scalars.
template <class T>
void mark_long_selection(T* mask, T const* x, T* keys, int k, int cols) {
  for (int c = 0; c < cols; ++c) keys[c] = selection_key(x[c]);
  std::nth_element(keys, keys + k - 1, keys + cols, std::greater<T>());
  T const smallest = keys[k - 1];
  auto const above = std::count_if(keys, keys + k, [=](T key) { return key > smallest; });
  auto ties = k - above;
  for (int c = 0; c < cols; ++c) {
    T const key = selection_key(x[c]);
    bool const taken = key > smallest || (key == smallest && ties-- > 0);
    mask[c] = T(taken);
  }
}

}  // namespace detail

// mask[r, c] = 1 for the k largest of row r (ties: lowest column; NaN counts as -infinity), else 0.
// Always min(k, cols) entries, whatever the row holds; none for k <= 0.
template <class T>
void top_k_of_rows(Backend<T>& backend, T* mask, T const* x, int k, int rows, int cols) {
  auto const body = [=, &backend](std::ptrdiff_t begin, std::ptrdiff_t end) {
    std::fill(mask + begin * cols, mask + end * cols, k >= cols ? T(1) : T(0));
    if (k <= 0 || k >= cols) return;
    T* keys = nullptr;
    if (k > detail::short_selection) {
      keys = backend.template scratch<T>(Backend<T>::reduction, static_cast<std::size_t>(cols));
    }
    for (std::ptrdiff_t r = begin; r < end; ++r) {
      if (keys == nullptr) {
        detail::mark_short_selection(mask + r * cols, x + r * cols, k, cols);
      } else {
        detail::mark_long_selection(mask + r * cols, x + r * cols, keys, k, cols);
      }
    }
  };
  detail::for_blocks(backend, rows, detail::rows_per_block(cols, detail::scalars_per_block / 4),
                     body);
}

}  // namespace moenda::cpu::MOENDA_LEVEL
