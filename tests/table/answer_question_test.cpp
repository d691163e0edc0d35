// SPDX-License-Identifier: Apache-2.0
#include "moenda/table/answer_question.hpp"

#include <catch2/catch.hpp>

#include "moenda/cpu/backend.hpp"

using namespace moenda;
using expert::tab::Operation;

namespace {

constexpr data::TableLayout layout{
    .max_words = 20, .max_columns = 6, .max_conditions = 24, .max_pairs = 2};

data::TableQuestion ask(char const* text) {
  auto const table = std::make_shared<data::Table const>(
      "t", std::vector<std::string>{"Player", "Year", "Goals"},
      std::vector<std::vector<std::string>>{{"Ann", "1997", "7"},
                                            {"Bob", "1999", "12"},
                                            {"Cid", "2001", "30"},
                                            {"Dan", "2002", "-"}});
  return data::read_question(text, table, data::TableVocabulary({}), layout);
}
/// A row of log probabilities as a model would give them that is sure of one derivation.
std::vector<float> sure_of(data::Derivation const& derivation) {
  expert::tab::ScoreTable const table(layout);
  std::vector<float> row(std::size_t(table.width), -10);
  row[std::size_t(derivation.operation)] = -0.1f;
  for (int const column : table.columns_of(derivation)) {
    if (column >= 0) row[std::size_t(column)] = -0.1f;
  }
  return row;
}
TableAnswer answer(data::TableQuestion const& question, data::Derivation const& derivation,
                   AnswerFrom from = AnswerFrom::router) {
  return answer_from_scores(question, layout, sure_of(derivation).data(), from);
}
int condition_of(data::TableQuestion const& question, char const* said) {
  auto const& all = question.candidates.conditions;
  for (std::size_t k = 0; k < all.size(); ++k) {
    if (data::describe(*question.table, all[k].condition) == said) return int(k);
  }
  FAIL(said);
  return -1;
}

}  // namespace

TEST_CASE("an answer comes with its evidence", "[answer]") {
  auto const question = ask("total goals where year above 1998");
  int const after = condition_of(question, "where 'Year' > 1998");
  auto const sum = answer(question, {int(Operation::sum), 2, -1, after, -1});
  CHECK(say(sum.outcome) == "42");
  CHECK(sum.evidence ==
        "sum of 'Goals' over 2 rows where 'Year' > 1998 (1 more without a value) = 42");
  CHECK(sum.outcome.rows == std::vector<int>{1, 2});
  CHECK(sum.confidence == Approx(std::exp(-0.3)));
  CHECK(answer(question, {int(Operation::count), -1, -1, after, -1}).evidence ==
        "count of rows where 'Year' > 1998 = 3");
  CHECK(answer(question, {int(Operation::extremum), 2, 0, 0, 1}).evidence ==
        "'Player' of the largest of 'Goals' over 3 rows (1 more without a value) = Cid");
  auto const pair = ask("who has less goals ann or bob");
  CHECK(answer(pair, {int(Operation::comparison), 2, -1, 0, 0}).evidence ==
        "smallest of 'Goals' over 2 rows where 'Player' is 'ann' or 'bob' = Ann");
}

TEST_CASE("the arithmetic is written with its numbers", "[answer]") {
  auto const question = ask("total goals where year above 1998");
  auto const& table = *question.table;
  int const after = condition_of(question, "where 'Year' > 1998");
  auto const of = [&](Operation operation, int shown, int condition, int direction) {
    return arithmetic_of(table, answer(question, {int(operation), 2, shown, condition, direction}));
  };
  CHECK(of(Operation::sum, -1, after, -1) == "12 + 30 = 42");
  CHECK(of(Operation::average, -1, 0, -1) == "(7 + 12 + 30) / 3 = 16.333333333");
  CHECK(of(Operation::extremum, 0, 0, 0) == "the smallest of 7, 12, 30 is 7");
  CHECK(of(Operation::lookup, -1, after, -1).empty());
  CHECK(arithmetic_of(table, answer(question, {int(Operation::count), -1, -1, after, -1})) ==
        "3 of 4 rows");
  auto const pair = ask("who has less goals ann or bob");
  CHECK(arithmetic_of(table, answer(pair, {int(Operation::comparison), 2, -1, 0, 0})) ==
        "Ann 7, Bob 12");
  CHECK(arithmetic_of(table, answer(question, {int(Operation::sum), 0, -1, 0, -1})).empty());
  CHECK(join_some({"1", "2", "3"}, " + ", 3) == "1 + 2 + 3");
  CHECK(join_some({"1", "2", "3", "4"}, " + ", 2) == "1 + 2 + ... (2 more)");
}

TEST_CASE("nonsense is reported, never a number", "[answer]") {
  auto const question = ask("total goals where year above 2050");
  auto const text = answer(question, {int(Operation::sum), 0, -1, 0, -1});
  CHECK_FALSE(text.outcome.answered());
  CHECK(text.evidence ==
        "sum of 'Player' = no answer: column 'Player' holds text, which cannot be added up");
  int const never = condition_of(question, "where 'Year' > 2050");
  CHECK(answer(question, {int(Operation::sum), 2, -1, never, -1}).evidence ==
        "sum of 'Goals' where 'Year' > 2050 = no answer: no row is selected");
  CHECK(answer(question, {int(Operation::comparison), 2, -1, 0, 0}).evidence ==
        "smallest of 'Goals' = no answer: the question names no two things to compare");
}

TEST_CASE("a mixture asks everybody and the heaviest answer wins", "[answer]") {
  auto const question = ask("goals of cid");
  expert::tab::ScoreTable const table(layout);
  int const cid = condition_of(question, "where 'Player' is 'cid'");
  auto row = sure_of({int(Operation::count), -1, -1, cid, -1});
  row[0] = row[2] = row[3] = -1;  // lookup, sum and average of Cid's goals agree on 30
  row[1] = -0.7f;
  for (auto const operation : {Operation::lookup, Operation::sum, Operation::average}) {
    for (int const column : table.columns_of({int(operation), 2, -1, cid, -1})) {
      if (column >= 0) row[std::size_t(column)] = 0;
    }
  }
  CHECK(say(answer_from_scores(question, layout, row.data()).outcome) == "1");
  CHECK(say(answer_from_scores(question, layout, row.data(), AnswerFrom::mixture).outcome) == "30");
}
