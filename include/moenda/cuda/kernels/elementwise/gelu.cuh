// SPDX-License-Identifier: Apache-2.0
#pragma once
// The tanh form of GELU (Hendrycks & Gimpel 2016, section 2).
#include "moenda/cuda/kernels/device.cuh"

namespace moenda::cuda {
namespace detail {

constexpr float sqrt_2_over_pi = 0.7978845608028654f;

/// tanh(u), u = sqrt(2 / pi) (x + 0.044715 x^3)
__device__ inline float gelu_tanh(float x) {
  return tanhf(sqrt_2_over_pi * (x + 0.044715f * x * x * x));
}

// y = x/2 (1 + t), t = tanh(u)
__global__ void gelu_of_scalars(float* y, float const* x, std::ptrdiff_t n) {
  for (auto i = first_scalar(); i < n; i += scalar_stride()) {
    y[i] = 0.5f * x[i] * (1 + gelu_tanh(x[i]));
  }
}

// dy/dx = (1 + t)/2 + x/2 (1 - t^2) du/dx
__global__ void gelu_gradient(float* dx, float const* dy, float const* x, std::ptrdiff_t n) {
  for (auto i = first_scalar(); i < n; i += scalar_stride()) {
    float const t = gelu_tanh(x[i]);
    float const slope = sqrt_2_over_pi * (1 + 0.134145f * x[i] * x[i]);
    dx[i] = dy[i] * 0.5f * (1 + t + x[i] * (1 - t * t) * slope);
  }
}

}  // namespace detail

void launch::gelu_forward(Device& device, float* y, float const* x, std::ptrdiff_t n) {
  if (n <= 0) return;
  detail::require_on_device("gelu_forward", {y, x});
  detail::start(device, detail::gelu_of_scalars, detail::blocks_for(n), detail::threads_per_block,
                y, x, n);
}

void launch::gelu_backward(Device& device, float* dx, float const* dy, float const* x,
                           std::ptrdiff_t n) {
  if (n <= 0) return;
  detail::require_on_device("gelu_backward", {dx, dy, x});
  detail::start(device, detail::gelu_gradient, detail::blocks_for(n), detail::threads_per_block, dx,
                dy, x, n);
}

}  // namespace moenda::cuda
