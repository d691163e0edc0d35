// SPDX-License-Identifier: Apache-2.0
#pragma once
// The part of a device that host code needs. nvcc and any other compiler read this.
#include <cstddef>

namespace moenda::cuda {

/// Stream, cuBLASLt handle and workspace: kernels/device.cuh knows what is inside.
struct Device;

/// How many CUDA devices there are; 0 without a driver, or when built without CUDA.
[[nodiscard]] int device_count();

namespace detail {

/// Throws ConfigError when this was built without CUDA, or unless 0 <= number < device_count().
[[nodiscard]] Device* open_device(int number);
void close_device(Device* device);
/// Throws ConfigError when the device has not as much.
[[nodiscard]] void* allocate(std::size_t bytes);
void release(void* memory);
void fill_bytes(Device& device, void* to, unsigned char value, std::size_t bytes);
void copy_to_device(Device& device, void* to, void const* from, std::size_t bytes);
void copy_to_host(Device& device, void* to, void const* from, std::size_t bytes);
void synchronize(Device& device);

}  // namespace detail
}  // namespace moenda::cuda
