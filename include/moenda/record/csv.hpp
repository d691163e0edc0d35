// SPDX-License-Identifier: Apache-2.0
#pragma once
// metrics.csv of a run folder, and what its other tables share (routing_csv.hpp). The reader is
// strict: another header, a missing field or a word where a number must be is an error with file
// and line, because a table that is read one column off draws a convincing wrong curve. Numbers are
// written in their shortest form that reads back to the same bits, so a resumed run writes
// identical bytes.
#include <array>
#include <charconv>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <limits>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "moenda/core/error.hpp"
#include "moenda/files/atomic_file.hpp"
#include "moenda/files/content_hash.hpp"
#include "moenda/files/own_files.hpp"
#include "moenda/files/own_lines.hpp"
#include "moenda/files/text.hpp"

namespace moenda::io {

inline constexpr std::string_view metrics_header =
    "step,tokens,seconds,learning_rate,train_loss,valid_loss,gradient_norm,tokens_per_second";

/// One row of metrics.csv. An absent optional is an empty field: not measured at that step.
struct MetricsRow {
  std::uint64_t step = 0;
  std::uint64_t tokens = 0;  // training tokens seen so far
  double seconds = 0;        // training time so far
  double learning_rate = 0;
  std::optional<double> train_loss;  // in the unit of the run's task
  std::optional<double> valid_loss;  // in the same
  std::optional<double> gradient_norm;
  std::optional<double> tokens_per_second;
};

/// The rows of a file, and whether its last line was cut short (a run that is being written).
template <class Row>
struct CsvRows {
  std::vector<Row> rows;
  bool partial_last_line = false;
};

namespace detail {

/// Reads the fields of one line from left to right; every error names file, line and column.
class CsvLine {
 public:
  CsvLine(std::filesystem::path const& path, std::size_t number, std::string_view text,
          std::string_view header)
      : path_(path), number_(number), text_(text), header_(header), columns_left_(header) {}

  template <class Integer>
  [[nodiscard]] Integer integer() {
    std::string_view const field = next();
    Integer value{};
    parse(field, value, "an integer >= 0");
    return value;
  }
  [[nodiscard]] double number() {
    std::string_view const field = next();
    double value = 0;
    parse(field, value, "a number");
    return value;
  }
  [[nodiscard]] std::optional<double> optional_number() {
    std::string_view const field = next();
    if (field.empty()) return std::nullopt;
    double value = 0;
    parse(field, value, "a number or empty");
    return value;
  }
  void end() const {
    if (!done_) fail("must end after column '" + std::string(column_) + "'", text_);
  }
  [[noreturn]] void fail(std::string const& must, std::string_view got) const {
    throw DataError("csv: " + sanitize_utf8(path_.string()) + ":" + std::to_string(number_) + ": " +
                    must + ", got '" + shorten(sanitize_utf8(got), 40) + "'");
  }

 private:
  [[nodiscard]] std::string_view next() {
    if (done_) {
      fail("must have all fields of '" + std::string(header_) + "'", "the end of the line");
    }
    column_ = take_field(columns_left_);
    done_ = text_.find(',') == std::string_view::npos;
    return take_field(text_);
  }
  // Cuts the text up to the first comma, and the comma, off the front.
  [[nodiscard]] static std::string_view take_field(std::string_view& text) {
    std::size_t const comma = text.find(',');
    std::string_view const field = text.substr(0, comma);
    text.remove_prefix(comma == std::string_view::npos ? text.size() : comma + 1);
    return field;
  }
  template <class Value>
  void parse(std::string_view field, Value& value, char const* kind) const {
    auto const done = std::from_chars(field.data(), field.data() + field.size(), value);
    if (done.ec != std::errc{} || done.ptr != field.data() + field.size()) {
      fail("column '" + std::string(column_) + "' must be " + kind, field);
    }
  }

