// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <algorithm>
#include <cstddef>
#include <limits>
#include <vector>

#include "moenda/core/error.hpp"
#include "moenda/core/space.hpp"

namespace moenda {

/// Step memory: a pointer that moves forward, and back again when a step is over. Chunks are kept,
/// so a step of the same size as the last one allocates nothing.
template <SpaceLike Space = HostSpace>
class Arena {
 public:
  explicit Arena(Space space = {}) : space_(space) {}
  Arena(Arena const&) = delete;
  Arena& operator=(Arena const&) = delete;
  ~Arena() { release(); }

  struct Mark {
    std::size_t chunk = 0, used = 0;
    bool operator==(Mark const&) const = default;
  };

  /// `bytes` aligned to 64, not initialised.
  [[nodiscard]] void* take(std::size_t bytes) {
    if (bytes > largest) throw ConfigError("Arena: a step needs more memory than can be addressed");
    bytes = (bytes + 63) & ~std::size_t{63};
    while (chunk_ < chunks_.size() && used_ + bytes > chunks_[chunk_].size) next_chunk();
    if (chunk_ == chunks_.size()) add_chunk(std::max(bytes, smallest_chunk));
    auto* memory = chunks_[chunk_].data + used_;
    used_ += bytes;
    peak_ = std::max(peak_, before_ + used_);
    if (poison) space_.fill(memory, 0xff, bytes);
    return memory;
  }

  [[nodiscard]] Mark mark() const { return {chunk_, used_}; }
  /// Everything taken since `mark`, or since the beginning, is free again.
  void rewind() { rewind(Mark{0, 0}); }
  void rewind(Mark mark) {
    while (chunk_ > mark.chunk) before_ -= chunks_[--chunk_].size;
    used_ = mark.used;
    if (chunk_ == 0 && used_ == 0 && chunks_.size() > 1) merge_chunks();
  }
  /// The most bytes that were ever in use at once.
  [[nodiscard]] std::size_t peak() const { return peak_; }

  /// Fill what is taken with NaN (all bits set): finds reads of memory nobody wrote. For tests.
  bool poison = false;

 private:
  struct Chunk {
    std::byte* data;
    std::size_t size;
  };
  static constexpr std::size_t smallest_chunk = std::size_t{4} << 20;
  static constexpr std::size_t largest = std::numeric_limits<std::size_t>::max() / 4;

  void next_chunk() {
    before_ += chunks_[chunk_++].size;
    used_ = 0;
  }
  void add_chunk(std::size_t bytes) {
    chunks_.push_back({nullptr, 0});  // first, so that a throwing allocation leaves nothing behind
    auto& chunk = chunks_.back();
    try {
      chunk = {static_cast<std::byte*>(space_.allocate(bytes)), bytes};
    } catch (...) {
      chunks_.pop_back();
      throw;
    }
    used_ = 0;
  }
  /// One chunk of the whole size: the next step walks no chunk borders and wastes no tails.
  void merge_chunks() {
    std::size_t total = 0;
    for (auto const& chunk : chunks_) total += chunk.size;
    release();
    add_chunk(total);
  }
  void release() {
    for (auto const& chunk : chunks_) space_.release(chunk.data);
    chunks_.clear();
    chunk_ = used_ = before_ = 0;
  }

  [[no_unique_address]] Space space_;
  std::vector<Chunk> chunks_;
  std::size_t chunk_ = 0, used_ = 0, before_ = 0, peak_ = 0;
};

}  // namespace moenda
