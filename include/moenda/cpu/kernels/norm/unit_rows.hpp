// SPDX-License-Identifier: Apache-2.0
#pragma once
// Rows of length 1: what is left of a vector when only its direction counts.
#include <cmath>

#include "moenda/cpu/kernels/blocks.hpp"

namespace moenda::cpu::MOENDA_LEVEL {

// y[r] = x[r] / |x[r]|, inverse_length[r] = 1 / |x[r]|; both 0 for a row that is too short to have
// a direction
template <class T>
void unit_rows_forward(Backend<T>& backend, T* y, T* inverse_length, T const* x, int rows,
                       int cols) {
  constexpr T shortest = T(1e-12);
  auto const body = [=](std::ptrdiff_t begin, std::ptrdiff_t end) {
    for (std::ptrdiff_t r = begin; r < end; ++r) {
      T const* const from = x + r * cols;
      T* const to = y + r * cols;
      T const squares =
          detail::sum_of<T>(cols, [=](std::ptrdiff_t c) { return from[c] * from[c]; });
      T const length = std::sqrt(squares);
      T const inverse = length <= shortest ? T(0) : T(1) / length;
      inverse_length[r] = inverse;
      for (std::ptrdiff_t c = 0; c < cols; ++c) to[c] = from[c] * inverse;
    }
  };
  detail::for_blocks(backend, rows, detail::rows_per_block(cols), body);
}

// dx = (dy - y <y, dy>) / |x|: what points along x does not change its direction
template <class T>
void unit_rows_backward(Backend<T>& backend, T* dx, T const* dy, T const* y,
                        T const* inverse_length, int rows, int cols) {
  auto const body = [=](std::ptrdiff_t begin, std::ptrdiff_t end) {
    for (std::ptrdiff_t r = begin; r < end; ++r) {
      T const* const up = dy + r * cols;
      T const* const out = y + r * cols;
      T* const down = dx + r * cols;
      T const along = detail::sum_of<T>(cols, [=](std::ptrdiff_t c) { return up[c] * out[c]; });
      T const inverse = inverse_length[r];
      for (std::ptrdiff_t c = 0; c < cols; ++c) down[c] = (up[c] - out[c] * along) * inverse;
    }
  };
  detail::for_blocks(backend, rows, detail::rows_per_block(cols), body);
}

}  // namespace moenda::cpu::MOENDA_LEVEL
