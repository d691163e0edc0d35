// SPDX-License-Identifier: Apache-2.0
#pragma once
#include "moenda/table/operations/selection.hpp"

namespace moenda::expert::tab {

/// Of the chosen rows those with the largest (or smallest) value in one column, and what another
/// column says there, or the value itself when both are the same. Rows that tie all answer.
struct Extremum {
  static constexpr char const* name = "extremum";
  static constexpr Parts parts{.column = true, .shown = true, .direction = true, .fewest_rows = 2};

  [[nodiscard]] static Outcome execute(data::Table const& table, Selection const& chosen,
                                       std::vector<int> const& rows) {
    auto const& column = table.column(chosen.column);
    if (!data::has_order(column.type)) return refuse(name_of(column) + " has no order");
    auto outcome = rows_with_values(column, rows);
    if (!outcome.answered()) return outcome;
    auto best = extreme_rows(column, outcome.rows, chosen.largest);
    auto const& shown = table.column(chosen.shown);
    std::erase_if(best, [&](int row) { return shown.missing[std::size_t(row)]; });
    if (best.empty()) return refuse(name_of(shown) + " says nothing where the value is found");
    outcome.texts = texts_of(shown, best);
    return outcome;
  }
};

}  // namespace moenda::expert::tab
