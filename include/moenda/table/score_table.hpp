// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <array>

#include "moenda/kernels/shapes.hpp"
#include "moenda/table/operations/operations.hpp"
#include "moenda/table/question.hpp"

namespace moenda::expert::tab {

/// Where the log probabilities of a question stand, side by side in one row: first those of the
/// operations, then for every operation those of the parts that it must choose. An operation
/// without a part has -1.
struct ScoreTable {
  struct Columns {
    int column = -1, shown = -1, condition = -1, direction = -1;
  };
  data::TableLayout layout;
  std::array<Columns, num_operations> of{};
  int width = num_operations;

  constexpr explicit ScoreTable(data::TableLayout const& of_layout) : layout(of_layout) {
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
  /// nothing is known of it. Throws ConfigError for a derivation beyond the layout.
  [[nodiscard]] std::array<int, DerivationTable::parts> columns_of(
      data::Derivation const& d) const {
    require(d.operation >= 0 && d.operation < num_operations,
            "ScoreTable: an operation must lie in 0..operations-1", d.operation, num_operations);
    auto const& its = of[std::size_t(d.operation)];
    auto const at = [](int first, int chosen, int count) {
      require(chosen < count, "ScoreTable: a derivation must lie within the layout (part vs parts)",
              chosen, count);
      return first < 0 || chosen < 0 ? -1 : first + chosen;
    };
    bool const pair = operations[std::size_t(d.operation)].parts.pair;
    return {at(its.column, d.column, layout.max_columns),
            at(its.shown, d.shown, layout.max_columns),
            at(its.condition, d.condition, pair ? layout.max_pairs : layout.max_conditions),
            at(its.direction, d.direction, 2)};
  }
};

}  // namespace moenda::expert::tab
