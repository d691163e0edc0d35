// SPDX-License-Identifier: Apache-2.0
#pragma once
// Which computations give a known answer. There are few enough of them to try each one: operations
// x columns x conditions, exactly executed. So the likelihood of an answer needs no relaxation.
#include <algorithm>
#include <string>
#include <vector>

#include "moenda/data/table_question.hpp"
#include "moenda/expert/tab/operations.hpp"

namespace moenda::expert::tab {

/// The selection that a derivation stands for.
[[nodiscard]] inline Selection selection_of(data::TableQuestion const& question,
                                            data::Derivation const& derivation) {
  bool const pair = operations.at(std::size_t(derivation.operation)).parts.pair;
  auto const& candidates = pair ? question.candidates.pairs : question.candidates.conditions;
  return {derivation.column, derivation.shown, derivation.direction != 0,
          candidates.at(std::size_t(derivation.condition)).condition};
}

/// Whether two texts say the same: equal numbers, or equal words. `rounded`: a computed number may
/// have more digits than the text, which then must be its rounding.
[[nodiscard]] inline bool same_number(data::Decimal const& number, std::string const& text,
                                      bool rounded) {
  auto const value = data::parse_cell(text);
  if (!value || value->type == data::ColumnType::date) return false;
  if (value->number == number) return true;
  if (!rounded || value->number.places >= number.places || value->number.places == 0) return false;
  auto const step = data::power_of_ten(number.places - value->number.places);
  auto const difference =
      data::units_at(value->number, number.places) - data::WideInteger(number.units);
  return (difference < 0 ? -difference : difference) * 2 <= step;
}

/// Whether an outcome is the answer: the same number, or the same texts in any order.
[[nodiscard]] inline bool is_answer(Outcome const& outcome, std::vector<std::string> const& answer,
                                    bool rounded = false) {
  if (!outcome.answered()) return false;
  if (outcome.number) return answer.size() == 1 && same_number(*outcome.number, answer[0], rounded);
  if (outcome.texts.size() != answer.size()) return false;
  auto const canonical = [](std::vector<std::string> const& texts) {
    std::vector<std::string> said;
    for (auto const& text : texts) {
      auto const number = data::parse_decimal(data::trimmed(text));
      said.push_back(number ? number->str() : data::normalised(text));
    }
    std::sort(said.begin(), said.end());
    return said;
  };
  return canonical(outcome.texts) == canonical(answer);
}

/// Every derivation whose result is `question.answer`, sorted by operation.
[[nodiscard]] inline std::vector<data::Derivation> derivations_of(
    data::TableQuestion const& question, data::TableLayout const& layout) {
  auto const& table = *question.table;
  int const columns = std::min(table.columns(), layout.max_columns);
  std::vector<data::Derivation> found;
  for (int operation = 0; operation < num_operations; ++operation) {
    auto const& [parts, execute_operation] = operations[std::size_t(operation)];
    auto const& candidates =
        parts.pair ? question.candidates.pairs : question.candidates.conditions;
    for (int k = 0; k < int(candidates.size()); ++k) {
      auto const rows = data::rows_where(table, candidates[std::size_t(k)].condition);
      data::Derivation tried{operation, -1, -1, k, -1};
      for (int c = 0; c < (parts.column ? columns : 1); ++c) {
        for (int s = 0; s < (parts.shown ? columns : 1); ++s) {
          for (int d = 0; d < (parts.direction ? 2 : 1); ++d) {
            if (parts.column) tried.column = c;
            if (parts.shown) tried.shown = s;
            if (parts.direction) tried.direction = d;
            auto const outcome = execute_operation(table, selection_of(question, tried), rows);
            bool const rounded = operation == int(Operation::average);
            if (is_answer(outcome, question.answer, rounded)) found.push_back(tried);
          }
        }
      }
    }
  }
  return found;
}

}  // namespace moenda::expert::tab
