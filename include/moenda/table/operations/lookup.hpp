// SPDX-License-Identifier: Apache-2.0
#pragma once
#include "moenda/table/operations/selection.hpp"

namespace moenda::expert::tab {

/// What the chosen column says in the chosen rows.
struct Lookup {
  static constexpr char const* name = "lookup";
  static constexpr Parts parts{.column = true};

  [[nodiscard]] static Outcome execute(data::Table const& table, Selection const& chosen,
                                       std::vector<int> const& rows) {
    auto const& column = table.column(chosen.column);
    Outcome outcome;
    for (int const row : rows) {
      if (column.missing[std::size_t(row)]) {
        ++outcome.missing;
      } else {
        outcome.rows.push_back(row);
      }
    }
    if (outcome.rows.empty()) {
      return refuse(rows.empty() ? "no row is selected"
                                 : name_of(column) + " says nothing in the selected rows");
    }
    outcome.texts = texts_of(column, outcome.rows);
    return outcome;
  }
};

}  // namespace moenda::expert::tab
