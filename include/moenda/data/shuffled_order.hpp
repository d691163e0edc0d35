// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <array>
#include <cstdint>

#include "moenda/core/error.hpp"
#include "moenda/core/random.hpp"

namespace moenda::data {

/// A shuffle of 0..count-1 that is a function of (seed, epoch) and is never stored: the place of
/// every item is computed in O(1), so threads and resumed runs agree. A Feistel network permutes
/// the numbers of an even count of bits (Luby & Rackoff 1988); results beyond `count` are fed in
/// again until one falls inside (cycle walking: Black & Rogaway 2002), on average under four times.
class ShuffledOrder {
 public:
  /// Throws ConfigError unless count >= 0.
  ShuffledOrder(std::int64_t count, std::uint64_t seed, std::int64_t epoch) : count_(count) {
    require(count >= 0, "ShuffledOrder: count must not be negative", count, 0);
    while (half_bits_ < 31 && (std::int64_t{1} << (2 * half_bits_)) < count) ++half_bits_;
    require((std::int64_t{1} << (2 * half_bits_)) >= count,
            "ShuffledOrder: count must be at most 2^62", count, std::int64_t{1} << 62);
    Random const random(seed, stream_of("shuffled order"));
    for (std::uint64_t i = 0; i < keys_.size(); ++i) {
      keys_[i] = random.bits(static_cast<std::uint64_t>(epoch) * keys_.size() + i);
    }
  }

  /// The item at `position`. Throws ConfigError unless 0 <= position < count.
  [[nodiscard]] std::int64_t operator()(std::int64_t position) const {
    require(position >= 0 && position < count_,
            "ShuffledOrder: position must lie in 0..count-1 (position vs count)", position, count_);
    auto item = static_cast<std::uint64_t>(position);
    do item = permute(item);
    while (item >= static_cast<std::uint64_t>(count_));
    return static_cast<std::int64_t>(item);
  }

  [[nodiscard]] std::int64_t count() const { return count_; }

 private:
  static constexpr int rounds = 8;

  [[nodiscard]] std::uint64_t permute(std::uint64_t number) const {
    std::uint64_t const mask = (std::uint64_t{1} << half_bits_) - 1;
    std::uint64_t left = number >> half_bits_, right = number & mask;
    for (std::uint64_t const round_key : keys_) {
      std::uint64_t const mixed = (left ^ scramble(right ^ round_key)) & mask;
      left = right;
      right = mixed;
    }
    return left << half_bits_ | right;
  }
  /// Any good mixing of all bits will do: two multiplications and shifts.
  static constexpr std::uint64_t scramble(std::uint64_t x) {
    x = (x ^ (x >> 31)) * 0x9E3779B97F4A7C15u;
    x = (x ^ (x >> 29)) * 0xD6E8FEB86659FD93u;
    return x ^ (x >> 32);
  }

  std::int64_t count_;
  int half_bits_ = 1;
  std::array<std::uint64_t, rounds> keys_{};
};

}  // namespace moenda::data
