// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <array>
#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

#include "moenda/files/utf8.hpp"

namespace moenda::data {

/// GPT-2's spelling of bytes as visible characters, used in encoder.json and vocab.bpe: printable
/// Latin-1 bytes stand for themselves, the other 68 are U+0100, U+0101, ... in order (so a blank is
/// U+0120). Byte tokens are numbered in that order too: '!' first.
class ByteAlphabet {
 public:
  ByteAlphabet() {
    std::size_t next = 0;
    for (unsigned byte = 0; byte < 256; ++byte) {
      if (is_visible(byte)) order_[next++] = static_cast<unsigned char>(byte);
    }
    for (unsigned byte = 0, moved = 0; byte < 256; ++byte) {
      code_[byte] = is_visible(byte) ? byte : 0x100 + moved++;
      if (!is_visible(byte)) order_[next++] = static_cast<unsigned char>(byte);
      byte_[code_[byte]] = static_cast<short>(byte);
    }
  }

  /// Byte tokens in the order of their ids.
  [[nodiscard]] std::array<unsigned char, 256> const& order() const { return order_; }

  /// Bytes as visible UTF-8 text.
  [[nodiscard]] std::string spell(std::string_view bytes) const {
    std::string text;
    for (char const c : bytes) {
      unsigned const code = code_[static_cast<unsigned char>(c)];
      if (code >= 0x80) text += static_cast<char>(0xC0 | code >> 6);
      text += static_cast<char>(code >= 0x80 ? 0x80 | (code & 0x3F) : code);
    }
    return text;
  }

  /// The bytes that `text` spells; nothing if it uses a character outside the alphabet.
  [[nodiscard]] std::optional<std::string> bytes(std::string_view text) const {
    std::string result;
    for (std::size_t i = 0; i < text.size();) {
      std::size_t const length = io::utf8_sequence_length(text.substr(i, 4));
      if (length != 1 && length != 2) return std::nullopt;
      auto const at = [&](std::size_t k) { return static_cast<unsigned char>(text[i + k]); };
      std::size_t const code = length == 1 ? at(0) : (at(0) & 0x1Fu) << 6 | (at(1) & 0x3Fu);
      if (code >= byte_.size() || byte_[code] < 0) return std::nullopt;
      result += static_cast<char>(byte_[code]);
      i += length;
    }
    return result;
  }

 private:
  static constexpr bool is_visible(unsigned byte) {
    return (byte >= 0x21 && byte <= 0x7E) || (byte >= 0xA1 && byte != 0xAD);
  }
  static constexpr std::array<short, 0x144> no_bytes() {
    std::array<short, 0x144> table{};
    for (auto& entry : table) entry = -1;
    return table;
  }

  std::array<unsigned char, 256> order_{};
  std::array<unsigned, 256> code_{};
  std::array<short, 0x144> byte_ = no_bytes();
};

}  // namespace moenda::data
