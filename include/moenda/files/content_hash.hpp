// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>

namespace moenda::data {

/// 64-bit checksum for caches; not cryptographic. Every step is invertible in the state and in the
/// word, so a single changed word always changes the result.
class ContentHash {
 public:
  /// Adds a field: its bytes and its length, so that ("ab", "c") differs from ("a", "bc").
  ContentHash& add(std::string_view bytes) {
    std::size_t const i = mix_words(bytes);
    std::uint64_t tail = 0;
    if (i < bytes.size()) std::memcpy(&tail, bytes.data() + i, bytes.size() - i);
    mix(tail);
    mix(begun_ + bytes.size());
    begun_ = 0;
    return *this;
  }
  /// Adds the beginning of a field, which `add` ends: the same as all of it at once. The size must
  /// be a multiple of 8.
  ContentHash& begin(std::string_view bytes) {
    begun_ += mix_words(bytes);
    return *this;
  }
  ContentHash& add(std::uint64_t number) {
    mix(number);
    return *this;
  }

  [[nodiscard]] std::uint64_t value() const {
    std::uint64_t h = state_;
    h = (h ^ (h >> 32)) * 0x9E3779B97F4A7C15u;
    h = (h ^ (h >> 29)) * 0xD6E8FEB86659FD93u;
    return h ^ (h >> 32);
  }
  /// 16 hexadecimal digits.
  [[nodiscard]] std::string hex() const {
    std::string text(16, '0');
    std::uint64_t rest = value();
    for (std::size_t i = 16; i-- > 0; rest >>= 4) text[i] = "0123456789abcdef"[rest & 15];
    return text;
  }

 private:
  /// Of the whole words in `bytes`; returns their size.
  std::size_t mix_words(std::string_view bytes) {
    std::size_t i = 0;
    for (; i + 8 <= bytes.size(); i += 8) {
      std::uint64_t word;
      std::memcpy(&word, bytes.data() + i, 8);
      mix(word);
    }
    return i;
  }
  void mix(std::uint64_t word) {
    state_ = std::rotl(state_ ^ (word * 0x9E3779B97F4A7C15u), 27) * 0xD6E8FEB86659FD93u + 1;
  }
  std::uint64_t state_ = 0x243F6A8885A308D3u;  // the fraction of pi
  std::uint64_t begun_ = 0;                    // bytes of a field that has not ended
};

}  // namespace moenda::data
