// SPDX-License-Identifier: Apache-2.0
#pragma once
// Packing: operands of any layout become panels in which the innermost loop reads one stream.
#include <algorithm>
#include <cstddef>
#include <cstring>
#include <utility>

#include "moenda/cpu/kernels/gemm_problem.hpp"
#include "moenda/cpu/kernels/gemm_unroll.hpp"

namespace moenda::cpu::gemm_detail {

/// `lanes` rows of `lanes` numbers; transposes them in registers.
template <class T, int lanes>
struct Square {
  using Row [[gnu::vector_size(lanes * sizeof(T))]] = T;
  Row rows[lanes];

  /// The first `count` rows, each at `row_stride` from the one before; the others are zero.
  template <int count>
  [[gnu::always_inline]] void load(T const* from, std::ptrdiff_t row_stride) {
    unroll<lanes>([&](auto r) {
      if constexpr (r < count) {
        std::memcpy(&rows[r], from + r * row_stride, sizeof(Row));
      } else {
        rows[r] = Row{};
      }
    });
  }
  [[gnu::always_inline]] void store(T* to, std::ptrdiff_t row_stride) const {
    unroll<lanes>([&](auto r) { std::memcpy(to + r * row_stride, &rows[r], sizeof(Row)); });
  }
  /// log2(lanes) perfect shuffles: each moves the highest bit of the row number to the lowest bit
  /// of the column number, and the highest bit of the column to the lowest of the row.
  template <int step = 1>
  [[gnu::always_inline]] void transpose() {
    if constexpr (step < lanes) {
      Row next[lanes];
      unroll<lanes / 2>([&](auto r) {
        zip(next[2 * r], next[2 * r + 1], rows[r], rows[r + lanes / 2],
            std::make_integer_sequence<int, lanes>{});
      });
      unroll<lanes>([&](auto r) { rows[r] = next[r]; });
      transpose<step * 2>();
    }
  }

 private:
  template <int... i>
  [[gnu::always_inline]] static void zip(Row& low, Row& high, Row const& a, Row const& b,
                                         std::integer_sequence<int, i...>) {
    low = __builtin_shufflevector(a, b, (i / 2 + i % 2 * lanes)...);
    high = __builtin_shufflevector(a, b, (lanes / 2 + i / 2 + i % 2 * lanes)...);
  }
};

/// The shape of a panel: `used` numbers of every `stride`, in squares of `lanes`.
template <class T, int used_, int stride_, int lanes_>
struct Panel {
  static constexpr int used = used_, stride = stride_, lanes = lanes_;

  /// Panels that are packed together: they share the cache lines of a source whose rows run across
  /// panels.
  static constexpr int together = 8;
  static constexpr int cache_line = int(64 / sizeof(T));

  /// Packs the transposed rows [0, count) of `from`, `used` of them a panel, into panels of
  /// [depth, stride], `depth * stride` apart. The last one is filled with zeros up to `used`.
  static void pack(T* to, Operand<T> from, int count, int depth) {
    auto const size = std::ptrdiff_t{depth} * stride;
    while (count > 0) {
      // Copies take whole strides: the last panel has no neighbour to read the excess from.
      int const whole =
          from.row_stride == 1 ? std::min(together, (count - (stride - used)) / used) : 0;
      if (whole > 0) {
        copy_across(to, from, whole, depth);
      } else if (from.col_stride == 1) {
        transpose_rows(to, from, std::min(count, used), depth);
      } else {
        copy_elements(to, from, std::min(count, used), 0, depth);
      }
      int const panels = std::max(1, whole);
      to += size * panels, count -= panels * used, from = from.from(panels * used, 0);
    }
  }

 private:
  /// Every step of the depth lies contiguous across `panels` panels.
  static void copy_across(T* to, Operand<T> from, int panels, int depth) {
    auto const size = std::ptrdiff_t{depth} * stride;
    for (int p = 0; p < depth; ++p) {
      T const* const source = from.data + p * from.col_stride;
      for (int panel = 0; panel < panels; ++panel) {
        // What the next call will read: too far away for the prefetcher of the processor.
        for (int i = 0; i < stride; i += cache_line) {
          __builtin_prefetch(source + (panels + panel) * used + i, 0, 2);
        }
        std::memcpy(to + panel * size + std::ptrdiff_t{p} * stride, source + panel * used,
                    sizeof(T) * stride);
      }
    }
  }
  /// The rows are contiguous along the depth: squares of them are transposed in registers.
  static void transpose_rows(T* to, Operand<T> from, int count, int depth) {
    int p = 0;
    for (; p + lanes <= depth && count == used; p += lanes) {
      unroll<stride / lanes>([&](auto index) {
        constexpr int first = index * lanes;
        T const* const source = from.data + first * from.row_stride + p;
        unroll<lanes>(
            [&](auto r) { __builtin_prefetch(source + (used + r) * from.row_stride, 0, 2); });
        Square<T, lanes> square;
        square.template load<std::min(lanes, used - first)>(source, from.row_stride);
        square.transpose();
        square.store(to + std::ptrdiff_t{p} * stride + first, stride);
      });
    }
    copy_elements(to, from, count, p, depth);
  }
  static void copy_elements(T* to, Operand<T> from, int count, int begin, int depth) {
    for (int p = begin; p < depth; ++p) {
      T* const row = to + std::ptrdiff_t{p} * stride;
      for (int i = 0; i < count; ++i) row[i] = from.data[i * from.row_stride + p * from.col_stride];
      for (int i = count; i < used; ++i) row[i] = T(0);
    }
  }
};

}  // namespace moenda::cpu::gemm_detail
