// SPDX-License-Identifier: Apache-2.0
#pragma once
// Two passes over the bytes: the first finds the kinds and the categories of the columns, the
// second fills them. So nothing is kept of the text but the file itself.
#include <algorithm>
#include <cstddef>
#include <filesystem>
#include <limits>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "moenda/core/error.hpp"
#include "moenda/core/suggest.hpp"
#include "moenda/data/tabular/column_draft.hpp"
#include "moenda/data/tabular/table.hpp"
#include "moenda/files/csv_records.hpp"
#include "moenda/files/read_file.hpp"

namespace moenda::data {

namespace detail {

class TabularReader {
 public:
  explicit TabularReader(TabularTableConfig const& config) : config_(config) {
    if (config.paths.empty()) {
      throw ConfigError("tabular: paths must name at least one file, got none");
    }
    if (config.delimiter.size() != 1 || config.delimiter == "\"" || config.delimiter == "\n") {
      throw ConfigError("tabular: delimiter must be one character, no quote and no newline, got " +
                        io::quote(config.delimiter));
    }
    if (config.max_categories < 2) {
      throw ConfigError("tabular: max_categories must be at least 2, got " +
                        std::to_string(config.max_categories));
    }
  }

  [[nodiscard]] TabularTable read() {
    std::vector<std::string> texts;
    for (auto const& path : config_.paths) texts.push_back(read_file(path));
    for (std::size_t i = 0; i < texts.size(); ++i) examine(i, texts[i]);
    for (auto& column : columns_) settle(column);
    for (std::size_t i = 0; i < texts.size(); ++i) fill(i, texts[i]);
    return finish();
  }

 private:
  using Role = ColumnDraft::Role;

  // The columns.

  [[nodiscard]] bool is_missing(std::string const& field) const {
    return std::find(config_.missing.begin(), config_.missing.end(), field) !=
           config_.missing.end();
  }
  [[nodiscard]] bool names_columns(std::vector<std::string> const& fields) const {
    if (config_.header != Header::detect) return config_.header == Header::present;
    auto sorted = fields;
    std::sort(sorted.begin(), sorted.end());
    return std::adjacent_find(sorted.begin(), sorted.end()) == sorted.end() &&
           std::none_of(fields.begin(), fields.end(), [&](std::string const& field) {
             return is_missing(field) || parse_number(field);
           });
  }
  void begin_columns(CsvRecords const& records, std::vector<std::string> const& fields) {
    has_header_ = names_columns(fields);
    if (fields.size() < 2) {
      records.refuse(0, "a table must have a target and at least one other column, delimited by " +
                            io::quote(config_.delimiter) + ", got 1 column");
    }
    for (std::size_t i = 0; i < fields.size(); ++i) {
      auto name = has_header_ ? fields[i] : "column_" + std::to_string(i + 1);
      for (auto const& other : columns_) {
        if (other.name == name) {
          records.refuse(i + 1, "column names must differ, " + io::quote(name) + " comes twice");
        }
      }
      columns_.emplace_back().name = std::move(name);
    }
    auto& target =
        config_.target.empty() ? columns_.back() : columns_[find("target", config_.target)];
    for (auto const& name : config_.ignore) columns_[find("ignore", name)].role = Role::ignored;
    for (auto const& name : config_.categorical) give("categorical", name, ColumnKind::categorical);
    for (auto const& name : config_.numeric) give("numeric", name, ColumnKind::numeric);
    target.role = Role::target;
    target.given = true;
    target.kind =
        config_.target_kind == TargetKind::classes ? ColumnKind::categorical : ColumnKind::numeric;
  }
  void give(char const* key, std::string const& name, ColumnKind kind) {
    auto& column = columns_[find(key, name)];
    if (column.given && column.kind != kind) {
      throw ConfigError("tabular: column " + io::quote(name) +
                        " must be categorical or numeric, it is listed as both");
    }
    column.given = true;
    column.kind = kind;
  }
  [[nodiscard]] std::size_t find(char const* key, std::string const& wanted) const {
    std::vector<std::string> names;
    for (auto const& column : columns_) names.push_back(column.name);
    auto const found = std::find(names.begin(), names.end(), wanted);
    if (found != names.end()) return static_cast<std::size_t>(found - names.begin());
    auto const number = parse_number(wanted);
    for (std::size_t i = 0; number && i < names.size(); ++i) {
      if (*number == static_cast<double>(i + 1)) return i;
    }
    throw ConfigError("tabular: " + std::string(key) + " must be the name of a column of " +
                      config_.paths.front() + " or its number, 1.." + std::to_string(names.size()) +
                      ", got " + io::quote(wanted) + (number ? "" : did_you_mean(wanted, names)));
  }

