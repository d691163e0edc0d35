// SPDX-License-Identifier: Apache-2.0
#pragma once
// Rows of a table, looked up by number.
#include <string>

#include "moenda/core/error.hpp"
#include "moenda/cpu/kernels/blocks.hpp"
#include "moenda/cpu/kernels/linear/unpack.hpp"

namespace moenda::cpu::MOENDA_LEVEL {

// y[r] = table[ids[r]]. The ids are not checked: the table's height is not known here.
template <class T>
void embedding_forward(Backend<T>& backend, T* y, Kept<T> table, int const* ids, int rows,
                       int cols) {
  auto const body = [=](std::ptrdiff_t begin, std::ptrdiff_t end) {
    for (std::ptrdiff_t r = begin; r < end; ++r) {
      detail::unpack_row(y + r * cols, table, ids[r], cols, 0, cols);
    }
  };
  detail::for_blocks(backend, rows, detail::rows_per_block(cols, detail::scalars_per_copy), body);
}

namespace detail {

/// Throws DataError unless every id names a row of the table.
inline void check_embedding_ids(int const* ids, int rows, int table_rows) {
  for (int r = 0; r < rows; ++r) {
    if (ids[r] >= 0 && ids[r] < table_rows) continue;
    throw DataError("embedding_backward: ids must lie in 0.." + std::to_string(table_rows - 1) +
                    " (id " + std::to_string(ids[r]) + " in row " + std::to_string(r) + ")");
  }
}

}  // namespace detail

// dtable[ids[r]] += dy[r]. Two rows may hold the same id, so a worker owns a slice of columns and
// walks all rows in order: no two workers write to one scalar and each sum keeps its order.
// Throws DataError, before it writes anything, unless all ids lie in [0, table_rows).
template <class T>
void embedding_backward(Backend<T>& backend, T* dtable, T const* dy, int const* ids, int rows,
                        int cols, int table_rows) {
  detail::check_embedding_ids(ids, rows, table_rows);
  if (rows <= 0) return;
  // Whole cache lines, and enough columns to be worth a thread. A worker takes all its slices at
  // once, so that it reads long runs of a row.
  auto const slice = std::max<std::ptrdiff_t>(16, detail::rows_per_block(rows));
  auto const slices = detail::blocks_of(cols, slice);
  backend.pool.parallel_for(slices, [=](std::int64_t first, std::int64_t last) {
    auto const begin = first * slice, end = std::min<std::ptrdiff_t>(cols, last * slice);
    for (std::ptrdiff_t r = 0; r < rows; ++r) {
      T* const to = dtable + std::ptrdiff_t{ids[r]} * cols;
      T const* const from = dy + r * cols;
      for (std::ptrdiff_t c = begin; c < end; ++c) to[c] += from[c];
    }
  });
}

}  // namespace moenda::cpu::MOENDA_LEVEL
