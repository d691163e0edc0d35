// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <array>

#include "moenda/core/derivation_table.hpp"
#include "moenda/data/table_question.hpp"
#include "moenda/expert/tab/operations.hpp"

namespace moenda::expert::tab {

/// Where the log probabilities of a question stand, side by side in one row: first those of the
/// operations, then for every operation those of the parts that it must choose. An operation
/// without a part has -1.
struct ScoreTable {
  struct Columns {
    int column = -1, shown = -1, condition = -1, direction = -1;
  };
  std::array<Columns, num_operations> of{};
  int width = num_operations;

  constexpr explicit ScoreTable(data::TableLayout const& layout) {
    auto const take = [this](bool needed, int count) {
      int const first = needed ? width : -1;
      width += needed ? count : 0;
      return first;
    };
    for (std::size_t e = 0; e < operations.size(); ++e) {
      auto const parts = operations[e].parts;
      of[e].column = take(parts.column, layout.max_columns);
      of[e].shown = take(parts.shown, layout.max_columns);
      of[e].condition = take(true, parts.pair ? layout.max_pairs : layout.max_conditions);
      of[e].direction = take(parts.direction, 2);
    }
  }
  /// The columns of the probabilities whose product is that of a derivation, -1: no such part, or
  /// nothing is known of it.
  [[nodiscard]] constexpr std::array<int, DerivationTable::parts> columns_of(
      data::Derivation const& d) const {
    auto const& its = of[std::size_t(d.operation)];
    auto const at = [](int first, int chosen) {
      return first < 0 || chosen < 0 ? -1 : first + chosen;
    };
    return {at(its.column, d.column), at(its.shown, d.shown), at(its.condition, d.condition),
            at(its.direction, d.direction)};
  }
};

}  // namespace moenda::expert::tab
