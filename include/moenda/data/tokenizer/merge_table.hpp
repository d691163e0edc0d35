// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <bit>
#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

namespace moenda::data {

/// What a pair of neighbouring tokens becomes. Lower ranks are merged first.
struct Merge {
  static constexpr std::uint32_t none = UINT32_MAX;
  std::uint32_t rank = none;
  int product = -1;
};

/// Merges by pair of token ids: open addressing in one array, because this lookup is where
/// encoding spends its time.
class MergeTable {
 public:
  MergeTable() = default;
  /// Makes room for `count` merges.
  explicit MergeTable(std::size_t count)
      : slots_(std::bit_ceil(2 * count + 2)), shift_(64 - std::countr_zero(slots_.size())) {}

  /// False if the table has the pair already. At most `count` pairs may be put in.
  bool insert(int left, int right, Merge merge) {
    Slot& slot = slots_[place(key(left, right))];
    if (slot.key != empty) return false;
    slot = {key(left, right), merge};
    return true;
  }
  /// The merge of a pair; rank == Merge::none if there is none.
  [[nodiscard]] Merge find(int left, int right) const {
    return slots_[place(key(left, right))].merge;
  }

 private:
  static constexpr std::uint64_t empty = UINT64_MAX;
  struct Slot {
    std::uint64_t key = empty;
    Merge merge;
  };
  static std::uint64_t key(int left, int right) {
    return std::uint64_t{static_cast<std::uint32_t>(left)} << 32 |
           static_cast<std::uint32_t>(right);
  }
  /// The slot that holds `wanted`, or the free one where it belongs.
  [[nodiscard]] std::size_t place(std::uint64_t wanted) const {
    std::size_t i = (wanted * 0x9E3779B97F4A7C15u) >> shift_;
    while (slots_[i].key != empty && slots_[i].key != wanted) i = (i + 1) & (slots_.size() - 1);
    return i;
  }
  std::vector<Slot> slots_ = std::vector<Slot>(2);
  int shift_ = 63;
};

}  // namespace moenda::data
