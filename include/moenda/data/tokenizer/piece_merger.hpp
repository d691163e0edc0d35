// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <queue>
#include <span>
#include <string>
#include <vector>

#include "moenda/core/error.hpp"
#include "moenda/data/tokenizer/merge_table.hpp"

namespace moenda::data {

/// Merges the symbols of one piece into tokens: again and again the pair of lowest rank, the
/// leftmost of equals (Sennrich et al. 2016, algorithm 1, applied to a new word). What the symbols
/// are, bytes or characters, is the caller's. Keeps its working memory between pieces.
class PieceMerger {
 public:
  /// `merges` must outlive this.
  explicit PieceMerger(MergeTable const& merges) : merges_(merges) {}

  /// Appends the tokens of a piece, given as the tokens of its single symbols, to `ids`.
  /// O(n log n). Throws DataError from 4 Gi symbols on.
  void append(std::span<int const> symbols, std::vector<int>& ids) {
    if (symbols.size() >= UINT32_MAX)
      throw DataError("PieceMerger: a piece must have fewer than 4 Gi symbols, got " +
                      std::to_string(symbols.size()) + " without a boundary");
    start(symbols);
    symbols.size() <= scan_limit ? merge_by_scanning() : merge_by_queue();
    for (std::size_t i = 0; i < parts_.size(); i = parts_[i].next) ids.push_back(parts_[i].id);
  }

 private:
  // Up to this length looking at every pair beats keeping a queue of them.
  static constexpr std::size_t scan_limit = 96;
  struct Part {
    int id;
    Merge merge;  // with the part after it
    std::uint32_t next, previous;
  };

  void start(std::span<int const> symbols) {
    parts_.resize(symbols.size());
    auto const count = static_cast<std::uint32_t>(symbols.size());
    for (std::uint32_t i = 0; i < count; ++i) parts_[i] = {symbols[i], {}, i + 1, i - 1};
    for (std::uint32_t i = 0; i < count; ++i) find_merge(i);
  }

  void find_merge(std::uint32_t i) {
    Part& part = parts_[i];
    part.merge = part.next < parts_.size() ? merges_.find(part.id, parts_[part.next].id) : Merge{};
  }

  /// Part `i` swallows the next one.
  void apply(std::uint32_t i) {
    Part& part = parts_[i];
    Part& gone = parts_[part.next];
    part.id = part.merge.product;
    part.next = gone.next;
    gone.merge = {};  // makes its entry in the queue invalid
    if (part.next < parts_.size()) parts_[part.next].previous = i;
    find_merge(i);
    if (i > 0) find_merge(part.previous);
  }

  void merge_by_scanning() {
    while (true) {
      std::uint32_t best = 0, lowest = Merge::none;
      for (std::uint32_t i = 0; i < parts_.size(); i = parts_[i].next) {
        if (parts_[i].merge.rank < lowest) lowest = parts_[i].merge.rank, best = i;
      }
      if (lowest == Merge::none) return;
      apply(best);
    }
  }

  /// The queue holds (rank, position) of pairs that were once there; those that changed since are
  /// recognised by their rank and passed over.
  void merge_by_queue() {
    queue_.clear();
    for (std::uint32_t i = 0; i < parts_.size(); ++i) {
      if (parts_[i].merge.rank != Merge::none) queue_.push_back(entry(i));
    }
    auto const later = std::greater<>();
    std::make_heap(queue_.begin(), queue_.end(), later);
    auto const push = [&](std::uint32_t i) {
      if (parts_[i].merge.rank == Merge::none) return;
      queue_.push_back(entry(i));
      std::push_heap(queue_.begin(), queue_.end(), later);
    };
    while (!queue_.empty()) {
      std::pop_heap(queue_.begin(), queue_.end(), later);
      auto const rank = static_cast<std::uint32_t>(queue_.back() >> 32);
      auto const i = static_cast<std::uint32_t>(queue_.back());
      queue_.pop_back();
      if (parts_[i].merge.rank != rank) continue;
      apply(i);
      push(i);
      if (i > 0) push(parts_[i].previous);
    }
  }
  [[nodiscard]] std::uint64_t entry(std::uint32_t i) const {
    return std::uint64_t{parts_[i].merge.rank} << 32 | i;
  }

  MergeTable const& merges_;
  std::vector<Part> parts_;
  std::vector<std::uint64_t> queue_;
};

}  // namespace moenda::data
