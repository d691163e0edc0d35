// SPDX-License-Identifier: Apache-2.0
#pragma once
// Kernels that move or add scalars.
#include "moenda/cuda/kernels/device.cuh"

namespace moenda::cuda {
namespace detail {

__global__ void fill_scalars(float* y, float value, std::ptrdiff_t n) {
  for (auto i = first_scalar(); i < n; i += scalar_stride()) y[i] = value;
}

// y may be a or b, so the pointers are not __restrict__.
__global__ void add_scalars(float* y, float const* a, float const* b, std::ptrdiff_t n) {
  for (auto i = first_scalar(); i < n; i += scalar_stride()) y[i] = a[i] + b[i];
}

// Not cudaMemcpy2D: it refuses x_stride = 0, which repeats one run.
__global__ void copy_runs(float* y, float const* x, int blocks, std::ptrdiff_t count,
                          std::ptrdiff_t y_stride, std::ptrdiff_t x_stride) {
  for (std::ptrdiff_t b = blockIdx.y; b < blocks; b += gridDim.y) {
    for (auto i = first_scalar(); i < count; i += scalar_stride()) {
      y[b * y_stride + i] = x[b * x_stride + i];
    }
  }
}

}  // namespace detail

void launch::fill(Device& device, float* y, float value, std::ptrdiff_t n) {
  if (n <= 0) return;
  detail::require_on_device("fill", {y});
  detail::start(device, detail::fill_scalars, detail::blocks_for(n), detail::threads_per_block, y,
                value, n);
}

void launch::copy(Device& device, float* y, float const* x, std::ptrdiff_t n) {
  if (n <= 0) return;
  detail::require_on_device("copy", {y, x});
  detail::check(cudaMemcpyAsync(y, x, static_cast<std::size_t>(n) * sizeof(float),
                                cudaMemcpyDeviceToDevice, device.stream),
                "copying on the device");
}

void launch::add_forward(Device& device, float* y, float const* a, float const* b,
                         std::ptrdiff_t n) {
  if (n <= 0) return;
  detail::require_on_device("add_forward", {y, a, b});
  detail::start(device, detail::add_scalars, detail::blocks_for(n), detail::threads_per_block, y, a,
                b, n);
}

void launch::copy_blocks(Device& device, float* y, float const* x, int blocks, std::ptrdiff_t count,
                         std::ptrdiff_t y_stride, std::ptrdiff_t x_stride) {
  if (blocks <= 0 || count <= 0) return;
  detail::require_on_device("copy_blocks", {y, x});
  auto const rows = static_cast<unsigned>(std::min(blocks, 65535));  // the longest grid.y
  detail::start(device, detail::copy_runs, dim3(detail::blocks_for(count), rows),
                detail::threads_per_block, y, x, blocks, count, y_stride, x_stride);
}

}  // namespace moenda::cuda
