// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <array>
#include <cstddef>
#include <string_view>

#include "moenda/files/unicode.hpp"

namespace moenda::data {

/// Cuts text into the pieces that merges never cross, exactly as GPT-2's pattern does (Radford et
/// al. 2019, section 2.2; the pattern is in the released encoder):
///
///   's|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+
///
/// Hand-written because std::regex recurses once per character, which ends the stack on long runs.
/// Bytes that are not valid UTF-8 count as characters that are neither letter, number nor space.
/// The pieces, one after another, are the text.
class PieceScanner {
 public:
  explicit PieceScanner(std::string_view text) : text_(text), classes_(char_classes()) {}

  [[nodiscard]] bool done() const { return position_ == text_.size(); }

  /// The next piece, never empty. Must not be called when done().
  [[nodiscard]] std::string_view next() {
    std::size_t const begin = position_;
    position_ = end_of_piece(begin);
    return text_.substr(begin, position_ - begin);
  }

 private:
  [[nodiscard]] std::size_t end_of_piece(std::size_t begin) const {
    if (std::size_t const length = contraction(begin)) return begin + length;
    std::size_t body = begin;
    Character first = classes_.at(text_, begin);
    if (text_[begin] == ' ' && begin + 1 < text_.size()) {
      Character const second = classes_.at(text_, begin + 1);
      if (second.kind != CharClass::space) first = second, body = begin + 1;
    }
    if (first.kind == CharClass::space) return end_of_space(begin);
    std::size_t end = body + first.length;
    while (end < text_.size()) {
      Character const character = classes_.at(text_, end);
      if (character.kind != first.kind) break;
      end += character.length;
    }
    return end;
  }

  /// \s+(?!\S)|\s+ : a run of white space leaves its last character to the word that follows.
  [[nodiscard]] std::size_t end_of_space(std::size_t begin) const {
    std::size_t end = begin, last = begin;
    while (end < text_.size()) {
      Character const character = classes_.at(text_, end);
      if (character.kind != CharClass::space) break;
      last = end;
      end += character.length;
    }
    return end == text_.size() || last == begin ? end : last;
  }

  /// Length of the English contraction at `begin`, 0 if there is none.
  [[nodiscard]] std::size_t contraction(std::size_t begin) const {
    if (text_[begin] != '\'') return 0;
    static constexpr std::array<std::string_view, 7> endings{"s", "t", "re", "ve", "m", "ll", "d"};
    for (auto const ending : endings) {
      if (text_.substr(begin + 1, ending.size()) == ending) return 1 + ending.size();
    }
    return 0;
  }

  std::string_view text_;
  CharClasses const& classes_;
  std::size_t position_ = 0;
};

/// The first place at or after `wanted` where `text` can be cut without changing any piece:
/// between a printable ASCII character and a blank or line feed, where every piece ends and what
/// follows does not look back. text.size() if there is none.
[[nodiscard]] inline std::size_t next_cut(std::string_view text, std::size_t wanted) {
  for (std::size_t i = wanted < 1 ? 1 : wanted; i < text.size(); ++i) {
    bool const space = text[i] == ' ' || text[i] == '\n';
    if (space && text[i - 1] > ' ' && text[i - 1] < '\x7F') return i;
  }
  return text.size();
}

}  // namespace moenda::data
