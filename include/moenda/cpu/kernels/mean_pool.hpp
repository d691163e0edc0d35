// SPDX-License-Identifier: Apache-2.0
#pragma once
#include "moenda/cpu/declarations.hpp"

namespace moenda::cpu {

// One worker owns whole sequences and sums their rows in order.
template <class T>
void mean_pool_forward(Backend<T>& backend, T* y, T const* x, int items, int item_rows, int cols) {
  backend.pool.parallel_for(items, [&](std::int64_t begin, std::int64_t end) {
    for (auto item = begin; item < end; ++item) {
      T* sum = y + item * cols;
      for (int c = 0; c < cols; ++c) sum[c] = T(0);
      for (int r = 0; r < item_rows; ++r) {
        T const* row = x + (item * item_rows + r) * cols;
        for (int c = 0; c < cols; ++c) sum[c] += row[c];
      }
      for (int c = 0; c < cols; ++c) sum[c] /= T(item_rows);
    }
  });
}

template <class T>
void mean_pool_backward(Backend<T>& backend, T* dx, T const* dy, int items, int item_rows,
                        int cols) {
  backend.pool.parallel_for(std::int64_t(items) * item_rows,
                            [&](std::int64_t begin, std::int64_t end) {
                              for (auto row = begin; row < end; ++row) {
                                T const* from = dy + row / item_rows * cols;
                                for (int c = 0; c < cols; ++c) {
                                  dx[row * cols + c] = from[c] / T(item_rows);
                                }
                              }
                            });
}

}  // namespace moenda::cpu
