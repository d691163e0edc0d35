// SPDX-License-Identifier: Apache-2.0
#pragma once
// One column per row, and what depends on which one it is.
#include "moenda/cpu/kernels/blocks.hpp"

namespace moenda::cpu::MOENDA_LEVEL {

namespace detail {

/// The first column at which the running sum of p passes `draw`, else the last that is possible: p
/// need not add up to 1 exactly. Column 0 where nothing is possible.
template <class T>
[[nodiscard]] int column_of_draw(T const* p, T draw, int cols) {
  double sum = 0;
  int last = 0;
  for (int c = 0; c < cols; ++c) {
    if (p[c] > T(0)) last = c;
    sum += static_cast<double>(p[c]);
    if (static_cast<double>(draw) < sum) return last;
  }
  return last;
}

}  // namespace detail

// selected[r, c] = 1 for one column of every row, else 0: column c with probability probs[r, c],
// by draws[r], uniform in [0, 1)
template <class T>
void choose_at_random(Backend<T>& backend, T* selected, T const* probs, T const* draws, int rows,
                      int cols) {
  if (cols <= 0) return;
  auto const body = [=](std::ptrdiff_t begin, std::ptrdiff_t end) {
    for (std::ptrdiff_t r = begin; r < end; ++r) {
      T* const row = selected + r * cols;
      std::fill_n(row, cols, T(0));
      row[detail::column_of_draw(probs + r * cols, draws[r], cols)] = T(1);
    }
  };
  detail::for_blocks(backend, rows, detail::rows_per_block(cols), body);
}

// columns[r] = the first c with selected[r, c] != 0, else 0
template <class T>
void chosen_columns(Backend<T>& backend, int* columns, T const* selected, int rows, int cols) {
  auto const body = [=](std::ptrdiff_t begin, std::ptrdiff_t end) {
    for (std::ptrdiff_t r = begin; r < end; ++r) {
      T const* const row = selected + r * cols;
      auto const found = std::find_if(row, row + cols, [](T s) { return s != T(0); });
      columns[r] = found == row + cols ? 0 : static_cast<int>(found - row);
    }
  };
  detail::for_blocks(backend, rows, detail::rows_per_block(cols), body);
}

// y[r] += table[columns[r]]
template <class T>
void add_chosen_row(Backend<T>& backend, T* y, T const* table, int const* columns, int rows,
                    int cols) {
  auto const body = [=](std::ptrdiff_t begin, std::ptrdiff_t end) {
    for (std::ptrdiff_t r = begin; r < end; ++r) {
      T const* const from = table + std::ptrdiff_t{columns[r]} * cols;
      T* const to = y + r * cols;
      for (std::ptrdiff_t c = 0; c < cols; ++c) to[c] += from[c];
    }
  };
  detail::for_blocks(backend, rows, detail::rows_per_block(cols, detail::scalars_per_copy), body);
}

// y[r] = factors[r, columns[r]] x[r]; factors [rows, table_cols]
template <class T>
void scale_by_chosen(Backend<T>& backend, T* y, T const* x, T const* factors, int const* columns,
                     int rows, int cols, int table_cols) {
  auto const body = [=](std::ptrdiff_t begin, std::ptrdiff_t end) {
    for (std::ptrdiff_t r = begin; r < end; ++r) {
      T const factor = factors[r * table_cols + columns[r]];
      for (std::ptrdiff_t i = r * cols; i < (r + 1) * cols; ++i) y[i] = factor * x[i];
    }
  };
  detail::for_blocks(backend, rows, detail::rows_per_block(cols, detail::scalars_per_copy), body);
}
// dfactors[r, columns[r]] += <dy[r], x[r]>
template <class T>
void scale_by_chosen_backward(Backend<T>& backend, T* dfactors, T const* dy, T const* x,
                              int const* columns, int rows, int cols, int table_cols) {
  auto const body = [=](std::ptrdiff_t begin, std::ptrdiff_t end) {
    for (std::ptrdiff_t r = begin; r < end; ++r) {
      T const* const up = dy + r * cols;
      T const* const from = x + r * cols;
      dfactors[r * table_cols + columns[r]] +=
          detail::sum_of<T>(cols, [=](std::ptrdiff_t c) { return up[c] * from[c]; });
    }
  };
  detail::for_blocks(backend, rows, detail::rows_per_block(cols), body);
}

}  // namespace moenda::cpu::MOENDA_LEVEL
