// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <algorithm>
#include <cstddef>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "moenda/core/error.hpp"
#include "moenda/files/utf8.hpp"

namespace moenda::data {

/// The records of delimited text, one after the other (RFC 4180). A field loses the blanks around
/// it; within double quotes it may hold delimiters and newlines, and a quote is written twice.
/// Lines end in LF or CRLF, the last one may go without; lines without a character are passed over.
/// Every error is a DataError with file, line and column.
class CsvRecords {
 public:
  /// `text` must outlive this; `source` names it in errors. Throws DataError for bytes that are no
  /// text.
  CsvRecords(std::string_view text, std::string source, char delimiter)
      : text_(text), source_(std::move(source)), delimiter_(delimiter) {
    if (text_.starts_with("\xEF\xBB\xBF")) text_.remove_prefix(3);
    std::size_t const bad = std::min(text_.find('\0'), io::find_invalid_utf8(text_));
    if (bad >= text_.size()) return;
    for (std::size_t i = 0; i < bad; ++i) line_ += text_[i] == '\n';
    refuse(0, text_[bad] == '\0' ? "must be text, got a NUL byte" : "must be UTF-8");
  }

  /// Reads the next record into `fields`; false at the end.
  bool next(std::vector<std::string>& fields) {
    while (at_ < text_.size() && take_line_end()) {
    }
    if (at_ >= text_.size()) return false;
    first_line_ = line_;
    std::size_t count = 0;
    do {
      if (count == fields.size()) fields.emplace_back();
      take_field(fields[count], count + 1);
      ++count;
    } while (take_delimiter());
    fields.resize(count);
    take_line_end();
    return true;
  }

  /// Where the record that next() gave begins, from 1.
  [[nodiscard]] std::size_t line() const { return first_line_; }

  /// Throws DataError "file:line, column n: `must`". Column 0 is the whole line.
  [[noreturn]] void refuse(std::size_t column, std::string const& must) const {
    throw DataError(source_ + ":" + std::to_string(line_at_fault()) +
                    (column == 0 ? "" : ", column " + std::to_string(column)) + ": " + must);
  }

 private:
  [[nodiscard]] std::size_t line_at_fault() const { return first_line_ == 0 ? line_ : first_line_; }
  [[nodiscard]] bool at_line_end() const {
    return at_ >= text_.size() || text_[at_] == '\n' ||
           (text_[at_] == '\r' && at_ + 1 < text_.size() && text_[at_ + 1] == '\n');
  }
  bool take_line_end() {
    if (at_ >= text_.size() || !at_line_end()) return false;
    at_ += text_[at_] == '\r' ? 2 : 1;
    ++line_;
    return true;
  }
  bool take_delimiter() {
    if (at_ >= text_.size() || text_[at_] != delimiter_) return false;
    ++at_;
    return true;
  }
  void skip_blanks() {
    while (at_ < text_.size() && is_blank(text_[at_])) ++at_;
  }
  [[nodiscard]] bool is_blank(char c) const { return (c == ' ' || c == '\t') && c != delimiter_; }

  void take_field(std::string& field, std::size_t column) {
    field.clear();
    skip_blanks();
    if (at_ < text_.size() && text_[at_] == '"') return take_quoted(field, column);
    std::size_t const begin = at_;
    while (!at_line_end() && text_[at_] != delimiter_) ++at_;
    std::size_t end = at_;
    while (end > begin && (is_blank(text_[end - 1]) || text_[end - 1] == '\r')) --end;
    field.assign(text_.substr(begin, end - begin));
  }
  void take_quoted(std::string& field, std::size_t column) {
    for (++at_;; ++at_) {
      if (at_ >= text_.size()) refuse(column, "the quoted field must end in a quote");
      if (text_[at_] == '"') {
        ++at_;
        if (at_ >= text_.size() || text_[at_] != '"') break;
      }
      if (text_[at_] == '\n') ++line_;
      field += text_[at_];
    }
    skip_blanks();
    if (!at_line_end() && text_[at_] != delimiter_) {
      refuse(column, "after a quoted field there must be a delimiter or the end of the line, got " +
                         io::quote(text_.substr(at_, 1)));
    }
  }

  std::string_view text_;
  std::string source_;
  char delimiter_;
  std::size_t at_ = 0;
  std::size_t line_ = 1, first_line_ = 0;
};

}  // namespace moenda::data
