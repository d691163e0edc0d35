// SPDX-License-Identifier: Apache-2.0
#pragma once
// Answered questions as results.json keeps them, for the report.
#include <map>
#include <nlohmann/json.hpp>
#include <string>
#include <utility>
#include <vector>

#include "moenda/table/answer_question.hpp"
#include "runner/tasks/table/data.hpp"

namespace moenda::runner {

/// The columns that an answer rests on: the one that is computed with, then the one it is read
/// from.
inline std::string columns_of(data::Table const& table, TableAnswer const& answer) {
  auto const& chosen = answer.selection;
  std::string names = chosen.column < 0 ? "" : table.column(chosen.column).name;
  bool const comparison = answer.operation == expert::tab::Operation::comparison;
  int const shown = comparison ? chosen.condition.column : chosen.shown;
  if (shown >= 0 && shown != chosen.column) names += ", " + table.column(shown).name;
  return names;
}

/// "1, 4, 9": rows counted from 1.
inline std::string numbers_of(std::vector<int> const& rows) {
  std::vector<std::string> numbers;
  for (int const row : rows) numbers.push_back(std::to_string(row + 1));
  return join_some(numbers, ", ");
}

inline nlohmann::ordered_json shown_question(std::string const& set,
                                             data::TableQuestion const& question,
                                             TableAnswer const& answer, bool right) {
  constexpr auto names = enum_names(expert::tab::Operation{});
  auto const& table = *question.table;
  auto const condition = data::describe(table, answer.selection.condition);
  return {
      {"set", set},
      {"question", question.text},
      {"operation", names[std::size_t(answer.operation)]},
      {"wanted", question.operation < 0 ? "" : names[std::size_t(question.operation)]},
      {"columns", columns_of(table, answer)},
      {"condition", condition.empty() ? "all rows" : condition},
      {"rows", numbers_of(answer.outcome.rows)},
      {"evidence", answer.evidence},
      {"arithmetic", arithmetic_of(table, answer)},
      {"answer", say(answer.outcome)},
      {"right", right},
      {"expected", join_some(question.answer, ", ")},
  };
}

/// Of every expert the first question that it answers rightly and the first that it does not.
template <class Network>
nlohmann::ordered_json shown_questions(Network& network, std::vector<QuestionSet> const& sets,
                                       AnswerFrom from) {
  std::map<std::pair<int, bool>, nlohmann::ordered_json> found;  // by expert, right ones first
  for (auto const& set : sets) {
    for (auto const& question : set.questions) {
      if (found.size() == 2 * std::size_t(expert::tab::num_operations)) break;
      if (question.table->rows() == 0) continue;  // only its operation is known
      auto const answer = answer_question(network, question, from);
      bool const right = expert::tab::Gold(question.answer).is(answer.outcome);
      auto const [place, added] = found.try_emplace({int(answer.operation), !right});
      if (added) place->second = shown_question(set.name, question, answer, right);
    }
  }
  auto shown = nlohmann::ordered_json::array();
  for (auto& [place, question] : found) shown.push_back(std::move(question));
  return shown;
}

}  // namespace moenda::runner
