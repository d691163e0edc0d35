// SPDX-License-Identifier: Apache-2.0
#pragma once
// How work is cut. Cuts depend on sizes alone, never on the number of workers: a block is computed
// whole, in one order, by one worker, so every kernel gives the same bits for any thread count.
//
// How the loop within a block is written: whether it reads or writes a place in memory never hangs
// on a condition. A value is read first and chosen after, a place gets its old value or a new one:
//   T const v = from[c];
//   return m[c] != T(0) ? v : T(0);
// A condition that is the same for the whole loop stands outside of it. g++ 12.2 at -O3 makes wrong
// sums for vectors of 256 bits from a read that only one arm of a choice does; written this way, no
// compiler has anything to decide. Loops that can become no vector code (they call std::exp, or
// write where an index says) are free.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <type_traits>

#include "moenda/cpu/declarations.hpp"

namespace moenda::cpu::MOENDA_LEVEL::detail {

/// Scalars per block: less than this is not worth waking a thread for.
inline constexpr std::ptrdiff_t scalars_per_copy = 16384;  // loops bound by memory
inline constexpr std::ptrdiff_t scalars_per_block = 4096;  // loops that compute
/// Rows (or items) whose contributions to a shared sum are added up by one worker.
inline constexpr std::ptrdiff_t rows_per_sum = 32;

[[nodiscard]] constexpr std::ptrdiff_t blocks_of(std::ptrdiff_t count, std::ptrdiff_t size) {
  return count <= 0 ? 0 : (count - 1) / size + 1;
}

/// Rows of `cols` scalars that make one block.
[[nodiscard]] constexpr std::ptrdiff_t rows_per_block(std::ptrdiff_t cols,
                                                      std::ptrdiff_t scalars = scalars_per_block) {
  return std::max<std::ptrdiff_t>(1, scalars / std::max<std::ptrdiff_t>(1, cols));
}

/// Calls body(begin, end) for every block of `size` in [0, count), in parallel.
template <class T, class Body>
void for_blocks(Backend<T>& backend, std::ptrdiff_t count, std::ptrdiff_t size, Body const& body) {
  backend.pool.parallel_for(blocks_of(count, size), [&](std::int64_t first, std::int64_t last) {
    for (std::ptrdiff_t b = first; b < last; ++b) body(b * size, std::min(count, (b + 1) * size));
  });
}

/// Calls body(begin, end, partial) for every block of `size` in [0, count), in parallel. `partial`
/// is that block's row of `width` sums, zero at first. Returns the rows [blocks_of(count, size),
/// width]; they live in the caller's reduction scratch, which body must not take.
template <class S, class T, class Body>
[[nodiscard]] S const* partial_sums(Backend<T>& backend, std::ptrdiff_t count, std::ptrdiff_t size,
                                    std::ptrdiff_t width, Body const& body) {
  auto const scalars = static_cast<std::size_t>(blocks_of(count, size) * width);
  S* const partials = backend.template scratch<S>(Backend<T>::reduction, scalars);
  for_blocks(backend, count, size, [&](std::ptrdiff_t begin, std::ptrdiff_t end) {
    S* const partial = partials + begin / size * width;
    std::fill_n(partial, width, S(0));
    body(begin, end, partial);
  });
  return partials;
}

/// sums[c] += partials[b * stride + c] for b = 0, 1, ... in this order.
template <class S, class T>
void add_partials(Backend<T>& backend, S* sums, S const* partials, std::ptrdiff_t blocks,
                  std::ptrdiff_t stride, std::ptrdiff_t width) {
  // A slice is at least two cache lines, so that workers do not write to the same one.
  auto const slice = std::max<std::ptrdiff_t>(32, rows_per_block(blocks, scalars_per_copy));
  for_blocks(backend, width, slice, [&](std::ptrdiff_t begin, std::ptrdiff_t end) {
    for (std::ptrdiff_t b = 0; b < blocks; ++b) {
      S const* const partial = partials + b * stride;
      for (std::ptrdiff_t c = begin; c < end; ++c) sums[c] += partial[c];
    }
  });
}

/// term(0) + ... + term(n - 1), in an order that depends on n alone. A compiler may not reorder
/// additions, so one running sum would stay scalar; one sum per lane of a vector does not. term
/// reads the same places whatever they hold.
template <class S, class Term>
[[nodiscard]] inline S sum_of(std::ptrdiff_t n, Term const& term) {
  constexpr std::ptrdiff_t lanes = 64 / static_cast<std::ptrdiff_t>(sizeof(S));
  S lane[lanes] = {};
  std::ptrdiff_t i = 0;
  for (; i + lanes <= n; i += lanes) {
    for (std::ptrdiff_t l = 0; l < lanes; ++l) lane[l] += term(i + l);
  }
  S rest = 0;
  for (; i < n; ++i) rest += term(i);
  if (n < lanes) return rest;
  for (std::ptrdiff_t half = lanes / 2; half > 0; half /= 2) {
    for (std::ptrdiff_t l = 0; l < half; ++l) lane[l] += lane[l + half];
  }
  return lane[0] + rest;
}

/// The largest term(i), or `least` when none is larger; NaN is passed over. term as for sum_of.
template <class S, class Term>
[[nodiscard]] inline S maximum_of(std::ptrdiff_t n, S least, Term const& term) {
  constexpr std::ptrdiff_t lanes = 64 / static_cast<std::ptrdiff_t>(sizeof(S));
  S largest = least;
  std::ptrdiff_t i = 0;
  if (n >= lanes) {
    S lane[lanes];
    std::fill_n(lane, lanes, least);
    for (; i + lanes <= n; i += lanes) {
      for (std::ptrdiff_t l = 0; l < lanes; ++l) {
        S const value = term(i + l);
        lane[l] = value > lane[l] ? value : lane[l];
      }
    }
    for (S const value : lane) largest = value > largest ? value : largest;
  }
  for (; i < n; ++i) {
    S const value = term(i);
    largest = value > largest ? value : largest;
  }
  return largest;
}

}  // namespace moenda::cpu::MOENDA_LEVEL::detail
