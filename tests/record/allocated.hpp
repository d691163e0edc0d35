// SPDX-License-Identifier: Apache-2.0
#pragma once
// How much memory is asked for, where the address sanitizer counts it; 0 elsewhere.
#include <algorithm>
#include <cstddef>

#if defined(__has_feature)
#if __has_feature(address_sanitizer)
#include <sanitizer/allocator_interface.h>
#endif
#endif

namespace moenda::test {

inline thread_local std::size_t live_bytes = 0, peak_bytes = 0;

inline void count_memory() {
#ifdef SANITIZER_ALLOCATOR_INTERFACE_H
  static int const installed = __sanitizer_install_malloc_and_free_hooks(
      [](void const volatile*, std::size_t size) {
        live_bytes += size;
        peak_bytes = std::max(peak_bytes, live_bytes);
      },
      [](void const volatile* memory) {
        auto const size = __sanitizer_get_allocated_size(const_cast<void const*>(memory));
        live_bytes -= std::min(live_bytes, size);
      });
  (void)installed;
#endif
}
inline void start_counting_memory() {
  count_memory();
  live_bytes = peak_bytes = 0;
}
/// Since start_counting_memory, of this thread.
inline std::size_t peak_of_memory() { return peak_bytes; }

}  // namespace moenda::test
