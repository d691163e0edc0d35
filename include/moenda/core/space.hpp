// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <concepts>
#include <cstddef>
#include <cstring>
#include <new>

#include "moenda/core/huge_pages.hpp"

namespace moenda {

/// Where a backend's numbers live. A space is a handle: copies of it are the same space. Memory is
/// aligned to 64 bytes; `allocate` throws when there is not enough. `fill` sets every byte. Copies
/// to the host wait for everything that the backend was asked to do before: each is one
/// synchronisation. `is_host`: the host may read and write the memory itself.
template <class S>
concept SpaceLike = std::copy_constructible<S> &&
    requires(S space, void* to, void const* from, std::size_t bytes) {
  { S::is_host } -> std::convertible_to<bool>;
  { space.allocate(bytes) } -> std::same_as<void*>;
  space.release(to);
  space.fill(to, static_cast<unsigned char>(0), bytes);
  space.copy_from_host(to, from, bytes);
  space.copy_to_host(to, from, bytes);
};

/// This machine's memory, on huge pages where there is much of it.
struct HostSpace {
  static constexpr bool is_host = true;

  /// Throws std::bad_alloc.
  [[nodiscard]] static void* allocate(std::size_t bytes) {
    void* const memory = ::operator new (bytes, std::align_val_t{64});
    prefer_huge_pages(memory, bytes);
    return memory;
  }
  static void release(void* memory) { ::operator delete (memory, std::align_val_t{64}); }
  static void fill(void* to, unsigned char value, std::size_t bytes) {
    if (bytes > 0) std::memset(to, value, bytes);
  }
  static void copy_from_host(void* to, void const* from, std::size_t bytes) {
    if (bytes > 0) std::memcpy(to, from, bytes);
  }
  static void copy_to_host(void* to, void const* from, std::size_t bytes) {
    if (bytes > 0) std::memcpy(to, from, bytes);
  }
};
static_assert(SpaceLike<HostSpace>);

}  // namespace moenda
