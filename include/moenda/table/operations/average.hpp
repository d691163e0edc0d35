// SPDX-License-Identifier: Apache-2.0
#pragma once
#include "moenda/table/operations/sum.hpp"

namespace moenda::expert::tab {

/// The mean of the chosen column over the chosen rows that have a value: the exact sum, divided and
/// rounded once, to nine places.
struct Average {
  static constexpr char const* name = "average";
  static constexpr Parts parts{.column = true, .fewest_rows = 2};

  [[nodiscard]] static Outcome execute(data::Table const& table, Selection const& chosen,
                                       std::vector<int> const& rows) {
    auto [outcome, sum] = add_up(table.column(chosen.column), rows);
    if (!outcome.answered()) return outcome;
    outcome.number = sum.mean();
    return outcome.number ? outcome : refuse("the mean has more than 18 digits");
  }
};

}  // namespace moenda::expert::tab
