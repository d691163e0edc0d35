// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "moenda/core/error.hpp"
#include "moenda/files/utf8.hpp"
#include "moenda/table/cells/cell_value.hpp"

namespace moenda::data {

/// One column: what was written, and what it means.
struct Column {
  std::string name;
  ColumnType type = ColumnType::text;
  std::vector<std::string> cells{};              ///< as written
  std::vector<std::optional<Decimal>> values{};  ///< where a cell has the type of its column
  std::vector<int> text_ids{};                   ///< equal where the cells say the same
  std::vector<bool> missing{};
};

/// A table whose columns have types. It does not change after it was made.
class Table {
 public:
  Table() = default;
  /// `id` names the table in messages. Throws DataError for a table without columns, and for a row
  /// that has not one cell for every column.
  Table(std::string id, std::vector<std::string> header,
        std::vector<std::vector<std::string>> const& rows)
      : id_(std::move(id)), rows_(rows.size()) {
    if (header.empty()) throw DataError("Table " + id_ + ": must have at least one column, got 0");
    for (std::size_t r = 0; r < rows.size(); ++r) require_width(header, r, rows[r].size());
    for (std::size_t c = 0; c < header.size(); ++c) {
      columns_.push_back({std::move(header[c])});
      for (auto const& row : rows) columns_.back().cells.push_back(row[c]);
      interpret(columns_.back());
    }
  }

  [[nodiscard]] std::string const& id() const { return id_; }
  [[nodiscard]] int rows() const { return int(rows_); }
  [[nodiscard]] int columns() const { return int(columns_.size()); }
  /// Throws ConfigError for a column that does not exist.
  [[nodiscard]] Column const& column(int c) const {
    require(c >= 0 && c < columns(), "Table: a column must lie in 0..columns-1", c, columns());
    return columns_[std::size_t(c)];
  }
  /// What cells say, and -1 when none says it. `text` as normalised() leaves it.
  [[nodiscard]] int text_id(std::string const& text) const {
    auto const found = ids_.find(text);
    return found == ids_.end() ? -1 : found->second;
  }
  [[nodiscard]] std::string const& text(int id) const { return texts_.at(std::size_t(id)); }

 private:
  void require_width(std::vector<std::string> const& header, std::size_t row,
                     std::size_t cells) const {
    if (cells == header.size()) return;
    throw DataError("Table " + id_ + ": row " + std::to_string(row + 1) + " must have " +
                    std::to_string(header.size()) + " cells, got " + std::to_string(cells) +
                    (cells < header.size()
                         ? ": column " + io::quote(header[cells]) + " has none"
                         : ": there is no column for cell " + std::to_string(header.size() + 1)));
  }
  void interpret(Column& column) {
    std::vector<std::optional<CellValue>> values;
    std::size_t present = 0;
    for (auto const& cell : column.cells) {
      column.missing.push_back(is_missing(cell));
      present += !column.missing.back();
      values.push_back(column.missing.back() ? std::nullopt : parse_cell(cell));
      auto const [found, added] = ids_.try_emplace(normalised(cell), int(texts_.size()));
      if (added) texts_.push_back(found->first);
      column.text_ids.push_back(found->second);
    }
    column.type = common_type(values, present);
    for (auto const& value : values) {
      bool const fits = value && value->type == column.type;
      column.values.push_back(fits ? std::optional(value->number) : std::nullopt);
    }
  }

  std::string id_;
  std::size_t rows_ = 0;
  std::vector<Column> columns_;
  std::unordered_map<std::string, int> ids_;  // of normalised cells
  std::vector<std::string> texts_;
};

}  // namespace moenda::data
