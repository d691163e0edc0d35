// SPDX-License-Identifier: Apache-2.0
#pragma once
// The one place that makes what is printed safe for a terminal, whatever the texts come from.
#include <array>
#include <cstddef>
#include <ostream>
#include <streambuf>
#include <string_view>

#include "moenda/files/text.hpp"
#include "moenda/files/utf8.hpp"

namespace moenda::io {

/// Passes characters on to another buffer: control characters other than tab and newline, those
/// that turn the direction of text, and bytes that are not UTF-8, become U+FFFD. Nothing is
/// allocated, so an error can be told when memory is short. A character that comes in pieces is
/// held until it is whole.
class PrintableBuffer : public std::streambuf {
 public:
  explicit PrintableBuffer(std::streambuf* to) : to_(to) {}
  PrintableBuffer(PrintableBuffer const&) = delete;
  PrintableBuffer& operator=(PrintableBuffer const&) = delete;
  ~PrintableBuffer() override { pass_held(true); }

  /// Control sequences of our own, as they are.
  void pass(std::string_view bytes) { put(bytes); }
  [[nodiscard]] std::streambuf* target() const { return to_; }

 protected:
  std::streamsize xsputn(char const* bytes, std::streamsize count) override {
    std::string_view text(bytes, std::size_t(count));
    while (!text.empty()) {
      std::size_t plain = 0;
      while (held_ == 0 && plain < text.size() && is_plain(text[plain])) ++plain;
      if (plain == 0) {
        buffer_[held_++] = text[0];
        text.remove_prefix(1);
        pass_held(false);
      } else {
        put(text.substr(0, plain));
        text.remove_prefix(plain);
      }
    }
    return failed_ ? 0 : count;
  }
  int_type overflow(int_type c) override {
    if (traits_type::eq_int_type(c, traits_type::eof())) return traits_type::not_eof(c);
    char const byte = traits_type::to_char_type(c);
    return xsputn(&byte, 1) == 1 ? c : traits_type::eof();
  }
  int sync() override { return failed_ ? -1 : to_->pubsync(); }

 private:
  static bool is_plain(char c) { return (c >= 0x20 && c < 0x7F) || c == '\n' || c == '\t'; }

  void put(std::string_view bytes) {
    auto const size = std::streamsize(bytes.size());
    failed_ = to_->sputn(bytes.data(), size) != size || failed_;
  }
  /// Passes on what is held, but for the beginning of a character unless it is the `end`.
  void pass_held(bool end) {
    while (held_ > 0) {
      std::string_view const text(buffer_.data(), held_);
      auto const lead = static_cast<unsigned char>(text[0]);
      std::size_t const whole = lead < 0xC2 || lead > 0xF4 ? 1
                                : lead < 0xE0              ? 2
                                : lead < 0xF0              ? 3
                                                           : 4;
      std::size_t length = utf8_sequence_length(text);
      bool const may_go_on = find_continuations(text) == held_ && held_ < whole;
      if ((length == 0 || length > held_) && may_go_on && !end) return;
      bool const printable = length > 0 && length <= held_ && is_printable(text.substr(0, length));
      put(printable ? text.substr(0, length) : "\xEF\xBF\xBD");
      if (length == 0 || length > held_) length = 1;
      for (std::size_t i = length; i < held_; ++i) buffer_[i - length] = buffer_[i];
      held_ -= length;
    }
  }
  /// How many bytes the lead and its continuations are.
  static std::size_t find_continuations(std::string_view text) {
    std::size_t i = 1;
    while (i < text.size() && (static_cast<unsigned char>(text[i]) & 0xC0U) == 0x80U) ++i;
    return i;
  }
  static bool is_printable(std::string_view character) {
    std::size_t position = 0;
    char32_t const point = next_code_point(character, position);
    return point == '\n' || point == '\t' || !(is_control(point) || is_bidi_control(point));
  }

  std::streambuf* to_;
  std::array<char, 4> buffer_{};
  std::size_t held_ = 0;  // bytes of a character that is not whole
  bool failed_ = false;
};

/// While it lives, what is written to `stream` is printable.
class PrintableStream {
 public:
  explicit PrintableStream(std::ostream& stream) : stream_(stream), buffer_(stream.rdbuf()) {
    stream.rdbuf(&buffer_);
  }
  PrintableStream(PrintableStream const&) = delete;
  PrintableStream& operator=(PrintableStream const&) = delete;
  ~PrintableStream() { stream_.rdbuf(buffer_.target()); }

 private:
  std::ostream& stream_;
  PrintableBuffer buffer_;
};

/// Writes a control sequence of our own.
inline void write_control(std::ostream& stream, std::string_view sequence) {
  if (auto* const buffer = dynamic_cast<PrintableBuffer*>(stream.rdbuf())) {
    buffer->pass(sequence);
  } else {
    stream << sequence;
  }
}

}  // namespace moenda::io
