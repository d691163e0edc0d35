// SPDX-License-Identifier: Apache-2.0
#include "moenda/table/derivations.hpp"

#include <catch2/catch.hpp>

#include "moenda/table/score_table.hpp"
#include "moenda/table/supervision.hpp"

using namespace moenda;
using namespace moenda::expert::tab;
using data::ConditionKind;

namespace {

constexpr data::TableLayout layout{
    .max_words = 20, .max_columns = 6, .max_conditions = 24, .max_pairs = 2};

std::shared_ptr<data::Table const> players() {
  return std::make_shared<data::Table const>(
      "players", std::vector<std::string>{"Player", "Home team", "Goals", "Home goals"},
      std::vector<std::vector<std::string>>{{"Ann Low", "Red", "7", "4"},
                                            {"Bob High", "Blue", "12", "5"},
                                            {"Cid", "Red", "14", "6"}});
}
data::TableQuestion ask(char const* text, std::vector<std::string> answer = {}) {
  auto question = data::read_question(text, players(), data::TableVocabulary({}), layout);
  question.answer = std::move(answer);
  return question;
}

}  // namespace

TEST_CASE("candidates are what a question can mean", "[tab]") {
  auto const question = ask("How many home goals did Ann Low or bob high score above 4,5?");
  auto const& [conditions, pairs] = question.candidates;
  CHECK(conditions.at(0).condition.kind == ConditionKind::all);
  REQUIRE(pairs.size() == 1);
  CHECK(data::describe(*question.table, pairs[0].condition) ==
        "where 'Player' is 'ann low' or 'bob high'");
  std::vector<std::string> said;
  for (auto const& candidate : conditions) {
    said.push_back(data::describe(*question.table, candidate.condition));
  }
  // "4,5" is no number; the other column's name is hidden inside of "home goals".
  CHECK(said == std::vector<std::string>{"", "where 'Player' is 'ann low'",
                                         "where 'Player' is 'bob high'"});
  auto const numbers = ask("goals over 5").candidates.conditions;
  REQUIRE(numbers.size() == 11);  // all, and five for each column of numbers
  CHECK(data::describe(*players(), numbers[2].condition) == "where 'Goals' > 5");  // named first
  CHECK(data::describe(*players(), numbers[6].condition) == "where 'Home goals' = 5");
}

TEST_CASE("every derivation of an answer is found, and no other", "[tab]") {
  auto const question = ask("total goals of team red", {"21"});
  auto const derivations = derivations_of(question, layout);
  REQUIRE(derivations.size() == 1);
  CHECK(derivations[0].operation == int(Operation::sum));
  CHECK(derivations[0].column == 2);
  for (auto const& text : {"12", "14", "2", "Cid", "Red"}) {
    auto const other = ask("who has more goals than 7 in red", {text});
    auto const found = derivations_of(other, layout);
    REQUIRE_FALSE(found.empty());
    for (auto const& derivation : found) {
      auto const outcome =
          execute(*other.table, Operation(derivation.operation), selection_of(other, derivation));
      CHECK(Gold(other.answer).is(outcome));
    }
  }
  CHECK(derivations_of(ask("total goals", {"nobody"}), layout).empty());
}

TEST_CASE("one row is a lookup, whatever the question calls it", "[tab]") {
  for (auto const& derivation : derivations_of(ask("total goals of Cid", {"14"}), layout)) {
    bool const lookup = derivation.operation == int(Operation::lookup);
    // Of all rows, Cid's goals are the most: that does say more than a lookup.
    CHECK((lookup ||
           (derivation.operation == int(Operation::extremum) && derivation.condition == 0)));
  }
}

