// SPDX-License-Identifier: Apache-2.0
#include "moenda/report/terminal/table.hpp"

#include <catch2/catch.hpp>

using namespace moenda;

TEST_CASE("Width counts letters, not bytes", "[io][table]") {
  CHECK(io::display_width("") == 0);
  CHECK(io::display_width("validação") == 9);
  CHECK(io::display_width("validac\u0327a\u0303o") == 9);  // combining marks take no column
  CHECK(io::display_width("漢字") == 4);
  CHECK(io::display_width("\xff\xfe") == 2);  // one replacement character each
}

TEST_CASE("Numbers are right-aligned, words left, accents do not shift", "[io][table]") {
  io::Table table({"modelo", "perda", "variação"});
  table.add_row({"padrão", "4.15", "-"}).add_row({"mistura", "12.5", "-5.55 %"});
  CHECK(table.text() ==
        "modelo   perda  variação\n"
        "-------  -----  --------\n"
        "padrão    4.15         -\n"
        "mistura   12.5   -5.55 %\n");
}

TEST_CASE("A column with one word is left-aligned", "[io][table]") {
  io::Table table({"a", "b"});
  table.add_row({"1", "22"}).add_row({"top_2", "3"});
  CHECK(table.text() == "a       b\n-----  --\n1      22\ntop_2   3\n");
  io::Table dates({"when"});
  dates.add_row({"3 de maio"}).add_row({"4"});
  CHECK(dates.text() == "when\n---------\n3 de maio\n4\n");
}

TEST_CASE("Units, exponents, nan and counts are numbers", "[io][table]") {
  for (char const* number :
       {"12.3 M", "512 MB", "4e-05", "+1.2 %", "nan", "-inf", "1,234", "7%", ""}) {
    io::Table table({"wide header"});
    table.add_row({number});
    std::string const line = table.text().substr(2 * 12);
    std::string const padded = std::string(11 - std::string(number).size(), ' ') + number;
    CHECK(line == (std::string(number).empty() ? "" : padded) + "\n");
  }
}

TEST_CASE("A cell cannot break the table or the terminal", "[io][table]") {
  io::Table table({"a", "b"});
  table.add_row({"x\ny\x1b[2J",
                 "\xC2\x9B"
                 "1"});
  CHECK(table.text() == "a        b\n-------  --\nx y [2J   1\n");
}

TEST_CASE("Rows must match the header", "[io][table]") {
  io::Table table({"a", "b"});
  CHECK_THROWS_WITH(table.add_row({"1"}), Catch::Contains("as many cells as the header (1 vs 2)"));
  CHECK_THROWS_AS(io::Table({}), ConfigError);
}

TEST_CASE("A header alone is a table", "[io][table]") {
  CHECK(io::Table({"a", "bc"}).text() == "a  bc\n-  --\n");
}
