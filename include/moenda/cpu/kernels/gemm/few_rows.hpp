// SPDX-License-Identifier: Apache-2.0
#pragma once
// The product of few rows with a weight, as in decoding: every weight is read once from memory and
// used at once. Packing would write and read a copy of it, at several times the cost of the
// product.
#include <algorithm>
#include <array>
#include <type_traits>
#include <utility>

#include "moenda/cpu/kernels/gemm/micro.hpp"
#include "moenda/cpu/kernels/gemm/problem.hpp"
#include "moenda/cpu/kernels/gemm/stored_column.hpp"
#include "moenda/cpu/kernels/gemm/unroll.hpp"

namespace moenda::cpu::MOENDA_LEVEL::gemm_detail {

/// The sum of the numbers of a register: its upper half is added to the lower, again and again.
template <class T, int lanes>
struct LaneSum {
  using Register [[gnu::vector_size(lanes * sizeof(T))]] = T;

  [[gnu::always_inline]] static T of(Register const& value) {
    if constexpr (lanes == 2) {
      return value[0] + value[1];
    } else {
      return halve(value, std::make_integer_sequence<int, lanes / 2>{});
    }
  }

 private:
  template <int... i>
  [[gnu::always_inline]] static T halve(Register const& value, std::integer_sequence<int, i...>) {
    return LaneSum<T, lanes / 2>::of(__builtin_shufflevector(value, value, i...) +
                                     __builtin_shufflevector(value, value, (lanes / 2 + i)...));
  }
};

/// c[rows, cols] (+)= a b as scalar products. Each runs in the lanes of one register, then over the
/// rest of the depth, so its bits depend on the depth alone. (row, col): the first of them.
template <class V, class Column, int rows, int cols>
void scalar_products(Problem<typename V::Scalar> const& problem, int row, int col) {
  using T = typename V::Scalar;
  constexpr int numbers = V::lanes * V::pair, parts = Column::span / numbers;
  T const* a[rows];
  unroll<rows>([&](auto i) { a[i] = problem.a.at(row + i, 0); });
  auto const b = [&]<int... j>(std::integer_sequence<int, j...>) {
    return std::array{Column(problem, col + j)...};
  }
  (std::make_integer_sequence<int, cols>{});
  typename V::Register sums[rows][cols];
  unroll<rows>([&](auto i) { unroll<cols>([&](auto j) { sums[i][j] = V::zero(); }); });
  int p = 0;
  for (; p + Column::span <= problem.k; p += Column::span) {
    typename V::Factor left[rows][parts];
    unroll<rows>([&](auto i) {
      unroll<parts>([&](auto part) { left[i][part] = V::along(a[i] + p + part * numbers); });
    });
    unroll<cols>([&](auto j) {
      b[j].prefetch(cols, p);
      typename V::Factor right[parts];
      b[j].load(right, p);
      unroll<parts>([&](auto part) {
        unroll<rows>(
            [&](auto i) { sums[i][j] = V::multiply_add(left[i][part], right[part], sums[i][j]); });
      });
    });
  }
  int const count = problem.k - p, whole = count - count % numbers;
  typename Column::Rest rest_of_column;
  unroll<cols>([&](auto j) {
    T const* const rest = b[j].rest(rest_of_column, p, count);
    unroll<rows>([&](auto i) {
      for (int q = 0; q < whole; q += numbers) {
        sums[i][j] = V::multiply_add(V::along(a[i] + p + q), V::along(rest + q), sums[i][j]);
      }
      T sum = LaneSum<T, V::lanes>::of(sums[i][j]);
      for (int q = whole; q < count; ++q) sum += V::rounded(a[i][p + q]) * V::rounded(rest[q]);
      T* const c = problem.at(row + i, col + j);
      *c = problem.accumulate ? *c + sum : sum;
    });
  });
}

/// A product is computed this way when it has at most this many rows and both operands are
/// contiguous along the depth, as what is stored always is.
template <class T>
[[nodiscard]] bool has_few_rows(Problem<T> const& problem) {
  bool const stored = problem.has_stored();
  return problem.m <= 8 && ((stored && problem.stored_left) || problem.a.contiguous_rows()) &&
         ((stored && !problem.stored_left) || problem.b.contiguous_cols());
}

/// Columns [begin, end) of a product of few rows.
template <class V, class Column = PlainColumn<V>>
void multiply_columns(Problem<typename V::Scalar> const& problem, int begin, int end) {
  // 4 rows x 4 columns of sums fill half of 32 registers; of 16 registers 2 columns do. One row
  // alone needs 8 columns to keep the multiply-add units busy.
  constexpr int widest = V::tile_rows * V::tile_registers > 16 ? 4 : 2;
  auto const columns = [&](auto cols) {
    for (; begin + cols <= end; begin += cols) {
      int row = 0;
      for (; row + 4 <= problem.m; row += 4)
        scalar_products<V, Column, 4, cols>(problem, row, begin);
      for (; row < problem.m; ++row) scalar_products<V, Column, 1, cols>(problem, row, begin);
    }
  };
  if (problem.m >= 4) columns(std::integral_constant<int, widest>{});
  if (problem.m < 4) columns(std::integral_constant<int, 8>{});
  columns(std::integral_constant<int, 1>{});
}

/// Columns [begin, end) of one with a stored operand. Where registers do not read the format
/// themselves, `unpacked` has room: for all rows of the left one, or so many columns of the right
/// one.
constexpr int few_rows_columns = 8;
template <class V>
void multiply_stored_columns(Problem<typename V::Scalar> const& problem,
                             typename V::Scalar* unpacked, int begin, int end) {
  auto plain = problem;
  plain.stored = {};
  if (problem.stored_left) {
    problem.stored.unpack(unpacked, 0, problem.m, problem.k);
    plain.a = {unpacked, problem.k, 1};
    return multiply_columns<V>(plain, begin, end);
  }
#if MOENDA_AVX512
  if constexpr (std::is_same_v<typename V::Scalar, float> && V::lanes == 16) {
    bool const done = with_stored_column<V>(
        problem.stored, [&]<class Column>() { multiply_columns<V, Column>(problem, begin, end); });
    if (done) return;
  }
#endif
  plain.b = {unpacked, 1, problem.k};
  for (int col = begin; col < end; col += few_rows_columns) {
    int const count = std::min(few_rows_columns, end - col);
    problem.stored.unpack(unpacked, col, count, problem.k);
    plain.c = problem.at(0, col);
    multiply_columns<V>(plain, 0, count);
  }
}

}  // namespace moenda::cpu::MOENDA_LEVEL::gemm_detail
