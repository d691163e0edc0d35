// SPDX-License-Identifier: Apache-2.0
#pragma once
// Root mean square normalisation (Zhang & Sennrich 2019, eq. 4): only the scale of a row is
// removed, not its mean.
#include <cmath>

#include "moenda/cpu/kernels/blocks.hpp"

namespace moenda::cpu::MOENDA_LEVEL {

// rstd[r] = 1 / sqrt(mean_c x[r, c]^2 + epsilon), y[r, c] = x[r, c] rstd[r] gain[c]
template <class T>
void rms_norm_forward(Backend<T>& backend, T* y, T* rstd, T const* x, T const* gain, T epsilon,
                      int rows, int cols) {
  auto const body = [=](std::ptrdiff_t begin, std::ptrdiff_t end) {
    for (std::ptrdiff_t r = begin; r < end; ++r) {
      T const* const from = x + r * cols;
      T* const to = y + r * cols;
      T const squares =
          detail::sum_of<T>(cols, [=](std::ptrdiff_t c) { return from[c] * from[c]; });
      T const scale = T(1) / std::sqrt(squares / T(cols) + epsilon);
      rstd[r] = scale;
      for (std::ptrdiff_t c = 0; c < cols; ++c) to[c] = from[c] * scale * gain[c];
    }
  };
  detail::for_blocks(backend, rows, detail::rows_per_block(cols), body);
}

// With s = rstd[r] and h = dy * gain:
//   dx    = s h - x s^3 mean_c(h x)         (the second term is the derivative of s)
//   dgain += sum_r dy x s
template <class T>
void rms_norm_backward(Backend<T>& backend, T* dx, T* dgain, T const* dy, T const* rstd, T const* x,
                       T const* gain, int rows, int cols) {
  auto const body = [=](std::ptrdiff_t begin, std::ptrdiff_t end, T* partial) {
    for (std::ptrdiff_t r = begin; r < end; ++r) {
      T const* const up = dy + r * cols;
      T const* const from = x + r * cols;
      T* const down = dx + r * cols;
      T const scale = rstd[r];
      T const dot =
          detail::sum_of<T>(cols, [=](std::ptrdiff_t c) { return up[c] * gain[c] * from[c]; });
      T const pull = dot * scale * scale * scale / T(cols);
      for (std::ptrdiff_t c = 0; c < cols; ++c) partial[c] += up[c] * from[c] * scale;
      for (std::ptrdiff_t c = 0; c < cols; ++c) down[c] = up[c] * gain[c] * scale - from[c] * pull;
    }
  };
  auto const blocks = detail::blocks_of(rows, detail::rows_per_sum);
  T const* const partials =
      detail::partial_sums<T>(backend, rows, detail::rows_per_sum, cols, body);
  detail::add_partials(backend, dgain, partials, blocks, cols, cols);
}

}  // namespace moenda::cpu::MOENDA_LEVEL
