// SPDX-License-Identifier: Apache-2.0
#pragma once
// Layer normalisation (Ba, Kiros & Hinton 2016, eq. 4).
#include <cmath>

#include "moenda/cpu/kernels/blocks.hpp"

namespace moenda::cpu::MOENDA_LEVEL {

// mean[r] = mean_c x[r, c], rstd[r] = 1 / sqrt(mean_c (x[r, c] - mean[r])^2 + epsilon),
// y[r, c] = (x[r, c] - mean[r]) rstd[r] gain[c] + bias[c].
// The variance takes a second walk over the row: E[x^2] - E[x]^2 cancels when the mean is large.
template <class T>
void layer_norm_forward(Backend<T>& backend, T* y, T* mean, T* rstd, T const* x, T const* gain,
                        T const* bias, T epsilon, int rows, int cols) {
  auto const body = [=](std::ptrdiff_t begin, std::ptrdiff_t end) {
    for (std::ptrdiff_t r = begin; r < end; ++r) {
      T const* const from = x + r * cols;
      T* const to = y + r * cols;
      T const centre = detail::sum_of<T>(cols, [=](std::ptrdiff_t c) { return from[c]; }) / T(cols);
      T const squares = detail::sum_of<T>(
          cols, [=](std::ptrdiff_t c) { return (from[c] - centre) * (from[c] - centre); });
      T const scale = T(1) / std::sqrt(squares / T(cols) + epsilon);
      mean[r] = centre;
      rstd[r] = scale;
      for (std::ptrdiff_t c = 0; c < cols; ++c) {
        to[c] = (from[c] - centre) * scale * gain[c] + bias[c];
      }
    }
  };
  detail::for_blocks(backend, rows, detail::rows_per_block(cols), body);
}

// With n = (x - mean) rstd and h = dy * gain:
//   dx    = rstd (h - mean_c(h) - n mean_c(h n))
//   dgain += sum_r dy n,  dbias += sum_r dy
template <class T>
void layer_norm_backward(Backend<T>& backend, T* dx, T* dgain, T* dbias, T const* dy, T const* mean,
                         T const* rstd, T const* x, T const* gain, int rows, int cols) {
  if (rows <= 0) return;
  auto const body = [=](std::ptrdiff_t begin, std::ptrdiff_t end, T* partial) {
    T* const gain_sums = partial;
    T* const bias_sums = partial + cols;
    for (std::ptrdiff_t r = begin; r < end; ++r) {
      T const* const up = dy + r * cols;
      T const* const from = x + r * cols;
      T* const down = dx + r * cols;
      T const centre = mean[r], scale = rstd[r];
      auto const h = [=](std::ptrdiff_t c) { return up[c] * gain[c]; };
      auto const n = [=](std::ptrdiff_t c) { return (from[c] - centre) * scale; };
      T const mean_h = detail::sum_of<T>(cols, h) / T(cols);
      T const mean_hn =
          detail::sum_of<T>(cols, [=](std::ptrdiff_t c) { return h(c) * n(c); }) / T(cols);
      for (std::ptrdiff_t c = 0; c < cols; ++c) gain_sums[c] += up[c] * n(c);
      for (std::ptrdiff_t c = 0; c < cols; ++c) bias_sums[c] += up[c];
      for (std::ptrdiff_t c = 0; c < cols; ++c) down[c] = (h(c) - mean_h - n(c) * mean_hn) * scale;
    }
  };
  auto const width = 2 * std::ptrdiff_t{cols};
  auto const blocks = detail::blocks_of(rows, detail::rows_per_sum);
  T const* const partials =
      detail::partial_sums<T>(backend, rows, detail::rows_per_sum, width, body);
  detail::add_partials(backend, dgain, partials, blocks, width, cols);
  detail::add_partials(backend, dbias, partials + cols, blocks, width, cols);
}

}  // namespace moenda::cpu::MOENDA_LEVEL
