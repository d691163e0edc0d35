// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <algorithm>
#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "moenda/core/error.hpp"

namespace moenda::io {

/// No configuration needs more levels of tables and lists.
inline constexpr std::size_t deepest_toml = 100;

namespace detail {

/// The position after the string or comment that begins at text[i]; i when none does.
[[nodiscard]] inline std::size_t after_text(std::string_view text, std::size_t i) {
  char const first = text[i];
  if (first == '#') return std::min(text.find('\n', i), text.size());
  if (first != '"' && first != '\'') return i;
  std::size_t const quotes = text.substr(i, 3) == std::string(3, first) ? 3 : 1;
  for (i += quotes; i < text.size(); ++i) {
    if (first == '"' && text[i] == '\\') {
      ++i;
    } else if (quotes == 1 && text[i] == '\n') {
      return i;  // a parse error, left to the parser
    } else if (text[i] == first && quotes == 1) {
      return i + 1;
    } else if (text.substr(i, 3) == std::string(3, first)) {
      i += 3;  // two more quotes may belong to the string
      for (int more = 0; more < 2 && i < text.size() && text[i] == first; ++more) ++i;
      return i;
    }
  }
  return text.size();
}

}  // namespace detail

/// Throws ConfigError when tables, lists and dotted keys are nested deeper than `deepest_toml`.
/// toml++ counts brackets but not dots, and a tree as deep as its text is long overflows the stack
/// when it is destroyed.
inline void refuse_deep_nesting(std::string_view text, std::string const& path) {
  std::vector<std::size_t> open;  // levels that each open bracket adds
  std::size_t level = 0, dots = 0, line = 1;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (auto const after = detail::after_text(text, i); after > i) {
      for (; i < after; ++i) line += text[i] == '\n';
      --i;
      continue;
    }
    char const c = text[i];
    if (c == '.') {
      ++dots;
    } else if (c == '[' || c == '{') {
      open.push_back(dots + 1);
      level += open.back();
      dots = 0;
    } else if (c == ']' || c == '}') {
      if (!open.empty()) level -= open.back(), open.pop_back();
      dots = 0;
    } else if (c == ',' || c == '\n') {
      line += c == '\n';
      dots = 0;
    }
    if (level + dots > deepest_toml) {
      throw ConfigError(path + ":" + std::to_string(line) +
                        ": tables, lists and dotted keys must not be nested deeper than " +
                        std::to_string(deepest_toml));
    }
  }
}

}  // namespace moenda::io
