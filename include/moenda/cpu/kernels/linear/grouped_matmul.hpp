// SPDX-License-Identifier: Apache-2.0
#pragma once
// The products of many experts, each with its own rows and weight, as one list of work. Rows are
// picked while they are packed.
#include "moenda/cpu/kernels/linear/matmul.hpp"

namespace moenda::cpu::MOENDA_LEVEL {
namespace gemm_detail {

/// Rows `first` and after of x[_, cols], or of those that row_of picks.
template <class T>
[[nodiscard]] Operand<T> picked_rows(T const* x, int const* row_of, int first, int cols) {
  return Operand<T>{x, cols, 1, row_of}.from(first, 0);
}

}  // namespace gemm_detail

template <class T>
void grouped_matmul_forward(Backend<T>& backend, T* y, T const* x, int const* row_of,
                            KeptGroups<T> w, int const* begin, int groups, int out, int in,
                            Precision precision) {
  gemm_detail::products(backend, precision, groups, [=](int g) {
    return gemm_detail::forward_of(y + std::ptrdiff_t{begin[g]} * out,
                                   gemm_detail::picked_rows(x, row_of, begin[g], in), w[g],
                                   begin[g + 1] - begin[g], out, in);
  });
}
template <class T>
void grouped_matmul_backward_input(Backend<T>& backend, T* dx, T const* dy, T const* const* w,
                                   int const* begin, int groups, int out, int in,
                                   Precision precision) {
  gemm_detail::products(backend, precision, groups, [=](int g) {
    return gemm_detail::backward_input_of(dx + std::ptrdiff_t{begin[g]} * in,
                                          dy + std::ptrdiff_t{begin[g]} * out, w[g],
                                          begin[g + 1] - begin[g], out, in);
  });
}
template <class T>
void grouped_matmul_backward_weight(Backend<T>& backend, T* const* dw, T const* dy, T const* x,
                                    int const* row_of, int const* begin, int groups, int out,
                                    int in, Precision precision) {
  gemm_detail::products(backend, precision, groups, [=](int g) {
    return gemm_detail::backward_weight_of(dw[g], dy + std::ptrdiff_t{begin[g]} * out,
                                           gemm_detail::picked_rows(x, row_of, begin[g], in),
                                           begin[g + 1] - begin[g], out, in);
  });
}

}  // namespace moenda::cpu::MOENDA_LEVEL
