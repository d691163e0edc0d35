// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <algorithm>
#include <array>
#include <cstddef>
#include <iterator>
#include <string_view>
#include <vector>

#include "moenda/files/unicode_ranges.hpp"
#include "moenda/files/utf8.hpp"

namespace moenda::data {

/// What GPT-2's pre-tokeniser distinguishes: \p{L}, \p{N}, \s and the rest.
enum class CharClass : unsigned char { other, letter, number, space };

/// The Unicode property White_Space, complete.
inline constexpr CodePointRange space_ranges[] = {
    {0x9, 0xD},       {0x20, 0x20},     {0x85, 0x85},     {0xA0, 0xA0},     {0x1680, 0x1680},
    {0x2000, 0x200A}, {0x2028, 0x2029}, {0x202F, 0x202F}, {0x205F, 0x205F}, {0x3000, 0x3000}};

/// One character of a text: a code point, or a single byte that is not part of valid UTF-8.
struct Character {
  CharClass kind = CharClass::other;
  std::size_t length = 1;  ///< bytes
};

/// Classes of all code points: the basic plane by index (nearly all text), the rest by search.
class CharClasses {
 public:
  CharClasses() : basic_(0x10000, CharClass::other) {
    mark(letter_ranges, CharClass::letter);
    mark(number_ranges, CharClass::number);
    mark(space_ranges, CharClass::space);
  }

  [[nodiscard]] CharClass of(char32_t code_point) const {
    if (code_point < 0x10000) return basic_[code_point];
    if (contains(letter_ranges, code_point)) return CharClass::letter;
    return contains(number_ranges, code_point) ? CharClass::number : CharClass::other;
  }

  /// The character at `position` < text.size(). An invalid byte is an `other` of one byte.
  [[nodiscard]] Character at(std::string_view text, std::size_t position) const {
    auto const byte = [&](std::size_t i) {
      return static_cast<char32_t>(static_cast<unsigned char>(text[position + i]));
    };
    if (byte(0) < 0x80) return {basic_[byte(0)], 1};
    switch (io::utf8_sequence_length(text.substr(position, 4))) {
      case 2:
        return {of((byte(0) & 0x1F) << 6 | (byte(1) & 0x3F)), 2};
      case 3:
        return {of((byte(0) & 0xF) << 12 | (byte(1) & 0x3F) << 6 | (byte(2) & 0x3F)), 3};
      case 4:
        return {of((byte(0) & 0x7) << 18 | (byte(1) & 0x3F) << 12 | (byte(2) & 0x3F) << 6 |
                   (byte(3) & 0x3F)),
                4};
      default:
        return {};
    }
  }

 private:
  template <std::size_t N>
  void mark(CodePointRange const (&ranges)[N], CharClass kind) {
    for (auto const& [first, last] : ranges) {
      for (char32_t c = first; c <= last && c < 0x10000; ++c) basic_[c] = kind;
    }
  }
  template <std::size_t N>
  static bool contains(CodePointRange const (&ranges)[N], char32_t code_point) {
    auto const* const after =
        std::upper_bound(std::begin(ranges), std::end(ranges), code_point,
                         [](char32_t c, CodePointRange const& range) { return c < range.first; });
    return after != std::begin(ranges) && code_point <= std::prev(after)->last;
  }

  std::vector<CharClass> basic_;
};

/// The table, built at the first call.
[[nodiscard]] inline CharClasses const& char_classes() {
  static CharClasses const classes;
  return classes;
}

}  // namespace moenda::data
