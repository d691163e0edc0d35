// SPDX-License-Identifier: Apache-2.0
#pragma once
// Refuses what toml++ 3.3 cannot survive, before it sees the text.
#include <algorithm>
#include <cctype>
#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "moenda/core/error.hpp"

namespace moenda::io {

/// No configuration needs more levels of tables and lists.
inline constexpr std::size_t deepest_toml = 100;

namespace detail {

[[nodiscard]] inline bool is_ascii(char c) { return static_cast<unsigned char>(c) < 0x80; }

/// The position after the string or comment that begins at text[i]; i when none does.
[[nodiscard]] inline std::size_t after_text(std::string_view text, std::size_t i) {
  char const first = text[i];
  if (first == '#') return std::min(text.find('\n', i), text.size());
  if (first != '"' && first != '\'') return i;
  std::string const three(3, first);
  bool const multi_line = text.substr(i, 3) == three;
  for (i += multi_line ? 3 : 1; i < text.size(); ++i) {
    if (first == '"' && text[i] == '\\') {
      ++i;
    } else if (!multi_line && text[i] == '\n') {
      return i;  // an error, left to the parser
    } else if (!multi_line && text[i] == first) {
      return i + 1;
    } else if (multi_line && text.substr(i, 3) == three) {
      i += 3;  // two more quotes may belong to the string
      for (int more = 0; more < 2 && i < text.size() && text[i] == first; ++more) ++i;
      return i;
    }
  }
  return text.size();
}

/// True when a character outside ASCII follows a backslash of a string, white space between them
/// or not.
[[nodiscard]] inline bool escapes_beyond_ascii(std::string_view string) {
  if (!string.starts_with('"')) return false;
  for (std::size_t i = 0; i < string.size(); ++i) {
    if (string[i] != '\\') continue;
    auto const next = string.find_first_not_of(" \t\n\v\f\r", i + 1);
    if (next == std::string_view::npos) return false;
    if (!is_ascii(string[next])) return true;
    i = next == i + 1 ? next : next - 1;  // an escaped backslash escapes nothing
  }
  return false;
}

/// True when the header of a table begins at text[i], `[` or `[[`, and what follows can be no name.
[[nodiscard]] inline bool header_without_name(std::string_view text, std::size_t i) {
  auto const next = [&](std::size_t from) { return text.find_first_not_of(" \t", from); };
  auto at = next(i + 1);
  if (at < text.size() && text[at] == '[') at = next(at + 1);
  // Left to the parser, as an empty name is, or refused where it stands.
  if (at >= text.size() || !is_ascii(text[at])) return false;
  return std::isalnum(static_cast<unsigned char>(text[at])) == 0 &&
         std::string_view("_-\"']").find(text[at]) == std::string_view::npos;
}

/// True when text[i] ends a date, 1979-05-27 with T or a blank behind it, and no time can follow.
[[nodiscard]] inline bool date_without_time(std::string_view text, std::size_t i) {
  constexpr std::string_view date = "dddd-dd-dd";
  if (i < date.size() || std::string_view("Tt ").find(text[i]) == std::string_view::npos) {
    return false;
  }
  auto const is_digit = [&](std::size_t at) {
    return at < text.size() && std::isdigit(static_cast<unsigned char>(text[at])) != 0;
  };
  for (std::size_t k = 0; k < date.size(); ++k) {
    std::size_t const at = i - date.size() + k;
    if (date[k] == 'd' ? !is_digit(at) : text[at] != '-') return false;
  }
  bool const ends = i + 1 >= text.size() ||
                    std::string_view(" \t\r\n,]}#").find(text[i + 1]) != std::string_view::npos;
  return !is_digit(i + 1) && !(text[i] == ' ' && ends);
}

/// True when a word of ten signs or more that begins as a number ends at text[i], a blank, and one
/// digit alone follows: the parser takes it for the time of a date.
[[nodiscard]] inline bool digit_for_a_time(std::string_view text, std::size_t i) {
  constexpr std::string_view ends = " \t\r\n,]}#";
  auto const digit = [&](std::size_t at) {
    return at < text.size() && std::isdigit(static_cast<unsigned char>(text[at])) != 0;
  };
  if (text[i] != ' ' || !digit(i + 1)) return false;
  if (i + 2 < text.size() && ends.find(text[i + 2]) == std::string_view::npos) return false;
  auto const before = text.substr(0, i).find_last_of(" \t\r\n,[]{}#");
  std::size_t const begin = before == std::string_view::npos ? 0 : before + 1;
  return i - begin >= 10 && (digit(begin) || text[begin] == '+' || text[begin] == '-');
}

/// True when a quote at text[i] follows a word at once, `1"a"`: the parser ends no word there, and
/// a string would begin for us alone.
[[nodiscard]] inline bool quote_in_a_word(std::string_view text, std::size_t i) {
  if (i == 0 || (text[i] != '"' && text[i] != '\'')) return false;
  char const before = text[i - 1];
  return std::isalnum(static_cast<unsigned char>(before)) != 0 ||
         std::string_view("_-+").find(before) != std::string_view::npos;
}

[[noreturn]] inline void refuse_text(std::string const& path, std::string_view text, std::size_t at,
                                     std::string const& what) {
  auto const line = 1 + std::count(text.begin(), text.begin() + std::ptrdiff_t(at), '\n');
  throw ConfigError(path + ":" + std::to_string(line) + ": " + what);
}

}  // namespace detail

/// Throws ConfigError for text that would overflow toml++'s stack or run into its undefined
/// behaviour. It counts brackets but not dots, and destroys a tree as deep as `a.a.a...` by
/// recursion; where it looks for white space, most characters outside ASCII reach code marked
/// unreachable, and so do a table header with another sign where its name must begin, and a date
/// without time.
inline void guard_toml(std::string_view text, std::string const& path) {
  std::vector<std::size_t> open;  // levels that each open bracket adds
  std::string brackets;           // those that are open
  std::size_t level = 0, dots = 0;
  bool line_begins = true;  // nothing but white space since the last newline
  for (std::size_t i = text.starts_with("\xEF\xBB\xBF") ? 3 : 0; i < text.size(); ++i) {
    if (detail::quote_in_a_word(text, i)) {
      detail::refuse_text(path, text, i, "a quote must not follow a word at once");
    }
    if (auto const after = detail::after_text(text, i); after > i) {
      if (detail::escapes_beyond_ascii(text.substr(i, after - i))) {
        detail::refuse_text(path, text, i, "a character outside ASCII must not follow a backslash");
      }
      i = after - 1;
      line_begins = false;
      continue;
    }
    char const c = text[i];
    if (!detail::is_ascii(c)) {
      detail::refuse_text(path, text, i, "a character outside ASCII must stand in quotes");
    }
    if (c == '[' && line_begins && open.empty() && detail::header_without_name(text, i)) {
      detail::refuse_text(path, text, i, "the name of a table must follow its bracket");
    }
    if (detail::date_without_time(text, i) || detail::digit_for_a_time(text, i)) {
      detail::refuse_text(path, text, i, "a time must follow the date");
    }
    line_begins = c == '\n' || (line_begins && (c == ' ' || c == '\t' || c == '\r'));
    if (c == '.') {
      ++dots;
    } else if (c == '[' || c == '{') {
      open.push_back(dots + 1);
      brackets += c;
      level += open.back();
      dots = 0;
    } else if (c == ']' || c == '}') {
      if (!open.empty()) {
        if ((brackets.back() == '[') != (c == ']')) {
          detail::refuse_text(path, text, i, "a bracket must be closed by one of its own kind");
        }
        level -= open.back();
        open.pop_back();
        brackets.pop_back();
      }
      dots = 0;
    } else if (c == ',' || c == '\n') {
      dots = 0;
    }
    if (level + dots > deepest_toml) {
      detail::refuse_text(path, text, i,
                          "tables, lists and dotted keys must not be nested deeper than " +
                              std::to_string(deepest_toml));
    }
  }
}

}  // namespace moenda::io
