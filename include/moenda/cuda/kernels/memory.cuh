// SPDX-License-Identifier: Apache-2.0
#pragma once
// Opening a device, its memory, and copies between it and the host.
#include "moenda/cuda/kernels/device.cuh"

namespace moenda::cuda {
namespace detail {

/// cudaGetDeviceCount, with "no driver" told apart from "no device" by the status.
inline cudaError_t count_devices(int& count) {
  auto const status = cudaGetDeviceCount(&count);
  if (status != cudaSuccess) {
    cudaGetLastError();
    count = 0;
  }
  return status;
}

}  // namespace detail

int device_count() {
  int count = 0;
  auto const status = detail::count_devices(count);
  if (status != cudaErrorNoDevice && status != cudaErrorInsufficientDriver) {
    detail::check(status, "cudaGetDeviceCount");
  }
  return count;
}

namespace detail {

Device* open_device(int number) {
  int count = 0;
  auto const status = count_devices(count);
  if (count == 0) {
    throw ConfigError(
        "cuda::Backend: there must be a CUDA device, but cudaGetDeviceCount finds none: " +
        std::string(cudaGetErrorString(status)) + " (" + cudaGetErrorName(status) + ")");
  }
  if (number < 0 || number >= count) {
    throw ConfigError("cuda::Backend: the device number must lie in 0.." +
                      std::to_string(count - 1) + ", but is " + std::to_string(number));
  }
  check(cudaSetDevice(number), "cudaSetDevice");
  auto device = std::make_unique<Device>();
  check(cudaStreamCreateWithFlags(&device->stream, cudaStreamNonBlocking), "cudaStreamCreate");
  check(cublasLtCreate(&device->blas), "cublasLtCreate");
  device->workspace = allocate(Device::workspace_bytes);
  device->first_bad_row = static_cast<unsigned*>(allocate(sizeof(unsigned)));
  return device.release();
}

void close_device(Device* device) { delete device; }

void* allocate(std::size_t bytes) {
  void* memory = nullptr;
  auto const status = cudaMalloc(&memory, bytes);
  if (status == cudaErrorMemoryAllocation) {
    cudaGetLastError();
    throw ConfigError("cuda::Backend: the device must have " + std::to_string(bytes) +
                      " free bytes more: " + cudaGetErrorString(status) + " (" +
                      cudaGetErrorName(status) + ")");
  }
  check(status, "cudaMalloc");
  return memory;
}

// cudaFree waits until the kernels that may still use the memory are done.
void release(void* memory) { cudaFree(memory); }

void fill_bytes(Device& device, void* to, unsigned char value, std::size_t bytes) {
  if (bytes == 0) return;
  check(cudaMemsetAsync(to, value, bytes, device.stream), "filling memory of the device");
}

void copy_to_device(Device& device, void* to, void const* from, std::size_t bytes) {
  if (bytes == 0) return;
  check(cudaMemcpyAsync(to, from, bytes, cudaMemcpyHostToDevice, device.stream),
        "copying to the device");
  synchronize(device);
}

void copy_to_host(Device& device, void* to, void const* from, std::size_t bytes) {
  if (bytes == 0) return;
  check(cudaMemcpyAsync(to, from, bytes, cudaMemcpyDeviceToHost, device.stream),
        "copying to the host");
  synchronize(device);
}

void synchronize(Device& device) {
  check(cudaStreamSynchronize(device.stream), "what was started on the device");
}

}  // namespace detail
}  // namespace moenda::cuda
