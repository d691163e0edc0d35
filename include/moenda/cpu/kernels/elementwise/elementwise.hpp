// SPDX-License-Identifier: Apache-2.0
#pragma once
// Kernels that move or add scalars. They are bound by memory: all they need is to be cut well.
#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstring>

#include "moenda/cpu/kernels/blocks.hpp"

namespace moenda::cpu::MOENDA_LEVEL {

// y[i] = value
template <class T>
void fill(Backend<T>& backend, T* y, T value, std::ptrdiff_t n) {
  if (value != T(0) || std::signbit(value)) {
    return detail::for_blocks(
        backend, n, detail::scalars_per_copy,
        [=](std::ptrdiff_t begin, std::ptrdiff_t end) { std::fill(y + begin, y + end, value); });
  }
  // One call for each thread: over a long range memset does not read what it overwrites, and takes
  // half the time.
  auto const clear = [=](std::int64_t begin, std::int64_t end) {
    std::memset(y + begin, 0, std::size_t(end - begin) * sizeof(T));
  };
  n > detail::scalars_per_copy ? backend.pool.parallel_for(n, clear) : clear(0, n);
}

// y[i] = x[i]
template <class T>
void copy(Backend<T>& backend, T* y, T const* x, std::ptrdiff_t n) {
  detail::for_blocks(
      backend, n, detail::scalars_per_copy,
      [=](std::ptrdiff_t begin, std::ptrdiff_t end) { std::copy(x + begin, x + end, y + begin); });
}

// y[i] = a[i] + b[i]; y may be a or b
template <class T>
void add_forward(Backend<T>& backend, T* y, T const* a, T const* b, std::ptrdiff_t n) {
  detail::for_blocks(backend, n, detail::scalars_per_copy,
                     [=](std::ptrdiff_t begin, std::ptrdiff_t end) {
                       for (std::ptrdiff_t i = begin; i < end; ++i) y[i] = a[i] + b[i];
                     });
}

namespace detail {

/// Calls body(block, begin, end) so that every block 0 .. blocks - 1 gets its scalars [0, count),
/// in parallel: long blocks are cut into pieces, short ones are grouped.
template <class T, class Body>
void for_pieces(Backend<T>& backend, std::ptrdiff_t blocks, std::ptrdiff_t count,
                Body const& body) {
  auto const pieces = blocks_of(count, scalars_per_copy);
  if (pieces == 0) return;
  auto const group = rows_per_block(count, scalars_per_copy);
  for_blocks(backend, blocks * pieces, group, [&](std::ptrdiff_t first, std::ptrdiff_t last) {
    for (std::ptrdiff_t piece = first; piece < last; ++piece) {
      auto const begin = piece % pieces * scalars_per_copy;
      body(piece / pieces, begin, std::min(count, begin + scalars_per_copy));
    }
  });
}

}  // namespace detail

// y[b * y_stride + i] = x[b * x_stride + i] for i < count
template <class T>
void copy_blocks(Backend<T>& backend, T* y, T const* x, int blocks, std::ptrdiff_t count,
                 std::ptrdiff_t y_stride, std::ptrdiff_t x_stride) {
  detail::for_pieces(backend, blocks, count,
                     [=](std::ptrdiff_t b, std::ptrdiff_t begin, std::ptrdiff_t end) {
                       T const* const from = x + b * x_stride;
                       std::copy(from + begin, from + end, y + b * y_stride + begin);
                     });
}

}  // namespace moenda::cpu::MOENDA_LEVEL
