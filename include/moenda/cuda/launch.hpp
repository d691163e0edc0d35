// SPDX-License-Identifier: Apache-2.0
#pragma once
// The kernels that run on the GPU, each once. launch::name checks its pointers and starts work on
// the device's stream; nvcc compiles these from kernels/*.cuh and reads nothing else of ours. What
// they compute, and the shapes, is said in cpu/declarations.hpp (the tests compare the argument
// lists).
#include <cstddef>
#include <string_view>

#include "moenda/core/precision.hpp"
#include "moenda/cuda/device.hpp"

// X(name, (arguments), parameters...)
// clang-format off
#define MOENDA_FOR_EACH_CUDA_KERNEL(X)                                                            \
  X(matmul_forward, (y, x, w, rows, out, in, precision),                                                     \
    float* y, float const* x, float const* w, int rows, int out, int in, Precision precision)                          \
  X(matmul_backward_input, (dx, dy, w, rows, out, in, precision),                                            \
    float* dx, float const* dy, float const* w, int rows, int out, int in, Precision precision)                        \
  X(matmul_backward_weight, (dw, dy, x, rows, out, in, precision),                                           \
    float* dw, float const* dy, float const* x, int rows, int out, int in, Precision precision)                        \
  X(fill, (y, value, n), float* y, float value, std::ptrdiff_t n)                                 \
  X(copy, (y, x, n), float* y, float const* x, std::ptrdiff_t n)                                  \
  X(add_forward, (y, a, b, n), float* y, float const* a, float const* b, std::ptrdiff_t n)        \
  X(copy_blocks, (y, x, blocks, count, y_stride, x_stride),                                       \
    float* y, float const* x, int blocks, std::ptrdiff_t count,                                   \
    std::ptrdiff_t y_stride, std::ptrdiff_t x_stride)                                             \
  X(embedding_forward, (y, table, ids, rows, cols),                                               \
    float* y, float const* table, int const* ids, int rows, int cols)                             \
  X(embedding_backward, (dtable, dy, ids, rows, cols, table_rows),                                \
    float* dtable, float const* dy, int const* ids, int rows, int cols, int table_rows)           \
  X(rms_norm_forward, (y, rstd, x, gain, epsilon, rows, cols),                                    \
    float* y, float* rstd, float const* x, float const* gain, float epsilon, int rows, int cols)  \
  X(rms_norm_backward, (dx, dgain, dy, rstd, x, gain, rows, cols),                                \
    float* dx, float* dgain, float const* dy, float const* rstd, float const* x,                  \
    float const* gain, int rows, int cols)                                                        \
  X(gelu_forward, (y, x, n), float* y, float const* x, std::ptrdiff_t n)                          \
  X(gelu_backward, (dx, dy, x, n),                                                                \
    float* dx, float const* dy, float const* x, std::ptrdiff_t n)
// clang-format on

namespace moenda::cuda {
namespace launch {

#define MOENDA_DECLARE(name, arguments, ...) void name(Device&, __VA_ARGS__);
MOENDA_FOR_EACH_CUDA_KERNEL(MOENDA_DECLARE)
#undef MOENDA_DECLARE

// y = gelu(h), h = x w^T; called by no operation yet, see backend.hpp
void matmul_gelu_forward(Device&, float* y, float* h, float const* x, float const* w, int rows,
                         int out, int in);

}  // namespace launch

namespace detail {

/// Whether a kernel of this name runs on the GPU.
constexpr bool exists(std::string_view kernel) {
#define MOENDA_NAME(name, arguments, ...) #name,
  constexpr std::string_view known[] = {MOENDA_FOR_EACH_CUDA_KERNEL(MOENDA_NAME)};
#undef MOENDA_NAME
  for (auto const name : known) {
    if (name == kernel) return true;
  }
  return false;
}

}  // namespace detail
}  // namespace moenda::cuda
