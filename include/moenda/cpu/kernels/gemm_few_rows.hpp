// SPDX-License-Identifier: Apache-2.0
#pragma once
// The product of few rows with a weight, as in decoding: every weight is read once from memory and
// used at once. Packing would write and read a copy of it, at several times the cost of the product.
#include <algorithm>
#include <cstddef>
#include <cstdint>

#include "gemm_micro.hpp"
#include "gemm_pack.hpp"

namespace moenda::cpu::gemm_detail {

/// The sum of the numbers of a register, in halves: always the same order.
template <class V>
[[nodiscard]] inline typename V::Scalar sum_of_lanes(typename V::Register value) {
  typename V::Scalar lane[V::lanes];
  V::store(lane, value);
  for (int half = V::lanes / 2; half > 0; half /= 2) {
    for (int i = 0; i < half; ++i) lane[i] += lane[i + half];
  }
  return lane[0];
}

/// rows x cols scalar products at once. Each runs in the lanes of one register, then over the rest of
/// the depth, so its bits depend on the depth alone.
template <class V, int rows, int cols>
void scalar_products(typename V::Scalar* c, std::ptrdiff_t c_row_stride,
                     std::ptrdiff_t c_col_stride, Operand<typename V::Scalar> a,
                     Operand<typename V::Scalar> b, int depth, bool accumulate) {
  using T = typename V::Scalar;
  typename V::Register sums[rows][cols];
  unroll<rows>([&](auto i) { unroll<cols>([&](auto j) { sums[i][j] = V::zero(); }); });
  int p = 0;
  for (; p + V::lanes <= depth; p += V::lanes) {
    typename V::Register left[rows];
    unroll<rows>([&](auto i) { left[i] = V::load(a.data + i * a.row_stride + p); });
    unroll<cols>([&](auto j) {
      auto const right = V::load(b.data + j * b.col_stride + p);
      unroll<rows>([&](auto i) { sums[i][j] = V::multiply_add(left[i], right, sums[i][j]); });
    });
  }
  unroll<rows>([&](auto i) {
    unroll<cols>([&](auto j) {
      T sum = sum_of_lanes<V>(sums[i][j]);
      for (int q = p; q < depth; ++q) {
        sum += a.data[i * a.row_stride + q] * b.data[j * b.col_stride + q];
      }
      T& element = c[i * c_row_stride + j * c_col_stride];
      element = accumulate ? element + sum : sum;
    });
  });
}

/// c[m, cols] (+)= a[m, depth] b[depth, cols] for few rows and `cols` columns of weights; a and b are
/// contiguous along the depth.
template <class V, int cols>
void multiply_few_rows(typename V::Scalar* c, std::ptrdiff_t c_row_stride,
                       std::ptrdiff_t c_col_stride, int m, Operand<typename V::Scalar> a,
                       Operand<typename V::Scalar> b, int depth, bool accumulate) {
  int row = 0;
  auto const step = [&](auto rows) {
    for (; row + rows <= m; row += rows) {
      scalar_products<V, rows, cols>(c + row * c_row_stride, c_row_stride, c_col_stride,
                                     a.from(row, 0), b, depth, accumulate);
    }
  };
  step(std::integral_constant<int, 4>{});
  step(std::integral_constant<int, 1>{});
}

/// Products of at most this many rows take this path.
inline constexpr int few_rows = 8;

/// Columns [begin, end) of c[m, n] (+)= a b, where m <= few_rows.
template <class V>
void multiply_columns(typename V::Scalar* c, std::ptrdiff_t c_row_stride,
                      std::ptrdiff_t c_col_stride, int m, Operand<typename V::Scalar> a,
                      Operand<typename V::Scalar> b, int depth, bool accumulate,
                      std::int64_t begin, std::int64_t end) {
  // 4 rows x 4 columns of sums fill half of 32 registers; of 16 registers 2 columns do.
  constexpr int cols = V::tile_rows * V::tile_registers > 16 ? 4 : 2;
  auto const step = [&](auto width) {
    for (; begin + width <= end; begin += width) {
      multiply_few_rows<V, width>(c + begin * c_col_stride, c_row_stride, c_col_stride, m, a,
                                  b.from(0, begin), depth, accumulate);
    }
  };
  step(std::integral_constant<int, cols>{});
  step(std::integral_constant<int, 1>{});
}

}  // namespace moenda::cpu::gemm_detail
