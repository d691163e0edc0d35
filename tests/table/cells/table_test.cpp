// SPDX-License-Identifier: Apache-2.0
#include "moenda/table/cells/table.hpp"

#include <catch2/catch.hpp>

#include "moenda/table/cells/condition.hpp"
#include "moenda/table/cells/reader.hpp"

using namespace moenda;
using namespace moenda::data;

TEST_CASE("decimals are read exactly or not at all", "[table]") {
  auto const shown = [](char const* text) {
    auto const x = parse_decimal(text);
    return x ? x->str() : "none";
  };
  CHECK(shown("1234.50") == "1234.5");
  CHECK(shown("1,234,567.05") == "1234567.05");
  CHECK(shown("-.5") == "-0.5");
  CHECK(shown("\xE2\x88\x92"
              "7") == "-7");
  CHECK(shown("0") == "0");
  CHECK(shown("999999999999999999") == "999999999999999999");
  for (char const* bad : {"",
                          "-",
                          ".",
                          "5.",
                          "3,5",
                          "12,34",
                          "1234,567",
                          "1,23",
                          "1,234,56",
                          ",123",
                          "1.2.3",
                          "1e5",
                          "0x10",
                          "nan",
                          "inf",
                          "1 000",
                          "9999999999999999999",
                          "0.0000000001",
                          "12a",
                          "--5",
                          "1.5,000"}) {
    CAPTURE(bad);
    CHECK(shown(bad) == "none");
  }
  CHECK(*parse_decimal("0.1") < *parse_decimal("0.11"));
  CHECK(*parse_decimal("-2") < *parse_decimal("-1.999999999"));
  CHECK(*parse_decimal("1.50") == *parse_decimal("1.5"));
  CHECK(parse_decimal("0.1")->to_double() == 0.1);
}

TEST_CASE("sums of decimals do not round", "[table]") {
  ExactSum sum;
  for (int i = 0; i < 10; ++i) sum.add(*parse_decimal("0.1"));
  CHECK(sum.sum()->str() == "1");
  CHECK(sum.mean()->str() == "0.1");
  ExactSum thirds;
  for (char const* x : {"1", "0", "0"}) thirds.add(*parse_decimal(x));
  CHECK(thirds.mean()->str() == "0.333333333");
  ExactSum large;
  for (int i = 0; i < 20; ++i) large.add(*parse_decimal("999999999999999999"));
  CHECK_FALSE(large.sum());  // does not fit: said, never wrapped
  CHECK(large.mean()->str() == "999999999999999999");
}

TEST_CASE("columns have types", "[table]") {
  auto const table = parse_csv_table(
      "name,goals,share,price,born,mixed\n"
      "Ann,\"1,200\",12%,$5.50,17 May 1990,3\n"
      "Bob,-,7.5 %,$ 12,\"May 3, 1985\",x\n"
      "Cid,30,n/a,,2001-02-28,4\n",
      "t.csv");
  REQUIRE(table.columns() == 6);
  REQUIRE(table.rows() == 3);
  CHECK(table.column(0).type == ColumnType::text);
  CHECK(table.column(1).type == ColumnType::number);
  CHECK(table.column(2).type == ColumnType::percentage);
  CHECK(table.column(3).type == ColumnType::currency);
  CHECK(table.column(4).type == ColumnType::date);
  CHECK(table.column(5).type == ColumnType::text);  // two of three are not four of five
  CHECK(table.column(1).values[0]->str() == "1200");
  CHECK(table.column(1).missing[1]);
  CHECK_FALSE(table.column(1).values[1]);
  CHECK(table.column(4).values[1]->units == 19850503);
  CHECK(table.text_id("ann") == table.column(0).text_ids[0]);
  CHECK(table.text_id("zed") == -1);
  CHECK_THROWS_AS(table.column(6), ConfigError);
}

TEST_CASE("CSV is read as it is meant", "[table]") {
  auto const table =
      parse_csv_table("\xEF\xBB\xBF\"a \"\"b\"\"\",c\r\n\"x, y\",\"two\nlines\"\r\n\r\n,", "t.csv");
  CHECK(table.column(0).name == "a \"b\"");
  CHECK(table.column(0).cells == std::vector<std::string>{"x, y", ""});
  CHECK(table.column(1).cells == std::vector<std::string>{"two\nlines", ""});
  CHECK(parse_csv_table("only,a,header\n", "t.csv").rows() == 0);
}

TEST_CASE("what is no table is refused with its place", "[table]") {
  auto const message = [](char const* text) -> std::string {
    try {
      (void)parse_csv_table(text, "t.csv");
    } catch (DataError const& error) {
      return error.what();
    }
    return "accepted";
  };
  CHECK(message("") == "t.csv: must begin with a line of column names");
  CHECK(message("a,b\n1,2\n3\n") ==
        "t.csv:3, column 2: every row must have 2 cells like the header, got 1");
  CHECK(message("a,b\n\n1,2,3\n") ==
        "t.csv:3, column 3: every row must have 2 cells like the header, got 3");
  CHECK(message("a\n\"open\nstill\n") == "t.csv:2, column 1: the quoted field must end in a quote");
  CHECK(parse_csv_table("a\n5\" pipe\n", "t.csv").column(0).cells.at(0) ==
        "5\" pipe");  // no quotes around it
  CHECK(message("a\n\"x\"y\n") ==
        "t.csv:2, column 1: after a quoted field there must be a delimiter or the end of the line, "
        "got 'y'");
  CHECK(message("a\n\xff\n") == "t.csv:2: must be UTF-8");
}

TEST_CASE("conditions pick rows", "[table]") {
  auto const table = parse_csv_table("who,n\nA,1\nB,2.5\nC,-\nA,4\n", "t.csv");
  auto const rows = [&](Condition const& c) { return rows_where(table, c); };
  using Rows = std::vector<int>;
  int const a = table.text_id("a"), b = table.text_id("b");
  CHECK(rows({}) == Rows{0, 1, 2, 3});
  CHECK(rows({ConditionKind::is, 0, a}) == Rows{0, 3});
  CHECK(rows({ConditionKind::either, 0, b, a}) == Rows{0, 1, 3});
  Decimal const two_and_a_half{25, 1};
  CHECK(rows({ConditionKind::equal, 1, -1, -1, two_and_a_half}) == Rows{1});
  CHECK(rows({ConditionKind::above, 1, -1, -1, two_and_a_half}) == Rows{3});
  CHECK(rows({ConditionKind::below, 1, -1, -1, two_and_a_half}) == Rows{0});
  CHECK(rows({ConditionKind::at_least, 1, -1, -1, two_and_a_half}) == Rows{1, 3});
  CHECK(rows({ConditionKind::at_most, 1, -1, -1, two_and_a_half}) == Rows{0, 1});
  CHECK(describe(table, {ConditionKind::above, 1, -1, -1, two_and_a_half}) == "where 'n' > 2.5");
  CHECK(describe(table, {ConditionKind::is, 0, a}) == "where 'who' is 'a'");
}
