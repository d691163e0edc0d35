// SPDX-License-Identifier: Apache-2.0
#pragma once
// The products of many experts, each with its own rows and weight.
#include <vector>

#include "moenda/cpu/kernels/matmul.hpp"

namespace moenda::cpu {
namespace gemm_detail {

template <class T>
std::vector<T> picked(T const* x, int const* row_of, int begin, int rows, int cols) {
  std::vector<T> y(std::size_t(rows) * std::size_t(cols));
  for (int r = 0; r < rows; ++r) {
    auto const from = row_of == nullptr ? begin + r : row_of[begin + r];
    std::copy_n(x + std::ptrdiff_t(from) * cols, cols, y.data() + std::ptrdiff_t(r) * cols);
  }
  return y;
}

}  // namespace gemm_detail

MOENDA_KERNEL grouped_matmul_forward(Backend<T>& backend, T* y, T const* x, int const* row_of,
                                     T const* const* w, int const* begin, int groups, int out,
                                     int in, Precision precision) {
  for (int g = 0; g < groups; ++g) {
    int const rows = begin[g + 1] - begin[g];
    auto const from = gemm_detail::picked(x, row_of, begin[g], rows, in);
    matmul_forward(backend, y + std::ptrdiff_t(begin[g]) * out, from.data(), w[g], rows, out, in,
                   precision);
  }
}
MOENDA_KERNEL grouped_matmul_backward_input(Backend<T>& backend, T* dx, T const* dy,
                                            T const* const* w, int const* begin, int groups,
                                            int out, int in, Precision precision) {
  for (int g = 0; g < groups; ++g) {
    matmul_backward_input(backend, dx + std::ptrdiff_t(begin[g]) * in,
                          dy + std::ptrdiff_t(begin[g]) * out, w[g], begin[g + 1] - begin[g], out,
                          in, precision);
  }
}
MOENDA_KERNEL grouped_matmul_backward_weight(Backend<T>& backend, T* const* dw, T const* dy,
                                             T const* x, int const* row_of, int const* begin,
                                             int groups, int out, int in, Precision precision) {
  for (int g = 0; g < groups; ++g) {
    int const rows = begin[g + 1] - begin[g];
    auto const from = gemm_detail::picked(x, row_of, begin[g], rows, in);
    matmul_backward_weight(backend, dw[g], dy + std::ptrdiff_t(begin[g]) * out, from.data(), rows,
                           out, in, precision);
  }
}

}  // namespace moenda::cpu
