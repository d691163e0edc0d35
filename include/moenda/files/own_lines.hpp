// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>

#include "moenda/core/error.hpp"
#include "moenda/files/file_descriptor.hpp"

namespace moenda::io {

/// The lines of a file one by one, so that it may be larger than the memory.
class OwnLines {
 public:
  static constexpr std::size_t longest = std::size_t{1} << 20;

  explicit OwnLines(FileDescriptor file) : file_(std::move(file)) {}

  /// The next line without its newline; false at the end. Throws DataError for one longer than
  /// `longest`.
  [[nodiscard]] bool next(std::string& line) {
    for (line.clear();;) {
      if (rest_.empty() && !read()) {
        is_partial_ = is_partial_ || !line.empty();
        return !line.empty();
      }
      auto const end = rest_.find('\n');
      auto const part = rest_.substr(0, end);
      if (line.size() + part.size() > longest) {
        throw DataError(file_.path().string() + ": a line must have at most " +
                        std::to_string(longest) + " bytes");
      }
      line += part;
      rest_.remove_prefix(std::min(rest_.size(), part.size() + 1));
      if (end != std::string_view::npos) return true;
    }
  }
  /// Whether the last line has no newline: it may have been cut.
  [[nodiscard]] bool is_partial() const { return is_partial_; }

 private:
  [[nodiscard]] bool read() {
    block_.resize(std::size_t{1} << 16);
    auto const got = file_.read_at(place_, block_.data(), block_.size());
    place_ += got;
    rest_ = std::string_view(block_).substr(0, got);
    return got > 0;
  }

  FileDescriptor file_;
  std::uint64_t place_ = 0;
  std::string block_;
  std::string_view rest_;  // of block_
  bool is_partial_ = false;
};

}  // namespace moenda::io
