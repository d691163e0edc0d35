// SPDX-License-Identifier: Apache-2.0
#pragma once
#include "moenda/table/operations/selection.hpp"

namespace moenda::expert::tab {

/// Which of two things that the question names has more (or less) of the chosen column. Each must
/// have one row, and the values must differ: otherwise there is nothing to say.
struct Comparison {
  static constexpr char const* name = "comparison";
  static constexpr Parts parts{.column = true, .direction = true, .pair = true};

  [[nodiscard]] static Outcome execute(data::Table const& table, Selection const& chosen,
                                       std::vector<int> const& rows) {
    auto const& column = table.column(chosen.column);
    if (chosen.condition.kind != data::ConditionKind::either) {
      return refuse("there are no two things to compare");
    }
    if (!data::has_order(column.type)) return refuse(name_of(column) + " has no order");
    auto const& names = table.column(chosen.condition.column);
    if (rows.size() != 2 ||
        names.text_ids[std::size_t(rows[0])] == names.text_ids[std::size_t(rows[1])]) {
      return refuse("each of the two must have one row, they have " + std::to_string(rows.size()) +
                    " together");
    }
    auto outcome = rows_with_values(column, rows);
    if (!outcome.answered()) return outcome;
    if (outcome.missing > 0) return refuse("one of the two has no value in " + name_of(column));
    auto const best = extreme_rows(column, outcome.rows, chosen.largest);
    if (best.size() != 1) return refuse("both have the same value in " + name_of(column));
    outcome.texts = texts_of(names, best);
    return outcome;
  }
};

}  // namespace moenda::expert::tab
