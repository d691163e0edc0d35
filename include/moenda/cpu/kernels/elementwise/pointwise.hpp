// SPDX-License-Identifier: Apache-2.0
#pragma once
// Small functions of tables, element by element or row by row, that routers are made of.
#include <cmath>

#include "moenda/cpu/kernels/elementwise/activations.hpp"

namespace moenda::cpu::MOENDA_LEVEL {

// y = 1 / (1 + exp(-x))
template <class T>
void sigmoid_forward(Backend<T>& backend, T* y, T const* x, std::ptrdiff_t n) {
  detail::for_scalars(backend, n, [=](std::ptrdiff_t i) { y[i] = sigmoid(x[i]); });
}
// dx = dy y (1 - y)
template <class T>
void sigmoid_backward(Backend<T>& backend, T* dx, T const* dy, T const* y, std::ptrdiff_t n) {
  detail::for_scalars(backend, n, [=](std::ptrdiff_t i) { dx[i] = dy[i] * y[i] * (T(1) - y[i]); });
}

// y = log(1 + exp(x))
template <class T>
void softplus_forward(Backend<T>& backend, T* y, T const* x, std::ptrdiff_t n) {
  detail::for_scalars(backend, n, [=](std::ptrdiff_t i) {
    T const value = x[i];
    y[i] = std::max(value, T(0)) + std::log1p(std::exp(-std::abs(value)));
  });
}
// dx = dy sigmoid(x)
template <class T>
void softplus_backward(Backend<T>& backend, T* dx, T const* dy, T const* x, std::ptrdiff_t n) {
  detail::for_scalars(backend, n, [=](std::ptrdiff_t i) { dx[i] = dy[i] * sigmoid(x[i]); });
}

// y = a b
template <class T>
void multiply_forward(Backend<T>& backend, T* y, T const* a, T const* b, std::ptrdiff_t n) {
  detail::for_scalars(backend, n, [=](std::ptrdiff_t i) { y[i] = a[i] * b[i]; });
}

// y = factor x + shift
template <class T>
void scale_forward(Backend<T>& backend, T* y, T const* x, T factor, T shift, std::ptrdiff_t n) {
  detail::for_scalars(backend, n, [=](std::ptrdiff_t i) { y[i] = factor * x[i] + shift; });
}

// y[r, c] = x[r, c] + row[c]
template <class T>
void add_row_forward(Backend<T>& backend, T* y, T const* x, T const* row, int rows, int cols) {
  detail::for_blocks(backend, rows, detail::rows_per_block(cols),
                     [=](std::ptrdiff_t begin, std::ptrdiff_t end) {
                       for (std::ptrdiff_t r = begin; r < end; ++r) {
                         for (std::ptrdiff_t c = 0; c < cols; ++c) {
                           y[r * cols + c] = x[r * cols + c] + row[c];
                         }
                       }
                     });
}
// sums[c] += sum_r x[r, c]
template <class T>
void sum_of_rows(Backend<T>& backend, T* sums, T const* x, int rows, int cols) {
  T const* const partials =
      detail::partial_sums<T>(backend, rows, detail::rows_per_sum, cols,
                              [=](std::ptrdiff_t begin, std::ptrdiff_t end, T* partial) {
                                for (std::ptrdiff_t r = begin; r < end; ++r) {
                                  for (std::ptrdiff_t c = 0; c < cols; ++c)
                                    partial[c] += x[r * cols + c];
                                }
                              });
  detail::add_partials(backend, sums, partials, detail::blocks_of(rows, detail::rows_per_sum),
                       std::ptrdiff_t{cols}, std::ptrdiff_t{cols});
}

}  // namespace moenda::cpu::MOENDA_LEVEL
