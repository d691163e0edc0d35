// SPDX-License-Identifier: Apache-2.0
#pragma once
// The three products of a linear layer, in the numbers and by the registers that the backend names.
#include <type_traits>

#include "moenda/cpu/kernels/gemm/gemm.hpp"
#if MOENDA_EIGEN
#include "moenda/cpu/kernels/gemm/eigen.hpp"
#endif

namespace moenda::cpu::MOENDA_LEVEL {
namespace gemm_detail {

/// The products problem_of(0), ..., problem_of(count - 1) in bf16, as the backend's level has them.
template <class ProblemOf>
void products_in_bf16(Backend<float>& backend, int count, ProblemOf const& problem_of) {
#if MOENDA_AMX
  if (backend.level >= Level::amx) return multiply<AmxBf16>(backend, count, problem_of);
#endif
#if MOENDA_AVX512_BF16
  if (!MOENDA_BF16_WITHOUT_DOTS || backend.level >= Level::avx512_bf16) {
    return multiply<Avx512Bf16>(backend, count, problem_of);
  }
#endif
#if MOENDA_BF16_WITHOUT_DOTS
  multiply<Rounded<Widest<float>>>(backend, count, problem_of);
#endif
}

/// The same in the backend's precision, by the kernel that it names.
template <class T, class ProblemOf>
void products(Backend<T>& backend, Precision precision, int count, ProblemOf&& problem_of) {
  bool const bf16 = precision == Precision::bf16;
  if (bf16 && (std::is_same_v<T, double> || backend.matmul_kernel == MatmulKernel::eigen)) {
    throw ConfigError(
        "matmul: precision must be fp32 for doubles and for matmul_kernel = eigen, got bf16");
  }
  if (backend.matmul_kernel == MatmulKernel::eigen) {
#if MOENDA_EIGEN
    for (int i = 0; i < count; ++i) eigen_gemm(problem_of(i));
    return;
#else
    throw ConfigError("matmul: matmul_kernel must be what the backend was made with, got eigen");
#endif
  }
  if constexpr (std::is_same_v<T, float>) {
    if (bf16) return products_in_bf16(backend, count, problem_of);
  }
  multiply<Native<T>>(backend, count, problem_of);
}

}  // namespace gemm_detail

template <class T>
void matmul_forward(Backend<T>& backend, T* y, T const* x, Kept<T> w, int rows, int out, int in,
                    Precision precision) {
  gemm_detail::products(backend, precision, 1, [=](int) {
    return gemm_detail::forward_of<T>(y, {x, in, 1}, w, rows, out, in);
  });
}
template <class T>
void matmul_backward_input(Backend<T>& backend, T* dx, T const* dy, T const* w, int rows, int out,
                           int in, Precision precision) {
  gemm_detail::products(backend, precision, 1, [=](int) {
    return gemm_detail::backward_input_of<T>(dx, dy, w, rows, out, in);
  });
}
template <class T>
void matmul_backward_weight(Backend<T>& backend, T* dw, T const* dy, T const* x, int rows, int out,
                            int in, Precision precision) {
  gemm_detail::products(backend, precision, 1, [=](int) {
    return gemm_detail::backward_weight_of<T>(dw, dy, {x, in, 1}, rows, out, in);
  });
}

}  // namespace moenda::cpu::MOENDA_LEVEL
