// SPDX-License-Identifier: Apache-2.0
#pragma once
// Root mean square normalisation (Zhang & Sennrich 2019, eq. 4). A block takes a row. The gain's
// gradient is a sum over rows: chunks of rows are summed apart and added in order, without atomics,
// so every run gives the same bits.
#include "moenda/cuda/kernels/device.cuh"

namespace moenda::cuda {
namespace detail {

// rstd[r] = 1 / sqrt(mean_c x[r, c]^2 + epsilon), y[r, c] = x[r, c] rstd[r] gain[c]
__global__ void rms_norm_rows(float* y, float* rstd, float const* x, float const* gain,
                              float epsilon, int cols) {
  auto const row = std::ptrdiff_t{blockIdx.x} * cols;
  float squares = 0;
  for (int c = threadIdx.x; c < cols; c += blockDim.x) squares += x[row + c] * x[row + c];
  float const scale = 1 / sqrtf(block_sum(squares) / static_cast<float>(cols) + epsilon);
  if (threadIdx.x == 0) rstd[blockIdx.x] = scale;
  for (int c = threadIdx.x; c < cols; c += blockDim.x) y[row + c] = x[row + c] * scale * gain[c];
}

// With s = rstd[r] and h = dy gain:   dx = s h - x s^3 mean_c(h x)
__global__ void rms_norm_input_gradient(float* dx, float const* dy, float const* rstd,
                                        float const* x, float const* gain, int cols) {
  auto const row = std::ptrdiff_t{blockIdx.x} * cols;
  float dot = 0;
  for (int c = threadIdx.x; c < cols; c += blockDim.x) dot += dy[row + c] * gain[c] * x[row + c];
  float const scale = rstd[blockIdx.x];
  float const pull = block_sum(dot) * scale * scale * scale / static_cast<float>(cols);
  for (int c = threadIdx.x; c < cols; c += blockDim.x) {
    dx[row + c] = dy[row + c] * gain[c] * scale - x[row + c] * pull;
  }
}

// partials[chunk, c] = sum over the chunk's rows of dy x rstd; a thread has a column
__global__ void rms_norm_gain_partials(float* partials, float const* dy, float const* rstd,
                                       float const* x, int rows, int rows_per_chunk, int cols) {
  auto const c = first_scalar();
  if (c >= cols) return;
  std::ptrdiff_t const begin = std::ptrdiff_t{blockIdx.y} * rows_per_chunk;
  std::ptrdiff_t const end = min(begin + rows_per_chunk, std::ptrdiff_t{rows});
  float sum = 0;
  for (auto r = begin; r < end; ++r) sum += dy[r * cols + c] * x[r * cols + c] * rstd[r];
  partials[std::ptrdiff_t{blockIdx.y} * cols + c] = sum;
}

// dgain[c] += partials[0, c] + partials[1, c] + ..., in this order
__global__ void add_partials(float* dgain, float const* partials, int chunks, int cols) {
  auto const c = first_scalar();
  if (c >= cols) return;
  float sum = dgain[c];
  for (std::ptrdiff_t chunk = 0; chunk < chunks; ++chunk) sum += partials[chunk * cols + c];
  dgain[c] = sum;
}

/// Rows summed by one thread: 32, or more where the partial sums would not fit the workspace (or
/// grid.y). It depends on sizes alone. Throws ConfigError for rows wider than the workspace.
inline int rows_per_chunk(int rows, int cols) {
  constexpr long long scalars = Device::workspace_bytes / sizeof(float);
  require(cols <= scalars, "rms_norm_backward: a row must fit the workspace", cols, scalars);
  long long const chunks = std::min(65535LL, scalars / cols);
  return static_cast<int>(std::max(32LL, (rows + chunks - 1) / chunks));
}

}  // namespace detail

void launch::rms_norm_forward(Device& device, float* y, float* rstd, float const* x,
                              float const* gain, float epsilon, int rows, int cols) {
  if (rows <= 0 || cols <= 0) return;
  detail::require_on_device("rms_norm_forward", {y, rstd, x, gain});
  detail::start(device, detail::rms_norm_rows, static_cast<unsigned>(rows),
                detail::threads_for_row(cols), y, rstd, x, gain, epsilon, cols);
}

void launch::rms_norm_backward(Device& device, float* dx, float* dgain, float const* dy,
                               float const* rstd, float const* x, float const* gain, int rows,
                               int cols) {
  if (rows <= 0 || cols <= 0) return;
  detail::require_on_device("rms_norm_backward", {dx, dgain, dy, rstd, x, gain});
  int const chunk = detail::rows_per_chunk(rows, cols), chunks = (rows - 1) / chunk + 1;
  auto const columns = (static_cast<unsigned>(cols) - 1) / detail::threads_per_block + 1;
  auto* const partials = static_cast<float*>(device.workspace);
  detail::start(device, detail::rms_norm_gain_partials,
                dim3(columns, static_cast<unsigned>(chunks)), detail::threads_per_block, partials,
                dy, rstd, x, rows, chunk, cols);
  detail::start(device, detail::add_partials, columns, detail::threads_per_block, dgain, partials,
                chunks, cols);
  // Last, as dx may be dy.
  detail::start(device, detail::rms_norm_input_gradient, static_cast<unsigned>(rows),
                detail::threads_for_row(cols), dx, dy, rstd, x, gain, cols);
}

}  // namespace moenda::cuda
