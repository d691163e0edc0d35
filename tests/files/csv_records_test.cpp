// SPDX-License-Identifier: Apache-2.0
#include "moenda/files/csv_records.hpp"

#include <catch2/catch.hpp>

#include "files/temporary_folder.hpp"

using namespace moenda;
using namespace moenda::data;
using io::test::message_of;

namespace {

using Rows = std::vector<std::vector<std::string>>;

Rows records_of(std::string_view text, char delimiter = ',') {
  CsvRecords records(text, "t.csv", delimiter);
  Rows rows;
  for (std::vector<std::string> fields; records.next(fields);) rows.push_back(fields);
  return rows;
}
std::string refusal(std::string_view text) {
  return message_of<DataError>([&] { (void)records_of(text); });
}

}  // namespace

TEST_CASE("Fields lose the blanks around them, not those inside", "[data][csv]") {
  CHECK(records_of("a, b c ,\td\n1,,\n") == Rows{{"a", "b c", "d"}, {"1", "", ""}});
  CHECK(records_of("a\tb c\t\n", '\t') == Rows{{"a", "b c", ""}});
  CHECK(records_of("a;b,c", ';') == Rows{{"a", "b,c"}});
}

TEST_CASE("Lines end in LF or CRLF, the last one in nothing too", "[data][csv]") {
  Rows const rows{{"a", "b"}, {"c", "d"}};
  for (char const* text : {"a,b\nc,d\n", "a,b\r\nc,d\r\n", "a,b\nc,d", "a,b\r\nc,d", "a,b\nc,d\r",
                           "\n\na,b\n\r\n\nc,d\n\n",
                           "\xEF\xBB\xBF"
                           "a,b\nc,d"}) {
    CAPTURE(text);
    CHECK(records_of(text) == rows);
  }
  CHECK(records_of("").empty());
  CHECK(records_of("\n\r\n").empty());
  CHECK(records_of("a,") == Rows{{"a", ""}});
  CHECK(records_of(",") == Rows{{"", ""}});
}

TEST_CASE("Quoted fields hold delimiters, quotes and newlines", "[data][csv]") {
  CHECK(records_of(R"("a,b", "c ""d""" ,"",x)") == Rows{{"a,b", "c \"d\"", "", "x"}});
  CHECK(records_of("\"a\nb\",c\nd,e\n") == Rows{{"a\nb", "c"}, {"d", "e"}});
  CHECK(records_of("it\"s,5\" pipe") == Rows{{"it\"s", "5\" pipe"}});
}

TEST_CASE("What is no CSV is refused with line and column", "[data][csv]") {
  CHECK(refusal("a,b\nc,\"d") == "t.csv:2, column 2: the quoted field must end in a quote");
  CHECK(refusal("\"a\n\"x,b") ==
        "t.csv:1, column 1: after a quoted field there must be a delimiter or the end of the line, "
        "got 'x'");
  CHECK(refusal(std::string_view("a,b\nc,\0d", 8)) == "t.csv:2: must be text, got a NUL byte");
  CHECK(refusal("a,b\n\nc,\xFF") == "t.csv:3: must be UTF-8");
}

TEST_CASE("Any bytes end in records or a refusal", "[data][csv]") {
  std::string const valid = "a,\"b\"\"\nc\" ,d\r\n1, 2,\"\"\n";
  for (std::size_t length = 0; length <= valid.size(); ++length) {
    for (int flip = 0; flip < 256; flip += 3) {
      auto text = valid.substr(0, length);
      if (length > 0) text[length / 2] = static_cast<char>(flip);
      try {
        std::size_t size = 0;
        for (auto const& row : records_of(text)) {
          for (auto const& field : row) size += field.size();
        }
        REQUIRE(size <= text.size());
      } catch (DataError const&) {
      }
    }
  }
}
