// SPDX-License-Identifier: Apache-2.0
#pragma once
// Counts and fails allocations. Only in programs where one source file includes operator_new.hpp.
#include <atomic>

namespace laws {

inline std::atomic<long> allocations = 0;        ///< calls of operator new so far
inline std::atomic<long> allocations_left = -1;  ///< then bad_alloc is thrown once; < 0: never

/// How often `action` calls operator new, on all threads.
template <class Action>
[[nodiscard]] long allocations_of(Action const& action) {
  long const before = allocations;
  action();
  return allocations - before;
}

/// Lets the N-th allocation of its scope fail, counted from 0.
struct FailingAllocation {
  explicit FailingAllocation(long n) { allocations_left = n; }
  FailingAllocation(FailingAllocation const&) = delete;
  FailingAllocation& operator=(FailingAllocation const&) = delete;
  ~FailingAllocation() { stop(); }
  static void stop() { allocations_left = -1; }
  /// Whether it came to that.
  [[nodiscard]] static bool happened() { return allocations_left < 0; }
};

}  // namespace laws
