// SPDX-License-Identifier: Apache-2.0
#pragma once
// The left panels of tile units: of every 16 steps, row after row.
#include <algorithm>
#include <cstddef>
#include <cstring>

#include "moenda/cpu/kernels/gemm/pack.hpp"

namespace moenda::cpu::MOENDA_LEVEL::gemm_detail {

/// A panel of `used` rows of kind V: [steps / steps_at_once, used, steps_at_once]. Rows beyond the
/// last and steps beyond the depth are zero.
template <class V>
struct RowPanel {
  using T = typename V::Scalar;
  using Packed = typename V::Packed;
  static constexpr int used = V::tile_rows, group = V::steps_at_once, lanes = V::lanes;
  static constexpr int numbers = group * V::pair;  // of the depth in a group of steps

  /// Packs the rows [0, count) of `from` into panels, one after the other.
  static void pack(Packed* to, Operand<T> from, int count, int depth) {
    for (int row = 0; row < count; row += used) {
      pack_panel(to, from.from(row, 0), std::min(count - row, used), depth);
      to += std::ptrdiff_t{used} * ((depth + numbers - 1) / numbers * group);
    }
  }

 private:
  static void pack_panel(Packed* to, Operand<T> from, int rows, int depth) {
    for (int p = 0; p < depth; p += numbers, to += used * group) {
      int const here = std::min(numbers, depth - p);
      if (here == numbers && from.contiguous_rows()) {
        for (int i = 0; i < rows; ++i) copy_row(to + i * group, from.at(i, p));
        std::fill_n(to + rows * group, (used - rows) * group, Packed{});
      } else if (here == numbers && rows == used && from.contiguous_cols()) {
        transpose(to, from, p);
      } else {
        copy_elements(to, from, rows, p, here);
      }
    }
  }
  static void store(Packed* to, typename V::Factor const& value) {
    std::memcpy(to, &value, sizeof value);
  }
  static void copy_row(Packed* to, T const* from) {
    unroll<group / lanes>(
        [&](auto part) { store(to + part * lanes, V::along(from + part * lanes * V::pair)); });
  }
  /// The steps are contiguous across the rows: squares of them are transposed in registers.
  static void transpose(Packed* to, Operand<T> from, int p) {
    for (int row = 0; row < used; row += lanes) {
      for (int step = 0; step < group; step += lanes) {
        Square<V> square;
        unroll<lanes>([&](auto s) {
          int const at = p + (step + s) * V::pair;
          square.rows[s] = V::across(from.at(row, at), from.at(row, at + V::pair - 1));
        });
        square.transpose();
        unroll<lanes>([&](auto r) { store(to + (row + r) * group + step, square.rows[r]); });
      }
    }
  }
  /// The depth [p, p + depth) of `rows` rows.
  static void copy_elements(Packed* to, Operand<T> from, int rows, int p, int depth) {
    for (int i = 0; i < used; ++i) {
      for (int step = 0; step < group; ++step, ++to) {
        int const first = step * V::pair, second = first + V::pair - 1;
        bool const filled = i < rows && first < depth;
        *to = filled ? V::packed(*from.at(i, p + first),
                                 second < depth ? *from.at(i, p + second) : T(0))
                     : Packed{};
      }
    }
  }
};

}  // namespace moenda::cpu::MOENDA_LEVEL::gemm_detail
