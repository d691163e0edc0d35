// SPDX-License-Identifier: Apache-2.0
#pragma once
// Packing: operands of any layout become panels in which the innermost loop reads one stream.
#include <algorithm>
#include <cstddef>
#include <cstring>
#include <utility>

#include "moenda/cpu/kernels/gemm/micro.hpp"
#include "moenda/cpu/kernels/gemm/problem.hpp"
#include "moenda/cpu/kernels/gemm/unroll.hpp"

namespace moenda::cpu::MOENDA_LEVEL::gemm_detail {

/// As many registers of factors as each has lanes; transposes them.
template <class V>
struct Square {
  using Row = typename V::Factor;
  static constexpr int lanes = V::lanes;
  Row rows[lanes];

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

/// The shape of a panel of factors of kind V: `used` rows of every `stride`. What lies beyond the
/// last row is some finite or other number: it only ever meets results that nobody keeps.
template <class V, int used_, int stride_>
struct Panel {
  using T = typename V::Scalar;
  using Packed = typename V::Packed;
  static constexpr int used = used_, stride = stride_, lanes = V::lanes;

  /// Steps of a depth; a last half step, and those that fill a unit, are zero.
  [[nodiscard]] static constexpr int steps(int depth) {
    return (filled(depth) + unit - 1) / unit * unit;
  }

  /// Packs the transposed rows [0, count) of `from`, `used` of them a panel, into panels of
  /// [steps(depth), stride], one after the other.
  static void pack(Packed* to, Operand<T> from, int count, int depth) {
    auto const size = std::ptrdiff_t{steps(depth)} * stride;
    while (count > 0) {
      // Copies take whole strides: the last panel has no neighbour to read the excess from.
      int const whole =
          from.contiguous_cols() ? std::min(abreast, (count - (stride - used)) / used) : 0;
      if (whole > 0) {
        copy_across(to, from, whole, depth);
      } else if (from.contiguous_rows()) {
        transpose_rows(to, from, count, depth);
      } else {
        copy_elements(to, from, std::min(count, used), depth);
      }
      int const panels = std::max(1, whole);
      if constexpr (unit > 1) {
        auto const begin = std::ptrdiff_t{filled(depth)} * stride;
        for (int i = 0; i < panels; ++i) std::fill(to + i * size + begin, to + (i + 1) * size, 0U);
      }
      to += size * panels, count -= panels * used, from = from.from(panels * used, 0);
    }
  }

 private:
  /// Panels that are copied in one sweep: they share the cache lines of a source whose rows run
  /// across panels.
  static constexpr int abreast = 8;
  static constexpr int unit = step_unit<V>();

  [[nodiscard]] static constexpr int filled(int depth) { return (depth + V::pair - 1) / V::pair; }

  static void store(Packed* to, typename V::Factor const& value) {
    std::memcpy(to, &value, sizeof value);
  }

  /// Every step of the depth lies contiguous across `panels` panels.
  static void copy_across(Packed* to, Operand<T> from, int panels, int depth) {
    auto const size = std::ptrdiff_t{steps(depth)} * stride;
    int p = 0;
    for (; p + V::pair <= depth; p += V::pair, to += stride) {
      T const *const first = from.at(0, p), *const second = from.at(0, p + V::pair - 1);
      for (int panel = 0; panel < panels; ++panel) {
        unroll<stride / lanes>([&](auto part) {
          store(to + panel * size + part * lanes, V::across(first + panel * used + part * lanes,
                                                            second + panel * used + part * lanes));
        });
      }
    }
    for (int panel = 0; panel < panels && p < depth; ++panel) {
      copy_elements(to + panel * size, from.from(panel * used, p), used, depth - p);
    }
  }
  /// The rows are contiguous along the depth: squares of them are transposed in registers.
  static void transpose_rows(Packed* to, Operand<T> from, int count, int depth) {
    constexpr int numbers = lanes * V::pair;
    int const whole = depth - depth % numbers;
    unroll<stride / lanes>([&](auto index) {
      constexpr int first = index * lanes;
      T const* rows[lanes];
      for (int i = 0; i < lanes; ++i) {
        rows[i] = from.at(std::min({first + i, used - 1, count - 1}), 0);
      }
      for (int p = 0; p < whole; p += numbers) {
        Square<V> square;
        unroll<lanes>([&](auto r) { square.rows[r] = V::along(rows[r] + p); });
        square.transpose();
        unroll<lanes>(
            [&](auto r) { store(to + (p / V::pair + r) * stride + first, square.rows[r]); });
      }
    });
    copy_elements(to + whole / V::pair * stride, from.from(0, whole), std::min(count, used),
                  depth - whole);
  }
  static void copy_elements(Packed* to, Operand<T> from, int count, int depth) {
    if (from.row_of == nullptr) {
      copy_elements(to, from, count, depth, [](std::ptrdiff_t i) { return i; });
    } else {
      copy_elements(to, from, count, depth,
                    [rows = from.row_of](std::ptrdiff_t i) { return rows[i] - rows[0]; });
    }
  }
  /// row(i): how many rows behind row 0 row i lies in memory.
  template <class RowOf>
  static void copy_elements(Packed* to, Operand<T> from, int count, int depth, RowOf const& row) {
    for (int p = 0; p < depth; p += V::pair, to += stride) {
      T const *const first = from.at(0, p), *const second = from.at(0, std::min(p + 1, depth - 1));
      bool const whole = p + V::pair <= depth;
      for (int i = 0; i < count; ++i) {
        auto const at = row(i) * from.row_stride;
        T const other = second[at];
        to[i] = V::packed(first[at], whole ? other : T(0));
      }
      for (int i = count; i < used; ++i) to[i] = Packed{};
    }
  }
};

}  // namespace moenda::cpu::MOENDA_LEVEL::gemm_detail
