// SPDX-License-Identifier: Apache-2.0
#pragma once
#include "moenda/table/operations/selection.hpp"

namespace moenda::expert::tab {

/// The values of `rows` in a column that can be added up, in `outcome.rows`; and their exact sum.
[[nodiscard]] inline std::pair<Outcome, data::ExactSum> add_up(data::Column const& column,
                                                               std::vector<int> const& rows) {
  data::ExactSum sum;
  if (!data::can_be_added(column.type)) {
    return {refuse(name_of(column) + " holds " + enum_names(column.type)[std::size_t(column.type)] +
                   ", which cannot be added up"),
            sum};
  }
  auto outcome = rows_with_values(column, rows);
  for (int const row : outcome.rows) sum.add(*column.values[std::size_t(row)]);
  return {std::move(outcome), sum};
}

/// The sum of the chosen column over the chosen rows: exact, in whole numbers of the smallest power
/// of ten, however many rows there are.
struct Sum {
  static constexpr char const* name = "sum";
  static constexpr Parts parts{.column = true, .fewest_rows = 2};

  [[nodiscard]] static Outcome execute(data::Table const& table, Selection const& chosen,
                                       std::vector<int> const& rows) {
    auto [outcome, sum] = add_up(table.column(chosen.column), rows);
    if (!outcome.answered()) return outcome;
    outcome.number = sum.sum();
    return outcome.number ? outcome : refuse("the sum has more than 18 digits");
  }
};

}  // namespace moenda::expert::tab
