// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <algorithm>
#include <array>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "moenda/model/network.hpp"
#include "moenda/table/derivations.hpp"
#include "moenda/table/score_table.hpp"
#include "moenda/table/tab_moe.hpp"

namespace moenda {

/// An answer with what it rests on. The same question gets the same answer on every machine whose
/// model chooses the same selection: nothing is sampled, and the operation computes exactly.
struct TableAnswer {
  expert::tab::Operation operation{};
  expert::tab::Selection selection{};
  expert::tab::Outcome outcome{};  ///< the answer, or why there is none
  double confidence = 0;           ///< the probability of the operation and its selection
  std::string evidence{};          ///< the same as a sentence
};

/// The index of the largest of log_probs[0 .. count), the first where they tie.
template <class Scalar>
[[nodiscard]] int most_probable(Scalar const* log_probs, int count) {
  return int(std::max_element(log_probs, log_probs + count) - log_probs);
}

/// "42", or the cells, or why there is no answer.
[[nodiscard]] inline std::string say(expert::tab::Outcome const& outcome) {
  if (!outcome.answered()) return "no answer: " + outcome.refused;
  if (outcome.number) return outcome.number->str();
  std::string text;
  for (auto const& cell : outcome.texts) text += (text.empty() ? "" : ", ") + cell;
  return text;
}

/// "10 + 32": the texts with `between` between them; of many the first and how many more there are.
[[nodiscard]] inline std::string join_some(std::vector<std::string> const& texts,
                                           std::string const& between, std::size_t most = 12) {
  std::string joined;
  for (std::size_t i = 0; i < texts.size() && i < most; ++i) {
    joined += (i == 0 ? "" : between) + texts[i];
  }
  if (texts.size() > most) {
    joined += between + "... (" + std::to_string(texts.size() - most) + " more)";
  }
  return joined;
}

/// The same with the numbers that were computed with: "10 + 32 = 42", "(10 + 32) / 2 = 21", "3 of
/// 12 rows", "the largest of 7, 12 is 12", "Ann 7, Bob 12". Empty for a lookup and for a refusal.
[[nodiscard]] inline std::string arithmetic_of(data::Table const& table,
                                               TableAnswer const& answer) {
  using expert::tab::Operation;
  auto const& outcome = answer.outcome;
  if (!outcome.answered() || answer.operation == Operation::lookup) return "";
  if (answer.operation == Operation::count) {
    return say(outcome) + " of " + std::to_string(table.rows()) + " rows";
  }
  auto const& column = table.column(answer.selection.column);
  bool const adds = answer.operation == Operation::sum || answer.operation == Operation::average;
  std::vector<std::string> values;
  for (int const row : outcome.rows) {
    auto const r = std::size_t(row);
    values.push_back(adds ? column.values[r]->str() : column.cells[r]);
    if (answer.operation != Operation::comparison) continue;
    values.back() = table.column(answer.selection.condition.column).cells[r] + " " + values.back();
  }
  auto const sum = join_some(values, " + "), list = join_some(values, ", ");
  if (answer.operation == Operation::sum) return sum + " = " + say(outcome);
  if (answer.operation == Operation::average) {
    return "(" + sum + ") / " + std::to_string(values.size()) + " = " + say(outcome);
  }
  if (answer.operation == Operation::comparison) return list;
  auto const best = expert::tab::extreme_rows(column, outcome.rows, answer.selection.largest);
  return std::string(answer.selection.largest ? "the largest" : "the smallest") + " of " + list +
         " is " + column.cells[std::size_t(best.front())];
}

/// "sum of 'Goals' over 7 rows where 'Year' > 1998 = 42".
[[nodiscard]] inline std::string evidence_of(data::Table const& table, TableAnswer const& answer) {
  using expert::tab::Operation;
  auto const& [operation, chosen, outcome, confidence, unused] = answer;
  auto const quoted = [&](int column) { return "'" + table.column(column).name + "'"; };
  std::string text = enum_names(operation)[std::size_t(operation)];
  if (operation == Operation::extremum || operation == Operation::comparison) {
    text = chosen.largest ? "largest" : "smallest";
  }
  text += operation == Operation::count ? " of rows" : " of " + quoted(chosen.column);
  if (operation == Operation::extremum && chosen.shown != chosen.column) {
    text = quoted(chosen.shown) + " of the " + text;
  }
  auto const rows = outcome.rows.size();
  if (outcome.answered() && operation != Operation::count) {
    text += " over " + std::to_string(rows) + (rows == 1 ? " row" : " rows");
  }
  auto const where = data::describe(table, chosen.condition);
  if (!where.empty()) text += " " + where;
  if (outcome.missing > 0)
    text += " (" + std::to_string(outcome.missing) + " more without a value)";
  return text + " = " + say(outcome);
}

namespace detail {

/// The operation's most probable selection. `log_probs`: one row of the score table.
template <class Scalar>
[[nodiscard]] std::pair<data::Derivation, double> best_derivation(
    data::TableQuestion const& question, expert::tab::ScoreTable const& table, int operation,
    data::TableLayout const& layout, Scalar const* log_probs) {
  auto const& columns = table.of[std::size_t(operation)];
  bool const pair = expert::tab::operations[std::size_t(operation)].parts.pair;
  auto const& candidates = pair ? question.candidates.pairs : question.candidates.conditions;
  double sum = 0;
  auto const choose = [&](int first, int count) {
    if (first < 0 || count == 0) return -1;
    int const best = most_probable(log_probs + first, count);
    sum += double(log_probs[first + best]);
    return best;
  };
  int const seen = std::min(question.table->columns(), layout.max_columns);
  int const column = choose(columns.column, seen), shown = choose(columns.shown, seen);
  int const condition = choose(columns.condition, int(candidates.size()));
  return {{operation, column, shown, condition, choose(columns.direction, 2)}, sum};
}

}  // namespace detail

/// What `operation` answers with its most probable selection.
template <class Scalar>
[[nodiscard]] TableAnswer answer_by(data::TableQuestion const& question,
                                    data::TableLayout const& layout, int operation,
                                    Scalar const* log_probs) {
  expert::tab::ScoreTable const table(layout);
  auto const [derivation, log_prob] =
      detail::best_derivation(question, table, operation, layout, log_probs);
  TableAnswer answer{.operation = expert::tab::Operation(operation),
                     .confidence = std::exp(log_prob + double(log_probs[operation]))};
  if (derivation.condition < 0) {
    answer.selection = {derivation.column, derivation.shown, derivation.direction != 0, {}};
    answer.outcome = expert::tab::refuse("the question names no two things to compare");
  } else {
    answer.selection = expert::tab::selection_of(question, derivation);
    answer.outcome = expert::tab::execute(*question.table, answer.operation, answer.selection);
  }
  answer.evidence = evidence_of(*question.table, answer);
  return answer;
}

/// How the experts' answers become one: the router's first choice alone is asked, or all are and
/// the answer of the largest summed probability wins.
enum class AnswerFrom { router, mixture };
constexpr auto enum_names(AnswerFrom) { return std::array{"router", "mixture"}; }

/// The answer of one question from its row of log probabilities (Network::logits).
template <class Scalar>
[[nodiscard]] TableAnswer answer_from_scores(data::TableQuestion const& question,
                                             data::TableLayout const& layout,
                                             Scalar const* log_probs,
                                             AnswerFrom from = AnswerFrom::router) {
  using expert::tab::num_operations;
  if (from == AnswerFrom::router) {
    return answer_by(question, layout, most_probable(log_probs, num_operations), log_probs);
  }
  std::map<std::string, double> weights;
  std::vector<TableAnswer> answers;
  for (int operation = 0; operation < num_operations; ++operation) {
    answers.push_back(answer_by(question, layout, operation, log_probs));
    auto const& outcome = answers.back().outcome;
    if (outcome.answered()) weights[say(outcome)] += answers.back().confidence;
  }
  auto const weight = [&](TableAnswer const& answer) {
    return answer.outcome.answered() ? weights[say(answer.outcome)] : 0;
  };
  return *std::max_element(answers.begin(), answers.end(), [&](auto const& a, auto const& b) {
    return weight(a) != weight(b) ? weight(a) < weight(b) : a.confidence < b.confidence;
  });
}

/// Answers one question. `network`: a Network of TabMoe.
template <class Network>
[[nodiscard]] TableAnswer answer_question(Network& network, data::TableQuestion const& question,
                                          AnswerFrom from = AnswerFrom::router) {
  Batch const batch{question.tokens.data(), 1, int(question.tokens.size())};
  std::vector<typename Network::Scalar> copied;
  auto const scores = network.on_host(network.logits(batch), copied);  // [ScoreTable::width]
  return answer_from_scores(question, network.config.layout, scores.data(), from);
}

}  // namespace moenda
