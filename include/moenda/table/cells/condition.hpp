// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <array>
#include <cstddef>
#include <string>
#include <vector>

#include "moenda/table/cells/table.hpp"

namespace moenda::data {

/// How a condition picks rows: all of them; by what a cell says; by a number; or the two rows that
/// a comparison is about.
enum class ConditionKind { all, is, either, equal, above, below, at_least, at_most };

/// Which rows of a table are meant.
struct Condition {
  ConditionKind kind = ConditionKind::all;
  int column = -1;
  int text = -1, other_text = -1;  ///< Table::text_id of what the cell says; the latter of `either`
  Decimal number{};

  [[nodiscard]] bool operator==(Condition const&) const = default;
};

/// Whether `row` is meant. A cell without a value meets no condition on numbers.
[[nodiscard]] inline bool holds(Table const& table, Condition const& condition, int row) {
  if (condition.kind == ConditionKind::all) return true;
  auto const& column = table.column(condition.column);
  int const text = column.text_ids[std::size_t(row)];
  if (condition.kind == ConditionKind::is) return text == condition.text;
  if (condition.kind == ConditionKind::either) {
    return text == condition.text || text == condition.other_text;
  }
  auto const& value = column.values[std::size_t(row)];
  if (!value) return false;
  auto const order = *value <=> condition.number;
  switch (condition.kind) {
    case ConditionKind::equal:
      return order == 0;
    case ConditionKind::above:
      return order > 0;
    case ConditionKind::below:
      return order < 0;
    case ConditionKind::at_least:
      return order >= 0;
    default:
      return order <= 0;
  }
}

/// The rows that are meant, in order.
[[nodiscard]] inline std::vector<int> rows_where(Table const& table, Condition const& condition) {
  std::vector<int> rows;
  for (int row = 0; row < table.rows(); ++row) {
    if (holds(table, condition, row)) rows.push_back(row);
  }
  return rows;
}

/// "where 'Year' > 1998"; empty for all rows.
[[nodiscard]] inline std::string describe(Table const& table, Condition const& condition) {
  constexpr std::array signs{"", "is", "is", "=", ">", "<", ">=", "<="};
  if (condition.kind == ConditionKind::all) return "";
  auto text = "where '" + table.column(condition.column).name + "' " +
              signs[std::size_t(condition.kind)] + " ";
  if (condition.kind == ConditionKind::is) return text + "'" + table.text(condition.text) + "'";
  if (condition.kind == ConditionKind::either) {
    return text + "'" + table.text(condition.text) + "' or '" + table.text(condition.other_text) +
           "'";
  }
  return text + condition.number.str();
}

}  // namespace moenda::data
