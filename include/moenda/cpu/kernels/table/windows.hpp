// SPDX-License-Identifier: Apache-2.0
#pragma once
// A row of weights or scores for some of the windows of every item, and sums over them.
#include <cmath>
#include <limits>

#include "moenda/cpu/kernels/blocks.hpp"

namespace moenda::cpu::MOENDA_LEVEL {

// mask[b, i] = 1 where window first + i of item b has a first token that is not 0, else 0
template <class T>
void mark_windows(Backend<T>& backend, T* mask, int const* tokens, int window_tokens,
                  WindowRange const& range) {
  detail::for_blocks(backend, range.items, 64, [=](std::ptrdiff_t begin, std::ptrdiff_t end) {
    for (std::ptrdiff_t b = begin; b < end; ++b) {
      for (std::ptrdiff_t i = 0; i < range.count; ++i) {
        auto const window = b * range.windows + range.first + i;
        mask[b * range.count + i] = T(tokens[window * window_tokens] != 0);
      }
    }
  });
}

// scores[b, i] = <x[b], windows[b, first + i]>
template <class T>
void score_windows(Backend<T>& backend, T* scores, T const* x, T const* windows,
                   WindowRange const& range, int cols) {
  detail::for_blocks(backend, range.items, detail::rows_per_block(range.count * cols),
                     [=](std::ptrdiff_t begin, std::ptrdiff_t end) {
                       for (std::ptrdiff_t b = begin; b < end; ++b) {
                         T const* const q = x + b * cols;
                         for (std::ptrdiff_t i = 0; i < range.count; ++i) {
                           T const* const w =
                               windows + (b * range.windows + range.first + i) * cols;
                           scores[b * range.count + i] = detail::sum_of<T>(
                               cols, [=](std::ptrdiff_t c) { return q[c] * w[c]; });
                         }
                       }
                     });
}
// y[b] = sum_i weights[b, i] windows[b, first + i]
template <class T>
void mix_windows(Backend<T>& backend, T* y, T const* weights, T const* windows,
                 WindowRange const& range, int cols) {
  detail::for_blocks(backend, range.items, detail::rows_per_block(range.count * cols),
                     [=](std::ptrdiff_t begin, std::ptrdiff_t end) {
                       std::fill(y + begin * cols, y + end * cols, T(0));
                       for (std::ptrdiff_t b = begin; b < end; ++b) {
                         for (std::ptrdiff_t i = 0; i < range.count; ++i) {
                           T const* const w =
                               windows + (b * range.windows + range.first + i) * cols;
                           T const weight = weights[b * range.count + i];
                           for (std::ptrdiff_t c = 0; c < cols; ++c)
                             y[b * cols + c] += weight * w[c];
                         }
                       }
                     });
}
// windows[b, first + i] += weights[b, i] x[b]
template <class T>
void add_to_windows(Backend<T>& backend, T* windows, T const* weights, T const* x,
                    WindowRange const& range, int cols) {
  detail::for_blocks(backend, range.items, detail::rows_per_block(range.count * cols),
                     [=](std::ptrdiff_t begin, std::ptrdiff_t end) {
                       for (std::ptrdiff_t b = begin; b < end; ++b) {
                         for (std::ptrdiff_t i = 0; i < range.count; ++i) {
                           T* const w = windows + (b * range.windows + range.first + i) * cols;
                           T const weight = weights[b * range.count + i];
                           for (std::ptrdiff_t c = 0; c < cols; ++c)
                             w[c] += weight * x[b * cols + c];
                         }
                       }
                     });
}

}  // namespace moenda::cpu::MOENDA_LEVEL