  std::filesystem::path const& path_;
  std::size_t number_;
  std::string_view text_;
  std::string_view header_;
  std::string_view columns_left_;
  std::string_view column_;
  bool done_ = false;
};

inline void parse_row(CsvLine& line, MetricsRow& row) {
  row.step = line.integer<std::uint64_t>();
  row.tokens = line.integer<std::uint64_t>();
  row.seconds = line.number();
  row.learning_rate = line.number();
  row.train_loss = line.optional_number();
  row.valid_loss = line.optional_number();
  row.gradient_norm = line.optional_number();
  row.tokens_per_second = line.optional_number();
}

/// A file of a run's folder.
[[nodiscard]] inline FileDescriptor open_run_file(std::filesystem::path const& path) {
  if (!is_there(path)) {
    throw DataError("run folder: the file " + sanitize_utf8(path.string()) +
                    " must exist, and it does not");
  }
  return open_own_file(path, O_RDONLY, "open for reading");
}
/// Its bytes.
[[nodiscard]] inline std::string read_own_file(std::filesystem::path const& path,
                                               std::uintmax_t largest) {
  auto const file = open_run_file(path);
  std::uint64_t const bytes = file.regular_file_size();
  if (bytes > largest) {
    throw DataError("run folder: " + sanitize_utf8(path.string()) + " must hold at most " +
                    std::to_string(largest) + " bytes, got " + std::to_string(bytes));
  }
  std::string text(std::size_t(bytes), '\0');
  text.resize(file.read_at(0, text.data(), text.size()));
  return text;
}

}  // namespace detail

/// The rows of a table one by one. Every error is a DataError with file, line and column.
template <class Row>
class CsvReader {
 public:
  CsvReader(std::filesystem::path path, std::string_view header)
      : path_(std::move(path)), header_(header), lines_(detail::open_run_file(path_)) {
    std::string text;
    bool const is_empty = !next_line(text);
    detail::CsvLine const line(path_, 1, text, header_);
    if (is_empty) line.fail("the file must begin with its header", "");
    if (text != header_) line.fail("the header must be '" + std::string(header_) + "'", text);
  }

  /// False at the end, and for a last line that has no newline.
  [[nodiscard]] bool next(Row& row) {
    std::string text;
    if (!next_line(text) || lines_.is_partial()) return false;
    detail::CsvLine line(path_, number_, text, header_);
    row = {};
    parse_row(line, row);
    line.end();
    if (row.step < last_step_) {
      line.fail("column 'step' must not fall (before: " + std::to_string(last_step_) + ")",
                std::to_string(row.step));
    }
    last_step_ = row.step;
    return true;
  }
  [[nodiscard]] bool partial_last_line() const { return lines_.is_partial(); }

 private:
  [[nodiscard]] bool next_line(std::string& text) {
    ++number_;
    if (!lines_.next(text)) return false;
    if (!text.empty() && text.back() == '\r') text.pop_back();
    return true;
  }

  std::filesystem::path path_;
  std::string_view header_;
  OwnLines lines_;
  std::size_t number_ = 0;
  std::uint64_t last_step_ = 0;
};

namespace detail {

template <class Row>
[[nodiscard]] CsvRows<Row> read_csv(std::filesystem::path const& path, std::string_view header) {
  CsvReader<Row> from(path, header);
  CsvRows<Row> result;
  for (Row row; from.next(row);) result.rows.push_back(row);
  result.partial_last_line = from.partial_last_line();
  return result;
}

inline void append_number(std::string& text, double value) {
  std::array<char, 32> digits{};
  auto const done = std::to_chars(digits.data(), digits.data() + digits.size(), value);
  text.append(digits.data(), done.ptr);
}

}  // namespace detail

/// Reads metrics.csv. DataError names file, line and column. A last line without a newline is left
/// out and reported, because a run in progress is being written.
[[nodiscard]] inline CsvRows<MetricsRow> read_metrics(std::filesystem::path const& path) {
  return detail::read_csv<MetricsRow>(path, metrics_header);
}

/// The row as one line of metrics.csv, newline included.
[[nodiscard]] inline std::string to_csv(MetricsRow const& row) {
  std::string line = std::to_string(row.step) + "," + std::to_string(row.tokens) + ",";
  detail::append_number(line, row.seconds);
  line += ',';
  detail::append_number(line, row.learning_rate);
  for (auto const& value :
       {row.train_loss, row.valid_loss, row.gradient_norm, row.tokens_per_second}) {
    line += ',';
    if (value) detail::append_number(line, *value);
  }
  return line + "\n";
}

/// Adds lines to a hash, one by one: the same for however many at a time.
inline void add_lines(data::ContentHash& hash, std::string_view lines) {
  while (!lines.empty()) {
    auto const line = lines.substr(0, lines.find('\n'));
    hash.add(line);
    lines.remove_prefix(std::min(lines.size(), line.size() + 1));
  }
}

/// Cuts a metrics or routing file back to its rows with step <= `last_step` (a partial last line
/// goes too), so that a run resumed from a checkpoint of that step appends where it left off. The
/// kept rows keep their bytes; the file is replaced in one rename. Returns the hash of its lines.
inline data::ContentHash keep_rows_until(std::filesystem::path const& path,
                                         std::uint64_t last_step) {
  OwnLines from(detail::open_run_file(path));
  AtomicFile kept(path);
  data::ContentHash hash;
  std::string line;
  for (std::size_t number = 1; from.next(line) && !from.is_partial(); ++number) {
    if (number > 1 &&
        detail::CsvLine(path, number, line, "step").integer<std::uint64_t>() > last_step) {
      break;  // steps never fall, so everything after is later
    }
    kept.write(line + "\n");
    add_lines(hash, line);
  }
  kept.commit();
  return hash;
}

}  // namespace moenda::io
