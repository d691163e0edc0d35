// SPDX-License-Identifier: Apache-2.0
#pragma once
// Eigen's matrix product, on one thread: the reference that the packed product is compared with.
#include <algorithm>

#include "moenda/cpu/eigen.hpp"
#include "moenda/cpu/kernels/gemm/problem.hpp"

namespace moenda::cpu::MOENDA_LEVEL {

/// One product, as multiply, by Eigen. One of the strides of an operand must be 1; rows that are
/// picked are copied first, and what is stored on the right is unpacked.
template <class T>
void eigen_gemm(gemm_detail::Problem<T> const& problem) {
  using Matrix = Eigen::Matrix<T, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;
  using Rows = Eigen::Map<Matrix const, 0, Eigen::OuterStride<>>;
  int const m = problem.m, n = problem.n, k = problem.k;
  Operand<T> const a = problem.a;
  Operand<T> b = problem.b;
  if (gemm_detail::is_trivial(problem)) return;
  Matrix copy, unpacked;
  if (problem.has_stored()) {
    unpacked.resize(n, k);
    problem.stored.unpack(unpacked.data(), 0, n, k);
    b = {unpacked.data(), 1, k};
  }
  auto const rows = [&copy](Operand<T> x, int height, int width) {
    if (x.row_of != nullptr) {
      copy.resize(height, width);
      for (int r = 0; r < height; ++r) std::copy_n(x.at(r, 0), width, copy.row(r).data());
      x = {copy.data(), width, 1};
    }
    return Rows(x.data, height, width, Eigen::OuterStride<>(x.row_stride));
  };
  Eigen::Map<Matrix, 0, Eigen::OuterStride<>> result(problem.c, m, n,
                                                     Eigen::OuterStride<>(problem.c_row_stride));
  if (!problem.accumulate) result.setZero();
  auto const with_left = [&](auto const& left) {
    if (b.col_stride == 1) {
      result.noalias() += left * rows(b, k, n);
    } else {
      result.noalias() += left * rows(b.transposed(), n, k).transpose();
    }
  };
  if (a.col_stride == 1) return with_left(rows(a, m, k));
  with_left(rows(a.transposed(), k, m).transpose());
}

}  // namespace moenda::cpu::MOENDA_LEVEL
