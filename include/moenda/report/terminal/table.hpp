// SPDX-License-Identifier: Apache-2.0
#pragma once
// Aligned text tables for the console.
#include <algorithm>
#include <cstddef>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "moenda/core/error.hpp"
#include "moenda/files/text.hpp"

namespace moenda::io {

/// Columns that `text` takes on a terminal: letters with accents take one, whether they are one
/// code point or a letter and a combining mark; East Asian wide letters and emoji take two.
[[nodiscard]] inline std::size_t display_width(std::string_view text) {
  std::size_t width = 0;
  for (std::size_t i = 0; i < text.size();) {
    char32_t const point = next_code_point(text, i);
    bool const combining = (point >= 0x300 && point <= 0x36F) || point == 0x200B ||
                           point == 0x200D || (point >= 0xFE00 && point <= 0xFE0F);
    bool const wide =
        (point >= 0x1100 && point <= 0x115F) || (point >= 0x2E80 && point <= 0xA4CF) ||
        (point >= 0xAC00 && point <= 0xD7A3) || (point >= 0xF900 && point <= 0xFAFF) ||
        (point >= 0xFE30 && point <= 0xFE6F) || (point >= 0xFF00 && point <= 0xFF60) ||
        (point >= 0x1F300 && point <= 0x1FAFF) || (point >= 0x20000 && point <= 0x3FFFD);
    width += combining ? 0 : wide ? 2 : 1;
  }
  return width;
}

/// One line of valid UTF-8 without control characters: what a terminal or a table cell can hold.
[[nodiscard]] inline std::string single_line(std::string_view text) {
  std::string line;
  for (std::size_t i = 0; i < text.size();) {
    char32_t const point = next_code_point(text, i);
    append_utf8(line, is_control(point) ? U' ' : point);
  }
  return line;
}

/// A table with one header row. A column whose cells are all numbers is right-aligned; cells that
/// are empty or "-" fit both kinds.
class Table {
 public:
  explicit Table(std::vector<std::string> const& header) {
    if (header.empty()) throw ConfigError("Table: the header must have a column, got 0");
    rows_.push_back(cleaned(header));
  }

  /// Adds one row; it must have as many cells as the header (ConfigError).
  Table& add_row(std::vector<std::string> const& cells) {
    require(cells.size() == rows_.front().size(),
            "Table: a row must have as many cells as the header",
            static_cast<long long>(cells.size()), static_cast<long long>(rows_.front().size()));
    rows_.push_back(cleaned(cells));
    return *this;
  }

  /// The table, each line ending in a newline and without spaces at its end.
  [[nodiscard]] std::string text() const {
    std::size_t const columns = rows_.front().size();
    std::vector<std::size_t> widths(columns, 0);
    std::vector<bool> right(columns, rows_.size() > 1);
    for (std::size_t r = 0; r < rows_.size(); ++r) {
      for (std::size_t c = 0; c < columns; ++c) {
        widths[c] = std::max(widths[c], display_width(rows_[r][c]));
        if (r > 0 && !fits_number_column(rows_[r][c])) right[c] = false;
      }
    }
    std::vector<std::string> rule;
    for (std::size_t const width : widths) rule.emplace_back(width, '-');
    std::string text = line(rows_.front(), widths, right) + line(rule, widths, right);
    for (std::size_t r = 1; r < rows_.size(); ++r) text += line(rows_[r], widths, right);
    return text;
  }

 private:
  [[nodiscard]] static std::vector<std::string> cleaned(std::vector<std::string> const& cells) {
    std::vector<std::string> row;
    for (auto const& cell : cells) row.push_back(single_line(cell));
    return row;
  }

  // "12", "-3.5", "+1.2 %", "1,234", "4e-05", "12.3 M", "512 MB", "inf": a digit (or nan, inf)
  // first, then digits, signs and at most one short unit.
  [[nodiscard]] static bool fits_number_column(std::string_view cell) {
    if (cell.empty() || cell == "-" || cell == "nan" || cell == "inf" || cell == "-inf")
      return true;
    if (cell.front() == '-' || cell.front() == '+') cell.remove_prefix(1);
    if (cell.empty() || cell.front() < '0' || cell.front() > '9') return false;
    std::size_t const unit = cell.find_first_not_of("0123456789.,eE+-");
    if (unit == std::string_view::npos) return true;
    std::string_view rest = cell.substr(unit);
    if (rest.front() == ' ') rest.remove_prefix(1);
    return rest.size() <= 8 && rest.find_first_of("0123456789 ") == std::string_view::npos;
  }

  [[nodiscard]] static std::string line(std::vector<std::string> const& cells,
                                        std::vector<std::size_t> const& widths,
                                        std::vector<bool> const& right) {
    std::string text;
    for (std::size_t c = 0; c < cells.size(); ++c) {
      std::string const padding(widths[c] - display_width(cells[c]), ' ');
      text += (c == 0 ? "" : "  ") + (right[c] ? padding + cells[c] : cells[c] + padding);
    }
    text.erase(text.find_last_not_of(' ') + 1);
    return text + "\n";
  }

  std::vector<std::vector<std::string>> rows_;
};

}  // namespace moenda::io
