// SPDX-License-Identifier: Apache-2.0
#pragma once
// Builds without CUDA: everything that names cuda::Backend compiles, and constructing one says what
// to do. No Backend exists then, so the functions that need one are never reached.
#include "moenda/core/error.hpp"
#include "moenda/cuda/device.hpp"

namespace moenda::cuda {

inline int device_count() { return 0; }

namespace detail {

[[noreturn]] inline void built_without_cuda() {
  throw ConfigError(
      "cuda::Backend: this program was built without CUDA: configure with -DMOENDA_CUDA=ON");
}

inline Device* open_device(int) { built_without_cuda(); }
inline void close_device(Device*) {}
inline void* allocate(std::size_t) { built_without_cuda(); }
inline void release(void*) {}
inline void fill_bytes(Device&, void*, unsigned char, std::size_t) { built_without_cuda(); }
inline void copy_to_device(Device&, void*, void const*, std::size_t) { built_without_cuda(); }
inline void copy_to_host(Device&, void*, void const*, std::size_t) { built_without_cuda(); }
inline void synchronize(Device&) { built_without_cuda(); }

}  // namespace detail
}  // namespace moenda::cuda
