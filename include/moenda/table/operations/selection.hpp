// SPDX-License-Identifier: Apache-2.0
#pragma once
// What the functional experts share: what they are asked, and what they answer.
#include <array>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "moenda/table/cells/condition.hpp"

namespace moenda::expert::tab {

enum class Operation { lookup, count, sum, average, extremum, comparison };
inline constexpr int num_operations = 6;
constexpr auto enum_names(Operation) {
  return std::array{"lookup", "count", "sum", "average", "extremum", "comparison"};
}

/// What an expert must choose before it can compute.
struct Parts {
  bool column = false;     ///< the column it computes with
  bool shown = false;      ///< the column it answers from
  bool direction = false;  ///< largest or smallest
  bool pair = false;       ///< its condition is two things to compare
  /// The fewest rows for which it says something that a lookup does not. Fewer still get an answer,
  /// but no training question is taken to mean them: of one row the sum, the mean and the largest
  /// are the same, and whichever expert were ahead would take all such questions.
  int fewest_rows = 0;
};

/// What it chose.
struct Selection {
  int column = -1, shown = -1;
  bool largest = true;
  data::Condition condition{};
};

/// What came out: a number, or what cells say; or why there is no answer.
struct Outcome {
  std::optional<data::Decimal> number{};
  std::vector<std::string> texts{};  ///< cells as written, each once, in the order of their rows
  std::vector<int> rows{};           ///< the rows that were used
  int missing = 0;                   ///< selected rows that have no value there
  std::string refused{};             ///< a sentence instead of an answer

  [[nodiscard]] bool answered() const { return refused.empty(); }
};

[[nodiscard]] inline Outcome refuse(std::string why) {
  Outcome outcome;
  outcome.refused = std::move(why);
  return outcome;
}
[[nodiscard]] inline std::string name_of(data::Column const& column) {
  return "column '" + column.name + "'";
}

/// The selected rows with a value in `column`. Refuses where there is none, and where a cell says
/// something that is not of the column's type: a result without it would be a wrong number.
[[nodiscard]] inline Outcome rows_with_values(data::Column const& column,
                                              std::vector<int> const& rows) {
  Outcome outcome;
  if (rows.empty()) return refuse("no row is selected");
  for (int const row : rows) {
    auto const r = std::size_t(row);
    if (column.missing[r]) {
      ++outcome.missing;
    } else if (!column.values[r]) {
      return refuse("'" + column.cells[r] + "' in " + name_of(column) + " is no " +
                    enum_names(column.type)[std::size_t(column.type)]);
    } else {
      outcome.rows.push_back(row);
    }
  }
  if (outcome.rows.empty()) return refuse(name_of(column) + " has no value in the selected rows");
  return outcome;
}

/// What `column` says in `rows`, each text once.
[[nodiscard]] inline std::vector<std::string> texts_of(data::Column const& column,
                                                       std::vector<int> const& rows) {
  std::vector<std::string> texts;
  std::set<int> seen;
  for (int const row : rows) {
    auto const r = std::size_t(row);
    if (!seen.insert(column.text_ids[r]).second) continue;
    texts.push_back(column.cells[r]);
  }
  return texts;
}

/// The rows whose value in `column` is the largest or the smallest; several when they tie.
[[nodiscard]] inline std::vector<int> extreme_rows(data::Column const& column,
                                                   std::vector<int> const& rows, bool largest) {
  std::vector<int> best;
  for (int const row : rows) {
    auto const order = best.empty() ? std::strong_ordering::equal
                                    : *column.values[std::size_t(row)] <=>
                                          *column.values[std::size_t(best.front())];
    if (largest ? order > 0 : order < 0) best.clear();
    if (best.empty() || order == 0) best.push_back(row);
  }
  return best;
}

}  // namespace moenda::expert::tab