TEST_CASE("answers are compared by what they say", "[tab]") {
  auto const said = [](char const* number) {
    Outcome outcome;
    outcome.number = *data::parse_decimal(number);
    return outcome;
  };
  CHECK(Gold({"1,200"}).is(said("1200")));
  CHECK(Gold({"12%"}).is(said("12")));
  CHECK_FALSE(Gold({"3.33"}).is(said("3.333333333")));
  CHECK(Gold({"3.33"}).is(said("3.333333333"), true));
  CHECK_FALSE(Gold({"3.34"}).is(said("3.333333333"), true));
  CHECK_FALSE(Gold({"3"}).is(said("3.333333333"), true));
  Outcome two;
  two.texts = {"Bob  High", "ann low"};
  CHECK(Gold({"Ann Low", "bob high"}).is(two));
  CHECK_FALSE(Gold({"Ann Low"}).is(two));
  CHECK_FALSE(Gold({"Ann Low", "bob high"}).is(refuse("no")));
}

TEST_CASE("generated questions mean what they say", "[tab]") {
  for (bool const unseen : {false, true}) {
    auto const all =
        data::TableGenerator({.questions = 300, .unseen = unseen, .seed = 5}).questions();
    auto const vocabulary = fit_vocabulary(all);
    std::array<int, num_operations> operations_seen{};
    for (auto const& generated : all) {
      CAPTURE(generated.text);
      auto const question = supervised(generated, vocabulary, layout, true);
      REQUIRE(question.derivations.size() == 1);  // its condition is among the candidates
      REQUIRE_FALSE(question.answer.empty());
      auto const possible = derivations_of(question, layout);
      CHECK(std::find(possible.begin(), possible.end(), question.derivations[0]) != possible.end());
      CHECK(std::none_of(question.tokens.begin(), question.tokens.end(),
                         [&](int id) { return id < 0 || id >= vocabulary.size(); }));
      ++operations_seen[std::size_t(question.operation)];
    }
    for (int const count : operations_seen) CHECK(count > 20);
  }
  auto const once = data::TableGenerator({.questions = 20}).questions();
  auto const more = data::TableGenerator({.questions = 40}).questions();
  CHECK(once[19].text == more[19].text);
}

TEST_CASE("what lies beyond the layout is not learned", "[tab]") {
  auto narrow = layout;
  narrow.max_columns = 3;
  auto const all = data::TableGenerator({.questions = 60}).questions();
  auto const vocabulary = fit_vocabulary(all);
  ScoreTable const scores(narrow);
  int beyond = 0, seen = 0;
  for (auto const& generated : all) {
    for (bool const full : {true, false}) {
      auto const question = supervised(generated, vocabulary, narrow, full);
      seen += int(question.derivations.size());
      for (auto const& derivation : question.derivations) {
        CHECK(std::max(derivation.column, derivation.shown) < narrow.max_columns);
        CHECK_NOTHROW(scores.columns_of(derivation));
      }
    }
    beyond += generated.meaning.column >= narrow.max_columns;
  }
  CHECK(beyond > 0);
  CHECK(seen > 0);
  CHECK_THROWS_AS(scores.columns_of({int(Operation::sum), 3, -1, 0, -1}), ConfigError);
  CHECK_THROWS_AS(scores.columns_of({-1, 0, -1, 0, -1}), ConfigError);
}

TEST_CASE("names that were never seen look like names that were", "[tab]") {
  auto const known = data::words_of("total goals of team red");
  data::TableVocabulary const vocabulary({known, known});
  auto const table = [](char const* number, char const* group) {
    return std::make_shared<data::Table const>(
        "t", std::vector<std::string>{group, number},
        std::vector<std::vector<std::string>>{{"Red", "7"}, {"Blue", "5"}});
  };
  auto const seen =
      data::read_question("total Goals of Team red", table("Goals", "Team"), vocabulary, layout);
  auto const unseen = data::read_question("total Hectares of District red",
                                          table("Hectares", "District"), vocabulary, layout);
  for (int w = 0; w < layout.windows(); ++w) {
    bool const column = w >= layout.first_column() && w < layout.first_condition();
    for (int i = 0; i < data::TableLayout::window; ++i) {
      if (column && (i == 5 || i == 6)) continue;  // the words of the name itself
      auto const at = std::size_t(w * data::TableLayout::window + i);
      CAPTURE(w, i);
      CHECK(seen.tokens[at] == unseen.tokens[at]);
    }
  }
}
