// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <cstddef>
#include <string>
#include <string_view>

namespace moenda::io {

/// Length in bytes of the well-formed UTF-8 sequence that `text` begins with; 0 when there is
/// none (Unicode 15, table 3-7: no overlong forms, no surrogates, at most U+10FFFF).
[[nodiscard]] inline std::size_t utf8_sequence_length(std::string_view text) {
  auto const byte = [&](std::size_t i) {
    return i < text.size() ? static_cast<unsigned char>(text[i]) : 0u;
  };
  auto const continues = [&](std::size_t i) { return (byte(i) & 0xC0u) == 0x80u; };
  unsigned const lead = byte(0);
  if (lead < 0x80) return text.empty() ? 0 : 1;
  if (lead < 0xC2 || lead > 0xF4 || !continues(1)) return 0;
  if (lead < 0xE0) return 2;
  if (!continues(2)) return 0;
  if (lead < 0xF0) {
    bool const overlong = lead == 0xE0 && byte(1) < 0xA0;
    bool const surrogate = lead == 0xED && byte(1) > 0x9F;
    return overlong || surrogate ? 0 : 3;
  }
  bool const overlong = lead == 0xF0 && byte(1) < 0x90;
  bool const too_large = lead == 0xF4 && byte(1) > 0x8F;
  return overlong || too_large || !continues(3) ? 0 : 4;
}

/// Position of the first byte that is not part of well-formed UTF-8, or `text.size()`.
[[nodiscard]] inline std::size_t find_invalid_utf8(std::string_view text) {
  std::size_t i = 0;
  while (i < text.size()) {
    std::size_t const length = utf8_sequence_length(text.substr(i, 4));
    if (length == 0) return i;
    i += length;
  }
  return i;
}

/// `text` from an untrusted file as 'text' for an error message: at most 80 bytes, and nothing
/// that could move the cursor of a terminal.
[[nodiscard]] inline std::string quote(std::string_view text) {
  std::string quoted = "'";
  std::size_t i = 0;
  while (i < text.size() && i < 80) {
    std::size_t const length = utf8_sequence_length(text.substr(i, 4));
    bool const control =
        length == 1 && (static_cast<unsigned char>(text[i]) < 0x20 || text[i] == 0x7F);
    // U+0080..U+009F are control characters too.
    bool const control_two =
        length == 2 && text[i] == '\xC2' && static_cast<unsigned char>(text[i + 1]) < 0xA0;
    if (length == 0 || control || control_two) {
      quoted += '?';
    } else {
      quoted += text.substr(i, length);
    }
    i += length == 0 ? 1 : length;
  }
  return quoted + (i < text.size() ? "...'" : "'");
}

}  // namespace moenda::io
