// SPDX-License-Identifier: Apache-2.0
#pragma once
// Needs utf8proc (Debian: libutf8proc-dev).
#include <utf8proc.h>

#include <algorithm>
#include <cstddef>
#include <cstdlib>
#include <iterator>
#include <memory>
#include <new>
#include <string>
#include <string_view>

#include "moenda/core/error.hpp"
#include "moenda/files/text.hpp"
#include "moenda/import/hugging_face/tokenizer/unicode_of_peer.hpp"

namespace moenda::hugging_face {

/// Whether the library `tokenizers` does not know the code point in NFC: it neither moves nor
/// composes, and marks do not pass it.
[[nodiscard]] inline bool is_inert(char32_t point) {
  auto const* const after = std::upper_bound(
      std::begin(inert_in_nfc), std::end(inert_in_nfc), point,
      [](char32_t c, data::CodePointRange const& range) { return c < range.first; });
  return after != std::begin(inert_in_nfc) && point <= std::prev(after)->last;
}

/// Appends NFC (Unicode Standard Annex 15) of `text`, which must be UTF-8.
inline void append_composed(std::string& out, std::string_view text) {
  if (text.empty()) return;
  utf8proc_uint8_t* composed = nullptr;
  auto const length =
      utf8proc_map(reinterpret_cast<utf8proc_uint8_t const*>(text.data()),
                   static_cast<utf8proc_ssize_t>(text.size()), &composed,
                   static_cast<utf8proc_option_t>(UTF8PROC_STABLE | UTF8PROC_COMPOSE));
  std::unique_ptr<utf8proc_uint8_t, decltype(&std::free)> const owner(composed, &std::free);
  if (length == UTF8PROC_ERROR_NOMEM) throw std::bad_alloc();
  if (length < 0) throw DataError(std::string("NFC: ") + utf8proc_errmsg(length));
  out.append(reinterpret_cast<char const*>(composed), static_cast<std::size_t>(length));
}

/// NFC as `tokenizers` computes it.
[[nodiscard]] inline std::string nfc(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  // Text before `done` is in `out`; what follows `settled` may join what stands there. A character
  // below U+0300 joins nothing before it.
  std::size_t done = 0, settled = 0;
  bool composed = true;
  for (std::size_t i = 0; i < text.size();) {
    std::size_t const begin = i;
    char32_t const point = io::next_code_point(text, i);
    bool const inert = is_inert(point);
    if (point >= 0x300 && !inert) {
      composed = false;
      continue;
    }
    if (!composed) {
      out += text.substr(done, settled - done);
      append_composed(out, text.substr(settled, begin - settled));
      done = begin;
      composed = true;
    }
    settled = inert ? i : begin;
  }
  if (composed) settled = text.size();
  out += text.substr(done, settled - done);
  append_composed(out, text.substr(settled));
  return out;
}

}  // namespace moenda::hugging_face
