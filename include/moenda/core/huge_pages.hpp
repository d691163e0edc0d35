// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <cstddef>
#include <cstdint>
#if defined(__linux__)
#include <sys/mman.h>
#endif

namespace moenda {

/// Asks for pages of 2 MiB under [data, data + bytes), before the memory is first written: large
/// arrays that are read in strides wait for page tables more than for memory. Only a wish, and not
/// made below 8 MiB, where a page that is barely used would cost more memory than it saves time.
inline void prefer_huge_pages([[maybe_unused]] void* data, [[maybe_unused]] std::size_t bytes) {
#if defined(__linux__) && defined(MADV_HUGEPAGE)
  constexpr std::uintptr_t page = std::uintptr_t{2} << 20;
  if (bytes < 4 * page) return;
  auto const address = reinterpret_cast<std::uintptr_t>(data);
  auto const begin = (address + page - 1) / page * page, end = (address + bytes) / page * page;
  madvise(reinterpret_cast<void*>(begin), end - begin, MADV_HUGEPAGE);  // refused: no harm
#endif
}

}  // namespace moenda
