// SPDX-License-Identifier: Apache-2.0
#pragma once
// Words of questions, headers and cells, so that they can be compared.
#include <string>
#include <string_view>
#include <vector>

namespace moenda::data {

/// Lower-case words: runs of letters, digits and bytes outside ASCII. A point or comma between two
/// digits belongs to its number ("1,234.5"), and so does a minus sign before one at the beginning
/// of a word.
[[nodiscard]] inline std::vector<std::string> words_of(std::string_view text) {
  auto const is_digit = [](char c) { return c >= '0' && c <= '9'; };
  auto const is_letter = [&](char c) {
    return is_digit(c) || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
           static_cast<unsigned char>(c) >= 0x80;
  };
  std::vector<std::string> words;
  std::string word;
  for (std::size_t i = 0; i <= text.size(); ++i) {
    char const c = i < text.size() ? text[i] : ' ';
    char const next = i + 1 < text.size() ? text[i + 1] : ' ';
    bool const in_number = !word.empty() && is_digit(word.back()) && is_digit(next);
    bool const sign = c == '-' && is_digit(next) && (i == 0 || text[i - 1] == ' ');
    if (is_letter(c) || sign || ((c == '.' || c == ',') && in_number)) {
      word += c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
    } else if (!word.empty()) {
      words.push_back(std::move(word));
      word.clear();
    }
  }
  return words;
}

/// words[first .. first + count) with a space between each.
[[nodiscard]] inline std::string join_words(std::vector<std::string> const& words,
                                            std::size_t first, std::size_t count) {
  std::string text;
  for (std::size_t i = first; i < first + count; ++i) text += (i > first ? " " : "") + words[i];
  return text;
}
/// The same text for every spelling that differs in case, punctuation and spaces only.
[[nodiscard]] inline std::string normalised(std::string_view text) {
  auto const words = words_of(text);
  return join_words(words, 0, words.size());
}

/// Singular and plural of an English noun meet: "cities" and "city", "goals" and "goal".
[[nodiscard]] inline std::string stem(std::string const& word) {
  if (word.size() > 4 && word.ends_with("ies")) return word.substr(0, word.size() - 3) + "y";
  if (word.size() > 3 && word.ends_with('s') && !word.ends_with("ss")) {
    return word.substr(0, word.size() - 1);
  }
  return word;
}

}  // namespace moenda::data
