// SPDX-License-Identifier: Apache-2.0
#pragma once
// Many rows to one and back. Rows from lengths[item] on are padding (lengths null: there is none).
#include "moenda/cpu/kernels/blocks.hpp"

namespace moenda::cpu::MOENDA_LEVEL {

namespace detail {

/// How many of the item_rows rows of an item are there.
[[nodiscard]] inline int rows_of_item(int const* lengths, std::ptrdiff_t item, int item_rows) {
  return lengths == nullptr ? item_rows : std::clamp(lengths[item], 0, item_rows);
}

/// y[i] = factor(rows of item i) * their sum. One worker owns whole items and sums their rows in
/// order.
template <class T, class Factor>
void sum_items(Backend<T>& backend, T* y, T const* x, int const* lengths, int items, int item_rows,
               int cols, Factor const& factor) {
  backend.pool.parallel_for(items, [&](std::int64_t begin, std::int64_t end) {
    for (auto item = begin; item < end; ++item) {
      T* const sum = y + item * cols;
      std::fill_n(sum, cols, T(0));
      int const rows = rows_of_item(lengths, item, item_rows);
      for (int r = 0; r < rows; ++r) {
        T const* const row = x + (item * item_rows + r) * cols;
        for (int c = 0; c < cols; ++c) sum[c] += row[c];
      }
      T const f = factor(rows);
      for (int c = 0; c < cols; ++c) sum[c] *= f;
    }
  });
}

/// y of every row of item i = factor(rows of item i) * x[i], and 0 in its padding.
template <class T, class Factor>
void spread_items(Backend<T>& backend, T* y, T const* x, int const* lengths, int items,
                  int item_rows, int cols, Factor const& factor) {
  auto const body = [&](std::ptrdiff_t begin, std::ptrdiff_t end) {
    for (auto row = begin; row < end; ++row) {
      auto const item = row / item_rows;
      int const rows = rows_of_item(lengths, item, item_rows);
      T const f = row - item * item_rows < rows ? factor(rows) : T(0);
      if (f == T(0)) {
        std::fill_n(y + row * cols, cols, T(0));
      } else {
        for (int c = 0; c < cols; ++c) y[row * cols + c] = f * x[item * cols + c];
      }
    }
  };
  for_blocks(backend, std::ptrdiff_t(items) * item_rows, rows_per_block(cols), body);
}

}  // namespace detail

// y[i] = mean of the rows of item i, 0 without rows
template <class T>
void mean_pool_forward(Backend<T>& backend, T* y, T const* x, int const* lengths, int items,
                       int item_rows, int cols) {
  detail::sum_items(backend, y, x, lengths, items, item_rows, cols,
                    [](int rows) { return rows == 0 ? T(0) : T(1) / T(rows); });
}
// dx of every row of item i = dy[i] / rows, 0 in padding
template <class T>
void mean_pool_backward(Backend<T>& backend, T* dx, T const* dy, int const* lengths, int items,
                        int item_rows, int cols) {
  detail::spread_items(backend, dx, dy, lengths, items, item_rows, cols,
                       [](int rows) { return T(1) / T(rows); });
}

// y of every row of item i = x[i], 0 in padding
template <class T>
void repeat_rows_forward(Backend<T>& backend, T* y, T const* x, int const* lengths, int items,
                         int item_rows, int cols) {
  detail::spread_items(backend, y, x, lengths, items, item_rows, cols, [](int) { return T(1); });
}
// dx[i] = sum of dy over the rows of item i
template <class T>
void repeat_rows_backward(Backend<T>& backend, T* dx, T const* dy, int const* lengths, int items,
                          int item_rows, int cols) {
  detail::sum_items(backend, dx, dy, lengths, items, item_rows, cols, [](int) { return T(1); });
}

}  // namespace moenda::cpu::MOENDA_LEVEL
