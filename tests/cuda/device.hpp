// SPDX-License-Identifier: Apache-2.0
#pragma once
// What the tests of the GPU share. Each of their files is run by itself; without a device it prints
// why it was skipped and leaves with 77, which ctest reports as skipped.
#include <catch2/catch.hpp>
#include <cstddef>
#include <cstdio>
#include <cstdlib>
#include <vector>

#include "moenda/cuda/backend.hpp"

namespace on_gpu {

/// The backend of all tests of a program. Ends the program with 77 when there is no device.
inline moenda::cuda::Backend<float>& backend() {
  if (moenda::cuda::device_count() == 0) {
    std::puts(MOENDA_CUDA ? "SKIP: no CUDA device"
                          : "SKIP: built without CUDA (configure with -DMOENDA_CUDA=ON)");
    std::exit(77);
  }
  static moenda::cuda::Backend<float> one;
  return one;
}

/// A copy of `host` on the device, from `offset` scalars after an aligned place.
template <class X>
class Array {
 public:
  explicit Array(std::vector<X> const& host, std::size_t offset = 0)
      : size_(host.size()),
        memory_(moenda::cuda::detail::allocate((size_ + offset + 1) * sizeof(X))),
        data_(static_cast<X*>(memory_) + offset) {
    backend().space().copy_from_host(data_, host.data(), size_ * sizeof(X));
  }
  Array(Array const&) = delete;
  Array& operator=(Array const&) = delete;
  ~Array() { moenda::cuda::detail::release(memory_); }

  [[nodiscard]] X* data() { return data_; }
  /// What is there now, after everything that was started.
  [[nodiscard]] std::vector<X> host() const {
    std::vector<X> copy(size_);
    backend().space().copy_to_host(copy.data(), data_, size_ * sizeof(X));
    return copy;
  }

 private:
  std::size_t size_;
  void* memory_;
  X* data_;
};

}  // namespace on_gpu
