// SPDX-License-Identifier: Apache-2.0
#pragma once
// Text that is safe to show: any bytes become valid UTF-8, UTF-8 becomes HTML, and numbers become
// digits without asking the locale (a decimal comma inside an SVG path draws another picture).
#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "moenda/files/utf8.hpp"

namespace moenda::io {

inline constexpr char32_t replacement_character = 0xFFFD;

/// The code point that starts at `position`, which moves past it. Bytes that are not UTF-8
/// (overlong forms and surrogates included) give U+FFFD, one per byte.
[[nodiscard]] inline char32_t next_code_point(std::string_view text, std::size_t& position) {
  std::size_t const length = utf8_sequence_length(text.substr(position, 4));
  auto const byte = [&](std::size_t i) { return static_cast<unsigned char>(text[position + i]); };
  char32_t point = replacement_character;
  if (length == 1) point = byte(0);
  if (length > 1) point = byte(0) & (0xFFU >> (length + 1));
  for (std::size_t i = 1; i < length; ++i) point = (point << 6) | (byte(i) & 0x3FU);
  position += std::max<std::size_t>(length, 1);
  return point;
}

/// Appends one code point as UTF-8.
inline void append_utf8(std::string& text, char32_t point) {
  auto const put = [&](char32_t byte) { text += static_cast<char>(byte); };
  if (point < 0x80) return put(point);
  if (point < 0x800) {
    put(0xC0 | (point >> 6));
  } else {
    if (point < 0x10000) {
      put(0xE0 | (point >> 12));
    } else {
      put(0xF0 | (point >> 18));
      put(0x80 | ((point >> 12) & 0x3F));
    }
    put(0x80 | ((point >> 6) & 0x3F));
  }
  put(0x80 | (point & 0x3F));
}

/// `text` with every byte that is not UTF-8 replaced by U+FFFD.
[[nodiscard]] inline std::string sanitize_utf8(std::string_view text) {
  std::string clean;
  clean.reserve(text.size());
  for (std::size_t i = 0; i < text.size();) append_utf8(clean, next_code_point(text, i));
  return clean;
}

/// Of ASCII, Latin-1 and the line separators, tab and newline included: what moves a cursor or
/// tells a terminal something.
[[nodiscard]] constexpr bool is_control(char32_t point) {
  return point < 0x20 || (point >= 0x7F && point < 0xA0) || point == 0x2028 || point == 0x2029;
}

/// Turns the direction in which what follows is shown, so that it reads as something else.
[[nodiscard]] constexpr bool is_bidi_control(char32_t point) {
  return (point >= 0x202A && point <= 0x202E) || (point >= 0x2066 && point <= 0x2069) ||
         point == 0x200E || point == 0x200F || point == 0x061C;
}

/// Text for an HTML element or a quoted attribute: markup is escaped, bytes that are not UTF-8,
/// control characters (other than tab and newline) and those of direction become U+FFFD.
[[nodiscard]] inline std::string escape_html(std::string_view text) {
  std::string safe;
  safe.reserve(text.size() + 16);
  for (std::size_t i = 0; i < text.size();) {
    char32_t const point = next_code_point(text, i);
    bool const control =
        is_bidi_control(point) || (is_control(point) && point != '\n' && point != '\t');
    switch (point) {
      case '&':
        safe += "&amp;";
        break;
      case '<':
        safe += "&lt;";
        break;
      case '>':
        safe += "&gt;";
        break;
      case '"':
        safe += "&quot;";
        break;
      case '\'':
        safe += "&#39;";
        break;
      default:
        append_utf8(safe, control ? replacement_character : point);
    }
  }
  return safe;
}

/// At most `limit` code points of `text`; the last one is '…' where something was cut.
[[nodiscard]] inline std::string shorten(std::string_view text, std::size_t limit) {
  std::size_t points = 0;
  std::size_t cut = 0;
  for (std::size_t i = 0; i < text.size(); ++points) {
    static_cast<void>(next_code_point(text, i));
    if (points + 1 < limit) cut = i;
  }
  if (points <= limit) return std::string(text);
  return std::string(text.substr(0, cut)) + "…";
}

/// At most `limit` code points of `text`, cut in the middle: names of one sweep differ at their
/// end.
[[nodiscard]] inline std::string shorten_middle(std::string_view text, std::size_t limit) {
  std::vector<std::size_t> starts;
  for (std::size_t i = 0; i < text.size(); static_cast<void>(next_code_point(text, i))) {
    starts.push_back(i);
  }
  if (starts.size() <= limit || limit < 3) return shorten(text, limit);
  std::size_t const tail = limit / 2;
  return std::string(text.substr(0, starts[limit - tail - 1])) + "…" +
         std::string(text.substr(starts[starts.size() - tail]));
}

/// `value` with exactly `decimals` digits after the point; "nan" and "inf" stay words.
[[nodiscard]] inline std::string format_fixed(double value, int decimals) {
  std::array<char, 400> digits{};  // the largest double has 309 digits before the point
  auto const done = std::to_chars(digits.data(), digits.data() + digits.size(), value,
                                  std::chars_format::fixed, decimals);
  std::string text(digits.data(), done.ptr);
  bool const zero = text.find_first_not_of("-0.") == std::string::npos;
  return zero && text.front() == '-' ? text.substr(1) : text;
}

/// `value` with `digits` significant digits, in the shorter of fixed and scientific notation.
[[nodiscard]] inline std::string format_general(double value, int digits) {
  std::array<char, 64> text{};
  auto const done = std::to_chars(text.data(), text.data() + text.size(), value,
                                  std::chars_format::general, digits);
  return {text.data(), done.ptr};
}

/// The fewest digits that read back as the same number: 0.004, not 0.0040000000000000001.
[[nodiscard]] inline std::string format_shortest(double value) {
  std::array<char, 32> text{};
  auto const done = std::to_chars(text.data(), text.data() + text.size(), value);
  return {text.data(), done.ptr};
}

/// "1,234,567"
[[nodiscard]] inline std::string with_thousands(std::uint64_t value) {
  std::string text = std::to_string(value);
  for (std::size_t place = 3; place < text.size(); place += 4)
    text.insert(text.size() - place, ",");
  return text;
}

/// "950", "12.3 k", "108.1 M", "7.2 B": a count for reading, not for computing.
[[nodiscard]] inline std::string format_count(double value) {
  if (!(std::abs(value) >= 1e3)) return format_general(value, 3);
  if (std::abs(value) < 999'950.0) return format_fixed(value / 1e3, 1) + " k";
  if (std::abs(value) < 999'950'000.0) return format_fixed(value / 1e6, 1) + " M";
  return format_fixed(value / 1e9, 1) + " B";
}

}  // namespace moenda::io
