// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <limits>
#include <new>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>

#include "moenda/core/error.hpp"
#include "moenda/data/tokenizer/pretokenizer.hpp"
#include "moenda/files/file_descriptor.hpp"
#include "moenda/files/read_file.hpp"
#include "moenda/files/utf8.hpp"

namespace moenda::data {

/// A text file in pieces, cut only where every tokenizer of ours cuts anyway (next_cut), so that a
/// text need not fit into memory; one without such a place is one piece. A byte order mark is
/// dropped; NUL is a character like others.
class TextPieces {
 public:
  static constexpr std::size_t default_bytes = std::size_t{1} << 22;

  /// At most the first `max_bytes` of `path`, in pieces of about `piece_bytes`. Throws DataError.
  explicit TextPieces(std::filesystem::path const& path,
                      std::uint64_t max_bytes = std::numeric_limits<std::uint64_t>::max(),
                      std::size_t piece_bytes = default_bytes)
      : file_(io::open_for_reading(path, size_)),
        end_(std::min(size_, max_bytes)),
        may_be_cut_(size_ >= max_bytes),
        piece_bytes_(piece_bytes) {}

  /// Puts the next piece into `piece`; false at the end. Throws DataError with the offset of the
  /// first byte that is not UTF-8.
  [[nodiscard]] bool next(std::string& piece) {
    try {
      return take_piece(piece);
    } catch (std::bad_alloc const&) {  // a large text without a place to cut
      refuse_for_memory(file_.path(), end_);
    } catch (std::length_error const&) {
      refuse_for_memory(file_.path(), end_);
    }
  }

 private:
  bool take_piece(std::string& piece) {
    std::size_t cut = 0;
    for (std::size_t looked_at = 0; cut == 0 && read_more();) {
      cut = last_cut(std::string_view(text_).substr(0, valid_), looked_at);
      looked_at = valid_;
    }
    if (cut == 0 || at_ == end_) cut = valid_;  // the rest of the file
    std::string rest = text_.substr(cut);
    text_.resize(cut);
    piece = std::move(text_);
    text_ = std::move(rest);
    valid_ -= cut;
    return cut > 0;
  }

  /// The last place from `from` on where the text can be cut; 0 if there is none.
  static std::size_t last_cut(std::string_view text, std::size_t from) {
    for (std::size_t i = text.size(); i-- > std::max<std::size_t>(from, 1);) {
      if (next_cut(text.substr(i - 1, 2), 1) == 1) return i;
    }
    return 0;
  }

  /// Reads on and checks what is there; false at the end of the file.
  bool read_more() {
    if (at_ == end_) return false;
    // As much again as is there, so that a text without a place to cut is not copied often.
    std::size_t const had = text_.size();
    auto const wanted = std::min<std::uint64_t>(end_ - at_, std::max(piece_bytes_, had));
    text_.resize(had + static_cast<std::size_t>(wanted));
    std::size_t const got = file_.read_at(at_, text_.data() + had, text_.size() - had);
    text_.resize(had + got);
    bool const begins = at_ == 0;
    at_ += got;
    if (got < wanted) end_ = at_, may_be_cut_ = false;  // it has shrunk
    check();
    if (begins && std::string_view(text_).starts_with("\xEF\xBB\xBF")) {
      text_.erase(0, 3);
      valid_ -= 3;
    }
    return true;
  }
  void check() {
    valid_ += io::find_invalid_utf8(std::string_view(text_).substr(valid_));
    std::size_t const rest = text_.size() - valid_;
    if (rest == 0) return;
    // The last character may go on in the next piece, or be cut in two by the limit.
    bool const ends = at_ == end_;
    if (rest < 4 && (!ends || may_be_cut_)) {
      if (ends) text_.resize(valid_);
      return;
    }
    throw DataError(file_.path().string() + ": must be UTF-8, byte " + std::to_string(at_ - rest) +
                    " is not part of a character");
  }

  std::uint64_t size_ = 0;  // before file_, whose opening sets it
  io::FileDescriptor file_;
  std::uint64_t end_, at_ = 0;  // where reading ends, how far it is
  bool may_be_cut_;
  std::size_t piece_bytes_;
  std::string text_;       // read and not given yet
  std::size_t valid_ = 0;  // bytes of it that are whole characters
};

}  // namespace moenda::data
