// SPDX-License-Identifier: Apache-2.0
#pragma once
// Which computations give a known answer. There are few enough of them to try each one: operations
// x columns x conditions, exactly executed. So the likelihood of an answer needs no relaxation.
#include <algorithm>
#include <string>
#include <vector>

#include "moenda/table/operations/operations.hpp"
#include "moenda/table/question.hpp"

namespace moenda::expert::tab {

/// The selection that a derivation stands for.
[[nodiscard]] inline Selection selection_of(data::TableQuestion const& question,
                                            data::Derivation const& derivation) {
  bool const pair = operations.at(std::size_t(derivation.operation)).parts.pair;
  auto const& candidates = pair ? question.candidates.pairs : question.candidates.conditions;
  return {derivation.column, derivation.shown, derivation.direction != 0,
          candidates.at(std::size_t(derivation.condition)).condition};
}

/// Whether a number and a text say the same. `rounded`: the number may have more digits than the
/// text, which then must be its rounding.
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

/// A known answer, ready to be compared with many outcomes.
class Gold {
 public:
  explicit Gold(std::vector<std::string> const& answer)
      : answer_(answer), canonical_(canonical(answer)) {}

  /// Whether an outcome is the answer: the same number, or the same texts in any order.
  [[nodiscard]] bool is(Outcome const& outcome, bool rounded = false) const {
    if (!outcome.answered()) return false;
    if (outcome.number) {
      return answer_.size() == 1 && same_number(*outcome.number, answer_[0], rounded);
    }
    return outcome.texts.size() == answer_.size() && canonical(outcome.texts) == canonical_;
  }

 private:
  [[nodiscard]] static std::vector<std::string> canonical(std::vector<std::string> const& texts) {
    std::vector<std::string> said;
    for (auto const& text : texts) {
      auto const number = data::parse_decimal(data::trimmed(text));
      said.push_back(number ? number->str() : data::normalised(text));
    }
    std::sort(said.begin(), said.end());
    return said;
  }
  std::vector<std::string> answer_, canonical_;
};

/// Calls use(derivation) for every choice of columns and direction that the operation can make with
/// one condition.
template <class Use>
void for_each_choice(data::Derivation derivation, int columns, Use&& use) {
  auto const& parts = operations.at(std::size_t(derivation.operation)).parts;
  for (int c = 0; c < (parts.column ? columns : 1); ++c) {
    for (int s = 0; s < (parts.shown ? columns : 1); ++s) {
      for (int d = 0; d < (parts.direction ? 2 : 1); ++d) {
        if (parts.column) derivation.column = c;
        if (parts.shown) derivation.shown = s;
        if (parts.direction) derivation.direction = d;
        use(derivation);
      }
    }
  }
}

/// Every derivation whose result is `question.answer`, sorted by operation, of those that say more
/// than a lookup (Parts::fewest_rows).
[[nodiscard]] inline std::vector<data::Derivation> derivations_of(
    data::TableQuestion const& question, data::TableLayout const& layout) {
  Gold const gold(question.answer);
  auto const& table = *question.table;
  int const columns = std::min(table.columns(), layout.max_columns);
  std::vector<data::Derivation> found;
  for (int operation = 0; operation < num_operations; ++operation) {
    auto const& parts = operations[std::size_t(operation)].parts;
    auto const execute_operation = operations[std::size_t(operation)].execute;
    int const fewest = parts.fewest_rows;
    auto const& candidates =
        parts.pair ? question.candidates.pairs : question.candidates.conditions;
    for (int k = 0; k < int(candidates.size()); ++k) {
      auto const rows = data::rows_where(table, candidates[std::size_t(k)].condition);
      for_each_choice({operation, -1, -1, k, -1}, columns, [&](data::Derivation const& tried) {
        auto const outcome = execute_operation(table, selection_of(question, tried), rows);
        bool const rounded = operation == int(Operation::average);
        bool const enough = int(outcome.rows.size()) >= fewest;
        if (enough && gold.is(outcome, rounded)) found.push_back(tried);
      });
    }
  }
  return found;
}

}  // namespace moenda::expert::tab
