// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace moenda::data {

/// Remembers the tokens of pieces seen before: in natural text a few thousand words make most of
/// the pieces. Bounded; when it is full, new pieces are not remembered.
class PieceCache {
 public:
  /// Longer pieces are rare and would fill it.
  static constexpr std::size_t max_piece = 32;

  /// The tokens of `piece`, or an empty span. Every remembered piece has at least one token.
  [[nodiscard]] std::span<int const> find(std::string_view piece) const {
    Slot const& slot = slots_[place(piece, hash(piece))];
    return {ids_.data() + slot.ids_begin, slot.ids_count};
  }

  /// Remembers a piece that find() did not find; at most max_piece bytes.
  void insert(std::string_view piece, std::span<int const> ids) {
    if (used_ == max_entries) return;
    if (2 * (used_ + 1) > slots_.size()) grow();
    std::uint64_t const h = hash(piece);
    slots_[place(piece, h)] = {
        h, static_cast<std::uint32_t>(bytes_.size()), static_cast<std::uint32_t>(piece.size()),
        static_cast<std::uint32_t>(ids_.size()), static_cast<std::uint32_t>(ids.size())};
    bytes_ += piece;
    ids_.insert(ids_.end(), ids.begin(), ids.end());
    ++used_;
  }

 private:
  static constexpr std::size_t max_entries = std::size_t{1} << 17;
  struct Slot {
    std::uint64_t hash = 0;
    std::uint32_t begin = 0, size = 0;  // size 0: free
    std::uint32_t ids_begin = 0, ids_count = 0;
  };

  static std::uint64_t hash(std::string_view piece) {
    std::uint64_t h = piece.size() * 0x9E3779B97F4A7C15u;
    std::size_t i = 0;
    for (; i + 8 <= piece.size(); i += 8) h = step(h, piece.data() + i, 8);
    return step(h, piece.data() + i, piece.size() - i);
  }
  static std::uint64_t step(std::uint64_t h, char const* bytes, std::size_t count) {
    std::uint64_t word = 0;
    std::memcpy(&word, bytes, count);
    h = (h ^ word) * 0xD6E8FEB86659FD93u;
    return h ^ (h >> 32);
  }

  [[nodiscard]] std::size_t place(std::string_view piece, std::uint64_t h) const {
    std::size_t i = h & (slots_.size() - 1);
    while (slots_[i].size != 0 && !(slots_[i].hash == h && bytes_of(slots_[i]) == piece)) {
      i = (i + 1) & (slots_.size() - 1);
    }
    return i;
  }
  [[nodiscard]] std::string_view bytes_of(Slot const& slot) const {
    return std::string_view(bytes_).substr(slot.begin, slot.size);
  }
  void grow() {
    std::vector<Slot> const old = std::move(slots_);
    slots_ = std::vector<Slot>(2 * old.size());
    for (Slot const& slot : old) {
      if (slot.size != 0) slots_[place(bytes_of(slot), slot.hash)] = slot;
    }
  }

  std::vector<Slot> slots_ = std::vector<Slot>(1024);
  std::string bytes_;
  std::vector<int> ids_;
  std::size_t used_ = 0;
};

}  // namespace moenda::data
