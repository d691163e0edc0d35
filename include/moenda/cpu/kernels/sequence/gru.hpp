// SPDX-License-Identifier: Apache-2.0
#pragma once
// One step of a gated recurrent unit for all sequences of a batch at once: what is left of it when
// the matrix products are done. Sequences that are over keep their state and add nothing.
#include "moenda/cpu/kernels/blocks.hpp"
#include "moenda/cpu/kernels/exponential.hpp"

namespace moenda::cpu::MOENDA_LEVEL {

// recurrent += bias;  r = s(xr + hr), z = s(xz + hz), n = tanh(xn + r hn), next = (1 - z) n + z
// previous, with x = gates before and (r, z, n) = gates after, h = recurrent
template <class T>
void gru_step_forward(Backend<T>& backend, T* next, T* gates, T* recurrent, T const* bias,
                      T const* previous, int const* lengths, int step, int batch_size, int seq_len,
                      int hidden) {
  std::ptrdiff_t const width = hidden;
  auto const body = [=](std::ptrdiff_t begin, std::ptrdiff_t end) {
    for (std::ptrdiff_t b = begin; b < end; ++b) {
      T const* const before = previous + b * width;
      T* const after = next + b * width;
      T* const g = gates + (b * seq_len + step) * 3 * width;
      T* const h = recurrent + b * 3 * width;
      for (std::ptrdiff_t i = 0; i < 3 * width; ++i) h[i] += bias[i];
      if (lengths != nullptr && step >= lengths[b]) {
        std::copy_n(before, width, after);
        continue;
      }
      for (std::ptrdiff_t i = 0; i < width; ++i) {
        T const r = sigmoid(g[i] + h[i]);
        T const z = sigmoid(g[width + i] + h[width + i]);
        T const n = hyperbolic_tangent(g[2 * width + i] + r * h[2 * width + i]);
        g[i] = r, g[width + i] = z, g[2 * width + i] = n;
        after[i] = (T(1) - z) * n + z * before[i];
      }
    }
  };
  detail::for_blocks(backend, batch_size, detail::rows_per_block(3 * width), body);
}

// dh = dnext + dstate;  dz = dh (previous - n) z (1 - z), dn = dh (1 - z) (1 - n^2),
// dr = dn hn r (1 - r);  dgates = (dr, dz, dn), drecurrent = (dr, dz, dn r), dprevious = dh z: the
// part of it that does not go through the products. dprevious may be dnext; dstate may be null
template <class T>
void gru_step_backward(Backend<T>& backend, T* dprevious, T* dgates, T* drecurrent, T const* dnext,
                       T const* dstate, T const* gates, T const* recurrent, T const* previous,
                       int const* lengths, int step, int batch_size, int seq_len, int hidden) {
  std::ptrdiff_t const width = hidden;
  auto const body = [=](std::ptrdiff_t begin, std::ptrdiff_t end) {
    for (std::ptrdiff_t b = begin; b < end; ++b) {
      auto const row = (b * seq_len + step) * 3 * width;
      T* const dg = dgates + row;
      T* const dr = drecurrent + b * 3 * width;
      if (lengths != nullptr && step >= lengths[b]) {
        std::fill_n(dg, 3 * width, T(0));
        std::fill_n(dr, 3 * width, T(0));
        if (dprevious != dnext) std::copy_n(dnext + b * width, width, dprevious + b * width);
        continue;
      }
      T const* const g = gates + row;
      T const* const h = recurrent + b * 3 * width;
      auto const add_row = [=](auto const& up) {
        for (std::ptrdiff_t i = 0; i < width; ++i) {
          T const r = g[i], z = g[width + i], n = g[2 * width + i];
          T const dh = dnext[b * width + i] + up(i);
          T const dn = dh * (T(1) - z) * (T(1) - n * n);
          T const reset = dn * h[2 * width + i] * r * (T(1) - r);
          T const update = dh * (previous[b * width + i] - n) * z * (T(1) - z);
          dg[i] = reset, dg[width + i] = update, dg[2 * width + i] = dn;
          dr[i] = reset, dr[width + i] = update, dr[2 * width + i] = dn * r;
          dprevious[b * width + i] = dh * z;
        }
      };
      if (dstate == nullptr) {
        add_row([](std::ptrdiff_t) { return T(0); });
      } else {
        add_row([=](std::ptrdiff_t i) { return dstate[b * width + i]; });
      }
    }
  };
  detail::for_blocks(backend, batch_size, detail::rows_per_block(3 * width), body);
}

}  // namespace moenda::cpu::MOENDA_LEVEL
