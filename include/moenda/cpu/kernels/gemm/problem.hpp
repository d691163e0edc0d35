// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <cstddef>

#include "moenda/core/storage.hpp"
#include "moenda/cpu/kernels/linear/unpack.hpp"

namespace moenda::cpu::MOENDA_LEVEL {

/// A matrix in memory: element (i, j) is data[i * row_stride + j * col_stride]. Swapping the
/// strides transposes it. With row_of or col_of, row i is row row_of[i] of what lies in memory: the
/// tokens of an expert are read where they are.
template <class T>
struct Operand {
  T const* data = nullptr;
  std::ptrdiff_t row_stride = 0, col_stride = 0;
  int const *row_of = nullptr, *col_of = nullptr;

  [[nodiscard]] T const* at(std::ptrdiff_t row, std::ptrdiff_t col) const {
    return data + (row_of == nullptr ? row : row_of[row]) * row_stride +
           (col_of == nullptr ? col : col_of[col]) * col_stride;
  }
  [[nodiscard]] Operand transposed() const {
    return {data, col_stride, row_stride, col_of, row_of};
  }
  [[nodiscard]] Operand from(std::ptrdiff_t row, std::ptrdiff_t col) const {
    Operand part = *this;
    part.data += (row_of == nullptr ? row : 0) * row_stride;
    part.data += (col_of == nullptr ? col : 0) * col_stride;
    if (row_of != nullptr) part.row_of += row;
    if (col_of != nullptr) part.col_of += col;
    return part;
  }
  /// A column (a row) lies in memory without gaps.
  [[nodiscard]] bool contiguous_cols() const { return row_stride == 1 && row_of == nullptr; }
  [[nodiscard]] bool contiguous_rows() const { return col_stride == 1 && col_of == nullptr; }
};

namespace gemm_detail {

/// Rows of a weight that is kept in another format: of `cols` columns, of which those from `first`
/// on are meant.
template <class T>
struct StoredRows {
  WeightView<T> weight{};
  int cols = 0, first = 0;

  /// to[count, depth] = the next `depth` columns of the rows [row, row + count).
  void unpack(T* to, int row, int count, int depth) const {
    for (int r = 0; r < count; ++r) {
      detail::unpack_row(to + std::ptrdiff_t{r} * depth, weight, row + r, cols, first, depth);
    }
  }
};

/// c[m, n] = a[m, k] b[k, n], or c += a b with `accumulate`. One operand may be stored: then it has
/// no data, and the columns of b, or the rows of a when stored_left, are those of `stored`.
template <class T>
struct Problem {
  T* c = nullptr;
  std::ptrdiff_t c_row_stride = 0, c_col_stride = 0;
  int m = 0, n = 0, k = 0;
  Operand<T> a, b;
  bool accumulate = false;
  StoredRows<T> stored{};
  bool stored_left = false;

  [[nodiscard]] bool has_stored() const { return !stored.weight.is_plain(); }
  /// The same numbers, computed as c^T = b^T a^T.
  [[nodiscard]] Problem transposed() const {
    return {c,          c_col_stride, c_row_stride, n, m, k, b.transposed(), a.transposed(),
            accumulate, stored,       !stored_left};
  }
  /// The products of the depth [p, p + depth), for the rows [row, row + rows).
  [[nodiscard]] Problem part(int row, int rows, int p, int depth) const {
    return {at(row, 0),
            c_row_stride,
            c_col_stride,
            rows,
            n,
            depth,
            a.from(row, p),
            b.from(p, 0),
            accumulate || p > 0,
            {stored.weight, stored.cols, stored.first + p},
            stored_left};
  }
  [[nodiscard]] T* at(std::ptrdiff_t row, std::ptrdiff_t col) const {
    return c + row * c_row_stride + col * c_col_stride;
  }
};

/// A product with a result of no size or of nothing but zeros is done here.
template <class T>
[[nodiscard]] bool is_trivial(Problem<T> const& problem) {
  if (problem.m == 0 || problem.n == 0) return true;
  if (problem.k > 0) return false;
  for (int i = 0; i < problem.m && !problem.accumulate; ++i) {
    for (int j = 0; j < problem.n; ++j) *problem.at(i, j) = T(0);
  }
  return true;
}

// The three products of a linear layer. Weights are [out, in], so the forward product reads w
// transposed and the gradient of the weight reads dy transposed; packing absorbs both.

// y[rows, out] = x[rows, in] w[out, in]^T
template <class T>
[[nodiscard]] Problem<T> forward_of(T* y, Operand<T> x, WeightView<T> w, int rows, int out,
                                    int in) {
  if (w.is_plain()) return {y, out, 1, rows, out, in, x, {w.values, 1, in}, false};
  return {y, out, 1, rows, out, in, x, {}, false, {w, in, 0}};
}
// dx[rows, in] = dy[rows, out] w[out, in]
template <class T>
[[nodiscard]] Problem<T> backward_input_of(T* dx, T const* dy, T const* w, int rows, int out,
                                           int in) {
  return {dx, in, 1, rows, in, out, {dy, out, 1}, {w, in, 1}, false};
}
// dw[out, in] += dy[rows, out]^T x[rows, in]
template <class T>
[[nodiscard]] Problem<T> backward_weight_of(T* dw, T const* dy, Operand<T> x, int rows, int out,
                                            int in) {
  return {dw, in, 1, out, in, rows, {dy, 1, out}, x, true};
}

}  // namespace gemm_detail
}  // namespace moenda::cpu::MOENDA_LEVEL
