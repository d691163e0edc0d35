// SPDX-License-Identifier: Apache-2.0
#pragma once
// Eigen's matrix product, on one thread: the reference that the packed product is compared with.
// Eigen must not start threads of its own below the pool's.
#ifndef EIGEN_DONT_PARALLELIZE
#define EIGEN_DONT_PARALLELIZE
#endif
// GCC 12 calls the deliberately undefined registers of its own AVX-512 header uninitialised.
#if defined(__GNUC__) && !defined(__clang__)
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wuninitialized"
#pragma GCC diagnostic ignored "-Wmaybe-uninitialized"
#endif
#include <Eigen/Core>
#if defined(__GNUC__) && !defined(__clang__)
#pragma GCC diagnostic pop
#endif
#include <cstddef>

#include "moenda/cpu/kernels/gemm_problem.hpp"

namespace moenda::cpu {

/// c[m, n] = a[m, k] b[k, n], or c += a b with `accumulate`; as gemm, by Eigen. In an operand one
/// of the strides must be 1.
template <class T>
void eigen_gemm(T* c, std::ptrdiff_t c_stride, int m, int n, int k, Operand<T> a, Operand<T> b,
                bool accumulate) {
  using Matrix = Eigen::Matrix<T, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;
  using Rows = Eigen::Map<Matrix const, 0, Eigen::OuterStride<>>;
  if (m == 0 || n == 0) return;
  Eigen::Map<Matrix, 0, Eigen::OuterStride<>> result(c, m, n, Eigen::OuterStride<>(c_stride));
  auto const assign = [&](auto const& product) {
    if (!accumulate) result.setZero();
    if (k > 0) result.noalias() += product;
  };
  auto const rows = [](Operand<T> x, int height, int width) {
    return Rows(x.data, height, width, Eigen::OuterStride<>(x.row_stride));
  };
  auto const with_left = [&](auto const& left) {
    if (b.col_stride == 1) return assign(left * rows(b, k, n));
    assign(left * rows(b.transposed(), n, k).transpose());
  };
  if (a.col_stride == 1) return with_left(rows(a, m, k));
  with_left(rows(a.transposed(), k, m).transpose());
}

}  // namespace moenda::cpu
