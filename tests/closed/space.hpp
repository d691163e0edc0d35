// SPDX-License-Identifier: Apache-2.0
#pragma once
// Memory that nobody may touch, except while a kernel or a copy of its backend runs: what a GPU's
// memory is to the host, without a GPU. A program that reads or writes it elsewhere ends at once,
// with the names of the array and of the last kernel.
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <map>
#include <mutex>
#include <new>
#include <string>
#include <vector>

#include "moenda/core/space.hpp"

namespace closed {

/// One range of addresses that all arrays come from, so that opening and closing is one call.
class Region {
 public:
  static Region& one() {
    static Region region;
    return region;
  }

  [[nodiscard]] void* allocate(std::size_t bytes) {
    std::lock_guard const lock(mutex_);
    auto const size = std::max<std::size_t>(1, (bytes + page - 1) / page) * page;
    auto const reused = free_.find(size);
    std::size_t at = used_;
    if (reused != free_.end()) {
      at = reused->second;
      free_.erase(reused);
    } else {
      if (size > most - used_) throw std::bad_alloc();
      used_ += size;
      if (depth_ > 0) protect(PROT_READ | PROT_WRITE);
    }
    ++allocations;
    bytes_in_use += size;
    arrays_[at] = {
        size, "array " + std::to_string(allocations) + " of " + std::to_string(bytes) + " bytes"};
    return base_ + at;
  }
  void release(void* memory) {
    std::lock_guard const lock(mutex_);
    auto const found = arrays_.find(offset_of(memory));
    bytes_in_use -= found->second.size;
    free_.emplace(found->second.size, found->first);
    arrays_.erase(found);
  }
  /// From now on forbidden access ends the program with its message; the test framework has a
  /// handler of its own, which it puts in place before every test case.
  static void watch() {
    struct sigaction action {};
    action.sa_sigaction = [](int, siginfo_t* info, void*) { one().end(info->si_addr); };
    action.sa_flags = SA_SIGINFO;
    sigaction(SIGSEGV, &action, nullptr);
  }
  /// Says what lies at `memory`, for the message.
  void name(void const* memory, std::size_t bytes, std::string text) {
    std::lock_guard const lock(mutex_);
    names_[offset_of(memory)] = {bytes, std::move(text)};
  }
  [[nodiscard]] bool holds(void const* memory) const {
    auto const address = reinterpret_cast<std::uintptr_t>(memory);
    auto const base = reinterpret_cast<std::uintptr_t>(base_);
    return address >= base && address < base + used_;
  }
  void open(char const* who) {
    std::lock_guard const lock(mutex_);
    last = who;
    if (depth_++ == 0) protect(PROT_READ | PROT_WRITE);
  }
  void close() {
    std::lock_guard const lock(mutex_);
    if (--depth_ == 0) protect(PROT_NONE);
  }

  char const* last = "none";  ///< the kernel or copy that ran last
  std::size_t allocations = 0, bytes_in_use = 0;
  std::size_t to_host = 0, from_host = 0;  ///< copies so far; each to the host is a synchronisation

 private:
  static constexpr std::size_t page = 4096, most = std::size_t{1} << 34;
  struct Range {
    std::size_t size;
    std::string name;
  };

  Region() {
    auto* const memory =
        mmap(nullptr, most, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (memory == MAP_FAILED) throw std::bad_alloc();
    base_ = static_cast<std::byte*>(memory);
  }
  [[nodiscard]] std::size_t offset_of(void const* memory) const {
    return static_cast<std::size_t>(static_cast<std::byte const*>(memory) - base_);
  }
  void protect(int how) {
    if (used_ > 0 && mprotect(base_, used_, how) != 0) std::abort();
  }
  [[nodiscard]] static char const* find(std::map<std::size_t, Range> const& ranges,
                                        std::size_t at) {
    auto next = ranges.upper_bound(at);
    if (next == ranges.begin()) return nullptr;
    --next;
    return at < next->first + next->second.size ? next->second.name.c_str() : nullptr;
  }
  /// The program cannot go on; what is printed is all that is left to do.
  [[noreturn]] void end(void const* address) {
    if (!holds(address)) {
      std::signal(SIGSEGV, SIG_DFL);
      std::raise(SIGSEGV);
    }
    char const* named = find(names_, offset_of(address));
    if (named == nullptr) named = find(arrays_, offset_of(address));
    if (named == nullptr) named = "memory that was given back";
    std::fprintf(stderr, "closed: the host must not touch %s; the last kernel was %s\n", named,
                 last);
    std::fflush(stderr);
    _exit(9);
  }

  std::mutex mutex_;
  std::byte* base_ = nullptr;
  std::size_t used_ = 0;
  int depth_ = 0;
  std::map<std::size_t, Range> arrays_, names_;   // by where they begin
  std::multimap<std::size_t, std::size_t> free_;  // size and where
};

/// Everything is open as long as this lives.
struct Opened {
  explicit Opened(char const* who) { Region::one().open(who); }
  Opened(Opened const&) = delete;
  Opened& operator=(Opened const&) = delete;
  ~Opened() { Region::one().close(); }
};

struct Space {
  static constexpr bool is_host = false;
  [[nodiscard]] static void* allocate(std::size_t bytes) { return Region::one().allocate(bytes); }
  static void release(void* memory) { Region::one().release(memory); }
  static void fill(void* to, unsigned char value, std::size_t bytes) {
    Opened const open("fill");
    if (bytes > 0) std::memset(to, value, bytes);
  }
  static void copy_from_host(void* to, void const* from, std::size_t bytes) {
    Opened const open("a copy from the host");
    ++Region::one().from_host;
    if (bytes > 0) std::memcpy(to, from, bytes);
  }
  static void copy_to_host(void* to, void const* from, std::size_t bytes) {
    Opened const open("a copy to the host");
    ++Region::one().to_host;
    if (bytes > 0) std::memcpy(to, from, bytes);
  }
};
static_assert(moenda::SpaceLike<Space>);

}  // namespace closed