  // The first pass.

  /// Calls f(records, fields) for every row of a file.
  template <class F>
  void for_each_row(std::size_t file, std::string_view text, F f) {
    CsvRecords records(text, config_.paths[file], config_.delimiter.front());
    std::vector<std::string> fields;
    bool first = true;
    while (records.next(fields)) {
      if (columns_.empty()) begin_columns(records, fields);
      if (fields.size() != columns_.size()) {
        records.refuse(std::min(fields.size(), columns_.size()) + 1,
                       "every row must have " + std::to_string(columns_.size()) +
                           " fields like the first, got " + std::to_string(fields.size()));
      }
      if (std::exchange(first, false) && has_header_) {
        check_header(records, fields);
        continue;
      }
      f(records, fields);
    }
  }
  void check_header(CsvRecords const& records, std::vector<std::string> const& fields) const {
    for (std::size_t i = 0; i < fields.size(); ++i) {
      if (fields[i] == columns_[i].name) continue;
      records.refuse(i + 1, "all files must name the same columns, here " +
                                io::quote(columns_[i].name) + ", got " + io::quote(fields[i]));
    }
  }
  void examine(std::size_t file, std::string_view text) {
    std::int64_t rows = 0;
    for_each_row(file, text, [&](auto const& records, auto const& fields) {
      ++rows;
      for (std::size_t i = 0; i < fields.size(); ++i) {
        auto& column = columns_[i];
        if (column.role == Role::ignored) continue;
        auto const words = column.words;
        examine_field(records, i, column, fields[i]);
        if (rows == 1) column.first_row_words += column.words - words;
      }
    });
    if (rows == 0) {
      throw DataError(config_.paths[file] + ": must hold a row of data, got " +
                      (text.empty()
                           ? "an empty file"
                           : "only " + std::to_string(text.size()) + " bytes without one"));
    }
    if (rows > std::numeric_limits<int>::max()) {
      throw DataError(config_.paths[file] + ": must hold less than 2^31 rows");
    }
    rows_of_file_.push_back(rows);
  }
  void examine_field(CsvRecords const& records, std::size_t i, ColumnDraft& column,
                     std::string const& field) const {
    bool const target = column.role == Role::target;
    if (is_missing(field)) {
      if (target)
        records.refuse(i + 1, "the target must be known in every row, got " + io::quote(field));
      return;
    }
    if (!column.given || column.kind == ColumnKind::numeric) {
      bool too_large = false;
      bool const number = parse_number(field, &too_large).has_value();
      if (too_large || (column.given && !number)) {
        records.refuse(i + 1, "a numeric column must hold finite numbers, got " + io::quote(field));
      }
      if (!number && column.word_line == 0) {
        column.word_line = records.line();
        column.first_word = field;
      }
      column.words += !number;
      column.infinities += !number && is_infinity(field);
      column.has_numbers = column.has_numbers || number;
    }
    // One more than allowed is enough to refuse; a column of numbers needs none.
    if (column.index.size() <= static_cast<std::size_t>(config_.max_categories)) {
      column.index.emplace(target ? class_name_of(field) : field, 0);
    }
  }

  // Between the passes.

