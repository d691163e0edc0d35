// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <array>
#include <cstddef>
#include <string_view>

#include "moenda/files/unicode.hpp"

namespace moenda::probe {

/// What kind of text a token is, by its bytes alone.
enum class TokenClass : unsigned char {
  word_start,   ///< a space, then a letter
  word_part,    ///< begins with a letter
  number,       ///< a digit, with or without a space before it
  punctuation,  ///< a sign, with or without a space before it
  whitespace,   ///< nothing but spaces and line ends
  special,      ///< not text: the mark between documents, or a piece of a character
};
inline constexpr std::size_t num_token_classes = 6;
constexpr auto enum_names(TokenClass) {
  return std::array{"word start", "word part", "number", "punctuation", "whitespace", "special"};
}

/// The class of a token with these bytes.
[[nodiscard]] inline TokenClass token_class(std::string_view bytes) {
  static data::CharClasses const classes;
  std::size_t at = 0;
  while (at < bytes.size()) {
    auto const [kind, length] = classes.at(bytes, at);
    bool const whole = length > 1 || static_cast<unsigned char>(bytes[at]) < 0x80;
    if (!whole) return TokenClass::special;
    switch (kind) {
      case data::CharClass::space:
        at += length;
        continue;
      case data::CharClass::letter:
        return at > 0 ? TokenClass::word_start : TokenClass::word_part;
      case data::CharClass::number:
        return TokenClass::number;
      case data::CharClass::other:
        return TokenClass::punctuation;
    }
  }
  return bytes.empty() ? TokenClass::special : TokenClass::whitespace;
}

}  // namespace moenda::probe
