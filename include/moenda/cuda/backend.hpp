// SPDX-License-Identifier: Apache-2.0
#pragma once
// A GPU of NVIDIA behind plain C++: no CUDA header is read here, so models compile with any
// compiler, and nvcc reads cuda/source.cuh alone. Matrix products, norms, embeddings and memory
// run; every other kernel compiles and throws, so the rest can come one file at a time.
#include <cstddef>
#include <memory>
#include <string>
#include <type_traits>

#include "moenda/config.hpp"
#include "moenda/core/error.hpp"
#include "moenda/core/parallel.hpp"
#include "moenda/core/precision.hpp"
#include "moenda/core/space.hpp"
#include "moenda/cuda/device.hpp"
#include "moenda/cuda/launch.hpp"
#if !MOENDA_CUDA
#include "moenda/cuda/stub.hpp"
#endif

namespace moenda::cuda {

/// The memory of one GPU. Throws ConfigError when there is not enough, Error where something that
/// was started before a copy has failed.
struct Space {
  static constexpr bool is_host = false;
  Device* device;

  [[nodiscard]] static void* allocate(std::size_t bytes) { return detail::allocate(bytes); }
  static void release(void* memory) { detail::release(memory); }
  void fill(void* to, unsigned char value, std::size_t bytes) const {
    detail::fill_bytes(*device, to, value, bytes);
  }
  void copy_from_host(void* to, void const* from, std::size_t bytes) const {
    detail::copy_to_device(*device, to, from, bytes);
  }
  void copy_to_host(void* to, void const* from, std::size_t bytes) const {
    detail::copy_to_host(*device, to, from, bytes);
  }
};

/// Runs kernels on one GPU, in order, on a stream of its own. Kernels are only started: results are
/// on the host after a copy of space(), and done after synchronize(). The device becomes the
/// calling thread's current one, so a thread uses one device at a time. T is float; gradient checks
/// in double run on the CPU.
template <class T>
class Backend {
  static_assert(std::is_same_v<T, float>, "cuda::Backend: the scalar must be float");

 public:
  using Scalar = T;
  using Space = cuda::Space;

  /// Throws ConfigError when this was built without CUDA, or when there is no such device.
  explicit Backend(int device_number = 0)
      : device_(detail::open_device(device_number), &detail::close_device) {}

  [[nodiscard]] Device& device() { return *device_; }
  [[nodiscard]] Space space() { return {&device()}; }
  /// Waits until everything that was started is done. Throws Error when something failed.
  void synchronize() { detail::synchronize(device()); }

  Precision precision = Precision::fp32;  ///< of matrix products; a router's are always fp32
  ThreadPool pool{1};  ///< for work that stays on the host, such as drawing first values

 private:
  std::unique_ptr<Device, void (*)(Device*)> device_;
};

namespace detail {

/// Throws ConfigError.
[[noreturn]] inline void missing(char const* kernel) {
  throw ConfigError("cuda: " + std::string(kernel) +
                    " does not exist on the GPU yet: use cpu::Backend<float> for this model");
}

}  // namespace detail

#define MOENDA_KERNEL(name, arguments, ...)                       \
  template <class T>                                              \
  void name(Backend<T>& backend, __VA_ARGS__) {                   \
    if constexpr (detail::exists(#name)) {                        \
      launch::name(backend.device(), MOENDA_ARGUMENTS arguments); \
    } else {                                                      \
      detail::missing(#name);                                     \
    }                                                             \
  }
#include "moenda/kernels/for_each_kernel.inc"

#if MOENDA_CUDA
/// y = gelu(h), h = x w^T: the activation is applied before the product leaves the processor, which
/// saves a pass over memory. h is kept for the backward. Where cuBLASLt has no such product (out
/// not a multiple of 8, or h not aligned to 16 bytes) it is done in two steps.
/// x [rows, in], w [out, in] -> y, h [rows, out].
inline void matmul_gelu_forward(Backend<float>& backend, float* y, float* h, float const* x,
                                float const* w, int rows, int out, int in) {
  launch::matmul_gelu_forward(backend.device(), y, h, x, w, rows, out, in);
}
#endif

}  // namespace moenda::cuda
