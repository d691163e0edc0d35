// SPDX-License-Identifier: Apache-2.0
#pragma once
// Random numbers in bulk. Number i is a function of (seed, stream, i) alone.
#include <algorithm>
#include <cmath>
#include <utility>

#include "moenda/core/random.hpp"
#include "moenda/cpu/kernels/blocks.hpp"

namespace moenda::cpu::MOENDA_LEVEL {

// y[i] uniform in [0, 1)
template <class T>
void draw_uniform(Backend<T>& backend, T* y, Random random, std::ptrdiff_t n) {
  detail::for_blocks(backend, n, detail::scalars_per_block,
                     [=](std::ptrdiff_t begin, std::ptrdiff_t end) {
                       for (std::ptrdiff_t i = begin; i < end; ++i) {
                         y[i] = static_cast<T>(random.uniform(static_cast<std::uint64_t>(i)));
                       }
                     });
}

// y[i] standard normal
template <class T>
void draw_normal(Backend<T>& backend, T* y, Random random, std::ptrdiff_t n) {
  detail::for_blocks(backend, n, detail::scalars_per_block,
                     [=](std::ptrdiff_t begin, std::ptrdiff_t end) {
                       for (std::ptrdiff_t i = begin; i < end; ++i) {
                         y[i] = static_cast<T>(random.normal(static_cast<std::uint64_t>(i)));
                       }
                     });
}

// y[i] standard Gumbel
template <class T>
void draw_gumbel(Backend<T>& backend, T* y, Random random, std::ptrdiff_t n) {
  detail::for_blocks(
      backend, n, detail::scalars_per_block, [=](std::ptrdiff_t begin, std::ptrdiff_t end) {
        for (std::ptrdiff_t i = begin; i < end; ++i) {
          // Half a step up, and not to 1: there the logarithms end.
          double const u =
              std::min(random.uniform(static_cast<std::uint64_t>(i)) + 0x1p-54, 1 - 0x1p-53);
          y[i] = static_cast<T>(-std::log(-std::log(u)));
        }
      });
}

// y[r, c] uniform in [0, 1), a function of keys[r] and c
template <class T>
void draw_uniform_of_keys(Backend<T>& backend, T* y, Random random, std::uint64_t const* keys,
                          int rows, int cols) {
  auto const body = [=](std::ptrdiff_t begin, std::ptrdiff_t end) {
    for (std::ptrdiff_t r = begin; r < end; ++r) {
      Random const of_row(random.bits(keys[r]));
      for (std::ptrdiff_t c = 0; c < cols; ++c) {
        y[r * cols + c] = static_cast<T>(of_row.uniform(static_cast<std::uint64_t>(c)));
      }
    }
  };
  detail::for_blocks(backend, rows, detail::rows_per_block(cols), body);
}

// Every column of y[rows, cols] = the Gumbel quantiles of (i + 0.5) / rows, shuffled (Durstenfeld
// 1964).
template <class T>
void draw_gumbel_strata(Backend<T>& backend, T* y, Random random, int rows, int cols) {
  auto const body = [=](std::ptrdiff_t begin, std::ptrdiff_t end) {
    for (std::ptrdiff_t c = begin; c < end; ++c) {
      for (std::ptrdiff_t i = 0; i < rows; ++i) {
        y[i * cols + c] = static_cast<T>(-std::log(-std::log((double(i) + 0.5) / rows)));
        auto const drawn = random.bits(static_cast<std::uint64_t>(c * rows + i));
        auto const j = static_cast<std::ptrdiff_t>(drawn % static_cast<std::uint64_t>(i + 1));
        std::swap(y[i * cols + c], y[j * cols + c]);
      }
    }
  };
  detail::for_blocks(backend, cols, detail::rows_per_block(rows), body);
}

// y[i] = value with probability 1 - p, else 0
template <class T>
void draw_mask(Backend<T>& backend, T* y, Random random, double p, T value, std::ptrdiff_t n) {
  detail::for_blocks(backend, n, detail::scalars_per_block,
                     [=](std::ptrdiff_t begin, std::ptrdiff_t end) {
                       for (std::ptrdiff_t i = begin; i < end; ++i) {
                         bool const kept = random.uniform(static_cast<std::uint64_t>(i)) >= p;
                         y[i] = kept ? value : T(0);
                       }
                     });
}

}  // namespace moenda::cpu::MOENDA_LEVEL
