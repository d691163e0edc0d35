// SPDX-License-Identifier: Apache-2.0
#include <catch2/catch.hpp>
#include <numeric>

#include "moenda/core/random.hpp"
#include "moenda/table/operations/operations.hpp"

using namespace moenda;
using namespace moenda::expert::tab;
using data::Condition;
using data::ConditionKind;
using data::Table;

namespace {

Table players() {
  return {"players",
          {"Player", "Team", "Goals", "Fee"},
          {{"Ann", "Red", "7", "$1.10"},
           {"Bob", "Blue", "12", "$2.20"},
           {"Cid", "Red", "12", "$3.30"},
           {"Dan", "Red", "-", "$0.05"}}};
}
Condition is(Table const& table, int column, char const* text) {
  return {ConditionKind::is, column, table.text_id(text)};
}

}  // namespace

TEST_CASE("every operation computes", "[tab]") {
  auto const table = players();
  auto const red = is(table, 1, "red");
  CHECK(execute(table, Operation::lookup, {.column = 1, .condition = is(table, 0, "bob")}).texts ==
        std::vector<std::string>{"Blue"});
  CHECK(execute(table, Operation::lookup, {.column = 1}).texts ==
        std::vector<std::string>{"Red", "Blue"});
  CHECK(execute(table, Operation::count, {.condition = red}).number->str() == "3");
  auto const sum = execute(table, Operation::sum, {.column = 2, .condition = red});
  CHECK(sum.number->str() == "19");
  CHECK(sum.rows == std::vector<int>{0, 2});
  CHECK(sum.missing == 1);
  CHECK(execute(table, Operation::sum, {.column = 3}).number->str() == "6.65");
  CHECK(execute(table, Operation::average, {.column = 2, .condition = red}).number->str() == "9.5");
  CHECK(execute(table, Operation::extremum, {.column = 2, .shown = 0}).texts ==
        std::vector<std::string>{"Bob", "Cid"});
  CHECK(execute(table, Operation::extremum, {.column = 2, .shown = 2, .largest = false}).texts ==
        std::vector<std::string>{"7"});
  Condition const pair{ConditionKind::either, 0, table.text_id("ann"), table.text_id("bob")};
  CHECK(execute(table, Operation::comparison, {.column = 2, .condition = pair}).texts ==
        std::vector<std::string>{"Bob"});
}

TEST_CASE("what makes no sense is refused", "[tab]") {
  auto const table = players();
  auto const refused = [&](Operation operation, Selection const& chosen) {
    auto const outcome = execute(table, operation, chosen);
    CHECK_FALSE(outcome.number);
    CHECK(outcome.texts.empty());
    return outcome.refused;
  };
  Condition const nobody{ConditionKind::above, 2, -1, -1, {100, 0}};
  CHECK(refused(Operation::sum, {.column = 0}) ==
        "column 'Player' holds text, which cannot be added up");
  CHECK(refused(Operation::average, {.column = 2, .condition = nobody}) == "no row is selected");
  CHECK(refused(Operation::extremum, {.column = 1, .shown = 0}) == "column 'Team' has no order");
  CHECK(refused(Operation::sum, {.column = 2, .condition = is(table, 0, "dan")}) ==
        "column 'Goals' has no value in the selected rows");
  CHECK(refused(Operation::lookup, {.column = 2, .condition = is(table, 0, "dan")}) ==
        "column 'Goals' says nothing in the selected rows");
  Condition const equals{ConditionKind::either, 0, table.text_id("bob"), table.text_id("cid")};
  CHECK(refused(Operation::comparison, {.column = 2, .condition = equals}) ==
        "both have the same value in column 'Goals'");
  Condition const teams{ConditionKind::either, 1, table.text_id("red"), table.text_id("blue")};
  CHECK(refused(Operation::comparison, {.column = 2, .condition = teams}) ==
        "each of the two must have one row, they have 4 together");
  CHECK(refused(Operation::comparison, {.column = 2}) == "there are no two things to compare");
  Table const nameless("nameless", {"Player", "Goals"}, {{"", "9"}, {"Eve", "3"}, {"Eva", "9"}});
  CHECK(execute(nameless, Operation::extremum, {.column = 1, .shown = 0}).texts ==
        std::vector<std::string>{"Eva"});  // who ties and has a name
  CHECK(refused(Operation::extremum, {.column = 3, .shown = 2, .largest = false}) ==
        "column 'Goals' says nothing where the value is found");
  Table const mixed("mixed", {"n"}, {{"1"}, {"2"}, {"3"}, {"4"}, {"about 5"}});
  CHECK(execute(mixed, Operation::sum, {.column = 0}).refused ==
        "'about 5' in column 'n' is no number");
  CHECK(execute(table, Operation::count, {.condition = nobody}).number->str() == "0");
}

TEST_CASE("100,000 rows add up to the last digit", "[tab]") {
  Random const random(7);
  std::vector<std::vector<std::string>> rows;
  std::int64_t hundredths = 0;  // the same sum in whole numbers
  for (std::uint64_t i = 0; i < 100000; ++i) {
    auto const value = std::int64_t(random.bits(i) % 20'000'000'000'001) - 10'000'000'000'000;
    hundredths += value;
    rows.push_back({data::to_decimal(value, 2)->str()});
  }
  Table const table("large", {"amount"}, rows);
  auto const sum = execute(table, Operation::sum, {.column = 0});
  CHECK(*sum.number == *data::to_decimal(hundredths, 2));
  double in_double = 0;
  for (auto const& value : table.column(0).values) in_double += value->to_double();
  CHECK(in_double != sum.number->to_double());  // what adding doubles would have said
  CHECK(execute(table, Operation::count, {}).number->units == 100000);
}
