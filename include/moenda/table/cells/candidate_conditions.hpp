// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <algorithm>
#include <vector>

#include "moenda/core/fields.hpp"
#include "moenda/table/cells/condition.hpp"
#include "moenda/table/cells/mentions.hpp"

namespace moenda::data {

/// How much of a question and its table a model looks at; what lies beyond is not seen.
struct TableLayout {
  static constexpr int window = 9;  ///< tokens that describe one word, column or condition

  int max_words = 24, max_columns = 10, max_conditions = 40, max_pairs = 4;
  MOENDA_FIELDS(TableLayout, max_words, max_columns, max_conditions, max_pairs);

  [[nodiscard]] constexpr int windows() const {
    return max_words + max_columns + max_conditions + max_pairs;
  }
  [[nodiscard]] constexpr int tokens() const { return windows() * window; }
  // Windows lie in this order: words, columns, conditions, pairs.
  [[nodiscard]] constexpr int first_column() const { return max_words; }
  [[nodiscard]] constexpr int first_condition() const { return max_words + max_columns; }
  [[nodiscard]] constexpr int first_pair() const { return first_condition() + max_conditions; }
};

/// A condition that the question may mean, and the words that speak for it.
struct Candidate {
  Condition condition{};
  Mention place{};
};
struct Candidates {
  std::vector<Candidate> conditions{};  ///< the first one is all rows
  std::vector<Candidate> pairs{};       ///< two things to compare
};

/// Every condition that can be made of the question's words: cells that it quotes, and its numbers
/// with =, >, <, >= and <= on columns of numbers and dates; those it names come first.
[[nodiscard]] inline Candidates candidate_conditions(Table const& table, Mentions const& mentions,
                                                     TableLayout const& layout) {
  Candidates found;
  auto const add = [](std::vector<Candidate>& list, int most, Candidate candidate) {
    if (int(list.size()) < most) list.push_back(candidate);
  };
  int const columns = std::min(table.columns(), layout.max_columns);
  add(found.conditions, layout.max_conditions, {});
  for (auto const& cell : mentions.cells) {
    if (cell.column >= columns) continue;
    add(found.conditions, layout.max_conditions,
        {{ConditionKind::is, cell.column, cell.text}, cell.place});
    for (auto const& other : mentions.cells) {
      if (other.column != cell.column || other.place.first <= cell.place.first) continue;
      if (other.text == cell.text || other.place.distance(cell.place) == 0) continue;
      add(found.pairs, layout.max_pairs,
          {{ConditionKind::either, cell.column, cell.text, other.text}, cell.place});
    }
  }
  for (Match const match : {Match::whole, Match::part, Match::none}) {
    for (int c = 0; c < columns; ++c) {
      if (mentions.columns[std::size_t(c)].match != match) continue;
      if (!has_order(table.column(c).type)) continue;
      for (auto const& [number, place] : mentions.numbers) {
        for (auto kind = ConditionKind::equal; kind <= ConditionKind::at_most;
             kind = ConditionKind(int(kind) + 1)) {
          add(found.conditions, layout.max_conditions, {{kind, c, -1, -1, number}, place});
        }
      }
    }
  }
  return found;
}

}  // namespace moenda::data