  /// A single word must not make categories of a column of numbers without anybody noticing.
  void refuse_stray_words(ColumnDraft const& column) const {
    if (column.given || !column.has_numbers || column.words == 0) return;
    bool const maybe_name = config_.header == Header::detect && !has_header_;
    if (column.words != column.infinities &&
        !(maybe_name && column.words == column.first_row_words)) {
      return;
    }
    throw DataError(config_.paths.front() + ":" + std::to_string(column.word_line) + ", column " +
                    std::to_string(1 + (&column - columns_.data())) + ": must be a number" +
                    " like the rest of the column, got " + io::quote(column.first_word) +
                    (column.words == column.infinities
                         ? "; list it in `missing`, or the column in `categorical`"
                         : "; if this line names the columns set header = \"present\", else "
                           "\"absent\""));
  }
  void settle(ColumnDraft& column) const {
    if (column.role == Role::ignored) return;
    refuse_stray_words(column);
    if (!column.given && column.word_line != 0) column.kind = ColumnKind::categorical;
    if (column.kind == ColumnKind::numeric) return column.index.clear();
    if (column.index.size() > static_cast<std::size_t>(config_.max_categories)) {
      throw DataError(config_.paths.front() + ": column " + io::quote(column.name) +
                      " must have at most " + std::to_string(config_.max_categories) +
                      " different values (max_categories), got more" +
                      (column.word_line == 0
                           ? std::string()
                           : "; the first that is no number is " + io::quote(column.first_word) +
                                 " in line " + std::to_string(column.word_line)) +
                      "; list the column in `ignore`, or in `numeric`");
    }
    std::vector<std::string> names;
    for (auto const& [name, index] : column.index) names.push_back(name);
    sort_names(names);
    for (std::size_t i = 0; i < names.size(); ++i) column.index[names[i]] = static_cast<int>(i);
    if (column.role == Role::target && names.size() < 2) {
      throw DataError(config_.paths.front() + ": the target " + io::quote(column.name) +
                      " must have at least two classes, got only " + io::quote(names.front()));
    }
  }

  // The second pass.

  void fill(std::size_t file, std::string_view text) {
    for_each_row(file, text, [&](auto const&, auto const& fields) {
      for (std::size_t i = 0; i < fields.size(); ++i) fill_field(columns_[i], fields[i]);
    });
  }
  void fill_field(ColumnDraft& column, std::string const& field) const {
    if (column.role == Role::ignored) return;
    bool const missing = is_missing(field);
    if (column.kind == ColumnKind::numeric) {
      column.numbers.push_back(missing ? std::numeric_limits<double>::quiet_NaN()
                                       : *parse_number(field));
    } else if (column.role == Role::target) {
      column.categories.push_back(column.index.at(class_name_of(field)));
    } else {
      column.categories.push_back(missing ? -1 : column.index.at(field));
    }
  }
  [[nodiscard]] TabularTable finish() {
    TabularTable table;
    table.rows_of_file = rows_of_file_;
    for (auto const rows : rows_of_file_) table.rows += rows;
    for (auto& column : columns_) {
      if (column.role == Role::ignored) continue;
      std::vector<std::string> names(column.index.size());
      for (auto const& [name, index] : column.index) names[static_cast<std::size_t>(index)] = name;
      if (column.role == Role::target) {
        table.target = column.name;
        table.class_names = std::move(names);
        table.classes = std::move(column.categories);
        table.values = std::move(column.numbers);
      } else {
        table.features.push_back({std::move(column.name), column.kind, std::move(column.numbers),
                                  std::move(column.categories), std::move(names)});
      }
    }
    if (table.features.empty()) {
      throw ConfigError("tabular: `ignore` must leave a column beside the target, got none");
    }
    return table;
  }

  TabularTableConfig const& config_;
  std::vector<ColumnDraft> columns_;
  std::vector<std::int64_t> rows_of_file_;
  bool has_header_ = false;
};

}  // namespace detail

/// Reads the files of `config` as one table. Throws DataError with file, line and column for what
/// they hold, ConfigError for settings that do not fit them.
[[nodiscard]] inline TabularTable read_table(TabularTableConfig const& config) {
  return detail::TabularReader(config).read();
}

}  // namespace moenda::data
