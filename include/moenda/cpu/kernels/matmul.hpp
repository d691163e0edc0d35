// SPDX-License-Identifier: Apache-2.0
#pragma once
// The three products of a linear layer. Weights are [out, in], so the forward product reads w
// transposed and the gradient of the weight reads dy transposed; packing absorbs both.
#include "moenda/cpu/kernels/eigen_matmul.hpp"
#include "moenda/cpu/kernels/gemm.hpp"

namespace moenda::cpu {
namespace gemm_detail {

template <class T>
void matmul(Backend<T>& backend, T* c, int m, int n, int k, Operand<T> a, Operand<T> b,
            bool accumulate) {
  if (backend.matmul_kernel == MatmulKernel::packed) {
    return gemm(backend, c, n, m, n, k, a, b, accumulate);
  }
  eigen_gemm(c, n, m, n, k, a, b, accumulate);
}

}  // namespace gemm_detail

template <class T>
void matmul_forward(Backend<T>& backend, T* y, T const* x, T const* w, int rows, int out, int in,
                    Precision) {
  gemm_detail::matmul<T>(backend, y, rows, out, in, {x, in, 1}, {w, 1, in}, false);
}
template <class T>
void matmul_backward_input(Backend<T>& backend, T* dx, T const* dy, T const* w, int rows, int out,
                           int in, Precision) {
  gemm_detail::matmul<T>(backend, dx, rows, in, out, {dy, out, 1}, {w, in, 1}, false);
}
template <class T>
void matmul_backward_weight(Backend<T>& backend, T* dw, T const* dy, T const* x, int rows, int out,
                            int in, Precision) {
  gemm_detail::matmul<T>(backend, dw, out, in, rows, {dy, 1, out}, {x, in, 1}, true);
}

}  // namespace moenda::cpu
