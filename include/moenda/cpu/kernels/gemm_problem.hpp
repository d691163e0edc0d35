// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <algorithm>
#include <cstddef>

namespace moenda::cpu {

/// A matrix in memory: element (i, j) is data[i * row_stride + j * col_stride]. Swapping the
/// strides transposes it.
template <class T>
struct Operand {
  T const* data = nullptr;
  std::ptrdiff_t row_stride = 0, col_stride = 0;

  [[nodiscard]] Operand transposed() const { return {data, col_stride, row_stride}; }
  [[nodiscard]] Operand from(std::ptrdiff_t row, std::ptrdiff_t col) const {
    return {data + row * row_stride + col * col_stride, row_stride, col_stride};
  }
};

namespace gemm_detail {

/// c[m, n] = a[m, k] b[k, n], or c += a b with `accumulate`.
template <class T>
struct Problem {
  T* c;
  std::ptrdiff_t c_row_stride, c_col_stride;
  int m, n, k;
  Operand<T> a, b;
  bool accumulate;

  /// The same numbers, computed as c^T = b^T a^T.
  [[nodiscard]] Problem transposed() const {
    return {c, c_col_stride, c_row_stride, n, m, k, b.transposed(), a.transposed(), accumulate};
  }
  /// A rough count of cycles: multiply-adds with `lanes` numbers at once, and numbers moved.
  [[nodiscard]] double cost(int lanes) const {
    double const rows = m, cols = n, depth = k;
    return rows * cols * depth / (2 * lanes) + (rows * cols + rows * depth + cols * depth) / 4;
  }
  [[nodiscard]] T* at(std::ptrdiff_t row, std::ptrdiff_t col) const {
    return c + row * c_row_stride + col * c_col_stride;
  }
};

}  // namespace gemm_detail
}  // namespace moenda::cpu
