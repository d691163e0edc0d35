// SPDX-License-Identifier: Apache-2.0
#pragma once
// What every kernel file needs: the opaque Device, errors, and starting kernels.
#include <cublasLt.h>
#include <cuda_runtime.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <map>
#include <memory>
#include <string>

#include "moenda/core/error.hpp"
#include "moenda/cuda/device.hpp"
#include "moenda/cuda/kernels/linear/matmul_plan.cuh"
#include "moenda/cuda/launch.hpp"

namespace moenda::cuda {

struct Device {
  Device() = default;
  Device(Device const&) = delete;
  Device& operator=(Device const&) = delete;
  ~Device() {  // also of a half-made one; errors cannot be reported any more
    if (blas != nullptr) cublasLtDestroy(blas);
    if (workspace != nullptr) cudaFree(workspace);
    if (first_bad_row != nullptr) cudaFree(first_bad_row);
    if (stream != nullptr) cudaStreamDestroy(stream);
  }

  cudaStream_t stream = nullptr;
  cublasLtHandle_t blas = nullptr;
  // Scratch of whichever kernel runs: the stream runs one at a time. 32 MiB is what NVIDIA advises
  // for cuBLAS on Hopper; earlier devices ask for less.
  static constexpr std::size_t workspace_bytes = std::size_t{32} << 20;
  void* workspace = nullptr;
  unsigned* first_bad_row = nullptr;  // one, on the device
  std::map<Product, MatmulPlan> plans;
};

namespace detail {

/// Throws Error unless `status` is success. A failed call must not be reported again by the next
/// one, so CUDA's last error is cleared.
inline void check(cudaError_t status, char const* what) {
  if (status == cudaSuccess) return;
  cudaGetLastError();
  throw Error("cuda: " + std::string(what) + " must succeed: " + cudaGetErrorString(status) + " (" +
              cudaGetErrorName(status) + ")");
}
inline void check(cublasStatus_t status, char const* what) {
  if (status == CUBLAS_STATUS_SUCCESS) return;
  throw Error("cuda: " + std::string(what) + " must succeed: " + cublasLtGetStatusString(status) +
              " (" + cublasLtGetStatusName(status) + ")");
}

/// Throws ConfigError unless all pointers can be read on the device: a host pointer would end the
/// whole process's use of the device. Less than a microsecond per pointer.
inline void require_on_device(char const* kernel, std::initializer_list<void const*> pointers) {
  for (auto const* pointer : pointers) {
    cudaPointerAttributes attributes{};
    check(cudaPointerGetAttributes(&attributes, pointer), "cudaPointerGetAttributes");
    if (attributes.type != cudaMemoryTypeUnregistered) continue;
    throw ConfigError("cuda: " + std::string(kernel) +
                      ": all arrays must lie on the device, but one lies on the host");
  }
}

/// Starts a kernel on the device's stream.
template <class... Parameters, class... Arguments>
void start(Device& device, void (*kernel)(Parameters...), dim3 grid, unsigned threads,
           Arguments... arguments) {
  kernel<<<grid, threads, 0, device.stream>>>(arguments...);
  check(cudaGetLastError(), "starting a kernel");
}

constexpr unsigned threads_per_block = 256;

/// Blocks for a loop over `n` scalars that strides by the whole grid.
inline unsigned blocks_for(std::ptrdiff_t n) {
  std::ptrdiff_t const blocks = (n - 1) / threads_per_block + 1;
  return static_cast<unsigned>(std::min<std::ptrdiff_t>(blocks, 16384));
}
/// Threads for one row: whole warps, no more than there are columns to read.
inline unsigned threads_for_row(int cols) {
  return std::min(threads_per_block, (static_cast<unsigned>(std::max(1, cols)) + 31) / 32 * 32);
}

/// The first scalar of this thread, and how far its next one is.
__device__ inline std::ptrdiff_t first_scalar() {
  return std::ptrdiff_t{blockIdx.x} * blockDim.x + threadIdx.x;
}
__device__ inline std::ptrdiff_t scalar_stride() { return std::ptrdiff_t{gridDim.x} * blockDim.x; }

/// The sum over a block, known to all its threads, always added in the same order.
__device__ inline float block_sum(float value) {
  __shared__ float of_warp[threads_per_block / 32];
  for (int lane = 16; lane > 0; lane /= 2) value += __shfl_xor_sync(0xffffffffu, value, lane);
  if (threadIdx.x % 32 == 0) of_warp[threadIdx.x / 32] = value;
  __syncthreads();
  float sum = 0;
  for (unsigned warp = 0; warp < blockDim.x / 32; ++warp) sum += of_warp[warp];
  __syncthreads();  // of_warp may be written again
  return sum;
}

}  // namespace detail
}  // namespace moenda::cuda
