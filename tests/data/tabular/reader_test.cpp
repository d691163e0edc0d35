// SPDX-License-Identifier: Apache-2.0
#include "moenda/data/tabular/reader.hpp"

#include <catch2/catch.hpp>

#include "files/temporary_folder.hpp"

using namespace moenda;
using namespace moenda::data;
using io::test::message_of;
using io::test::store;
using io::test::TemporaryFolder;

namespace {

using Texts = std::vector<std::string>;

/// Tables from texts, and what is said of those that are refused (less the path before "t0").
struct Tables {
  TabularTable read(std::initializer_list<std::string_view> texts, TabularTableConfig config = {}) {
    config.paths.clear();
    for (auto const text : texts) {
      auto const path = folder / ("t" + std::to_string(config.paths.size()));
      store(path, std::string(text));
      config.paths.push_back(path.string());
    }
    return read_table(config);
  }
  template <class Error>
  std::string refusal(std::initializer_list<std::string_view> texts,
                      TabularTableConfig const& config = {}) {
    auto text = message_of<Error>([&] { (void)read(texts, config); });
    auto const prefix = folder.path().string() + "/";
    for (auto at = text.find(prefix); at != text.npos; at = text.find(prefix)) {
      text.erase(at, prefix.size());
    }
    return text;
  }
  TemporaryFolder folder;
};

}  // namespace

TEST_CASE("A table without a header is one of numbered columns", "[data][tabular]") {
  auto const table = Tables().read({"1,red,yes\n2.5,?,no\n-3e2,blue,yes\n"});
  CHECK(table.rows == 3);
  REQUIRE(table.features.size() == 2);
  CHECK(table.features[0].name == "column_1");
  CHECK(table.features[0].kind == ColumnKind::numeric);
  CHECK(table.features[0].numbers == std::vector<double>{1, 2.5, -300});
  CHECK(table.features[1].kind == ColumnKind::categorical);
  CHECK(table.features[1].names == Texts{"blue", "red"});
  CHECK(table.features[1].categories == std::vector<int>{1, -1, 0});
  CHECK(table.target == "column_3");
  CHECK(table.class_names == Texts{"no", "yes"});
  CHECK(table.classes == std::vector<int>{1, 0, 1});
}

TEST_CASE("A header is found, or given, or denied", "[data][tabular]") {
  Tables tables;
  CHECK(tables.read({"a,b\n1,x\n2,y\n"}).features[0].name == "a");
  CHECK(tables.read({"x,x\ny,x\ny,z\n"}).rows == 3);  // equal fields are no names
  CHECK(tables.read({"x,y\ny,z\n"}, {.header = Header::absent}).rows == 2);
  CHECK(tables.read({"1,2\ny,z\ny,w\n"}, {.header = Header::present}).features[0].name == "1");
  auto const two = tables.read({"a,b\n1,x\n", "a,b\n2,y\n3,x\n"});
  CHECK(two.rows == 3);
  CHECK(two.rows_of_file == std::vector<std::int64_t>{1, 2});
  CHECK(tables.refusal<DataError>({"a,b\n1,x\n", "a,c\n2,y\n"}) ==
        "t1:1, column 2: all files must name the same columns, here 'b', got 'c'");
  CHECK(tables.refusal<DataError>({"a,a\n1,x\n"}, {.header = Header::present}) ==
        "t0:1, column 2: column names must differ, 'a' comes twice");
}

TEST_CASE("Columns are called by name or number", "[data][tabular]") {
  Tables tables;
  std::string_view const text = "id,size,color\n1,4,x\n2,5,y\n3,6,z\n";
  auto const table =
      tables.read({text}, {.target = "2", .target_kind = TargetKind::number, .ignore = {"id"}});
  CHECK(table.target == "size");
  CHECK(table.values == std::vector<double>{4, 5, 6});
  CHECK(table.class_names.empty());
  CHECK(table.features.size() == 1);
  CHECK(tables.read({text}, {.categorical = {"size"}}).features[1].names == Texts{"4", "5", "6"});
  CHECK(tables.refusal<ConfigError>({text}, {.target = "colour"}) ==
        "tabular: target must be the name of a column of t0 or its number, 1..3, got 'colour' (did "
        "you mean 'color'?)");
  CHECK(tables.refusal<ConfigError>({text}, {.ignore = {"4"}}) ==
        "tabular: ignore must be the name of a column of t0 or its number, 1..3, got '4'");
  CHECK(tables.refusal<ConfigError>({text}, {.ignore = {"id", "size"}}) ==
        "tabular: `ignore` must leave a column beside the target, got none");
  CHECK(tables.refusal<ConfigError>({text}, {.categorical = {"id"}, .numeric = {"1"}}) ==
        "tabular: column '1' must be categorical or numeric, it is listed as both");
  CHECK(tables.refusal<DataError>({text}, {.target = "id", .numeric = {"color"}}) ==
        "t0:2, column 3: a numeric column must hold finite numbers, got 'x'");
}

TEST_CASE("Class names lose quotes and a full stop, and stand in order", "[data][tabular]") {
  Tables tables;
  CHECK(tables.read({"1, <=50K\n2, >50K\n", "3, <=50K.\n"}).class_names == Texts{"<=50K", ">50K"});
  CHECK(tables.read({"1,'-1'\n2,'1'\n"}).class_names == Texts{"-1", "1"});
  CHECK(tables.read({"1,10\n2,9\n3,1.\n"}).class_names == Texts{"1.", "9", "10"});
}

TEST_CASE("Missing values and odd numbers", "[data][tabular]") {
  Tables tables;
  auto const table = tables.read({"1,,?,a\nNA,nan,?,b\n+3,1e308,?,a\n"}).features;
  CHECK(std::isnan(table[0].numbers[1]));
  CHECK(table[0].numbers[2] == 3);
  CHECK(std::isnan(table[1].numbers[0]));
  CHECK(table[1].numbers[2] == 1e308);
  CHECK(table[2].kind == ColumnKind::numeric);  // a column without any value
  CHECK(table[2].is_missing(0));
  CHECK(tables.read({"x,y\n\"3,5\",a\n\"4,5\",b\n"}).features[0].kind == ColumnKind::categorical);
  CHECK(tables.refusal<DataError>({"1,a\n1e400,b\n"}) ==
        "t0:2, column 1: a numeric column must hold finite numbers, got '1e400'");
  for (char const* const large : {"1e310", "0.001e+312", "-2e99999999999999999999"}) {
    CHECK(tables.refusal<DataError>({"1,a\n" + std::string(large) + ",b\n"}) ==
          "t0:2, column 1: a numeric column must hold finite numbers, got '" + std::string(large) +
              "'");
  }
  for (char const* const small : {"1e-400", "-1e-400", "1000e-340", "3e-99999999999999999999"}) {
    CHECK(data::parse_number(small) == 0.0);
  }
  CHECK(data::parse_number("0." + std::string(400, '0') + "1") == 0.0);
  CHECK(data::parse_number("0." + std::string(300, '0') + "1") == 1e-301);
  CHECK(tables.refusal<DataError>({"1,a\n2,?\n"}) ==
        "t0:2, column 2: the target must be known in every row, got '?'");
}

TEST_CASE("A stray word does not make categories of a column of numbers", "[data][tabular]") {
  Tables tables;
  auto const refusal = [&](std::string_view text, TabularTableConfig const& config = {}) {
    return tables.refusal<DataError>({text}, config);
  };
  CHECK(refusal("x,y\n1,a\n-inf,a\n2,b\n") ==
        "t0:3, column 1: must be a number like the rest of the column, got '-inf'; list it in "
        "`missing`, or the column in `categorical`");
  CHECK(
      std::isnan(tables.read({"x,y\ninf,a\n2,b\n"}, {.missing = {"inf"}}).features[0].numbers[0]));
  CHECK(tables.read({"x,y\ninf,a\n2,b\n"}, {.categorical = {"x"}}).features[0].names.size() == 2);
  CHECK(tables.read({"x,y\ninf,a\nword,b\n2,b\n"}).features[0].names.size() == 3);
  // A line of names of which one is empty, or two are equal, is not found to be one.
  std::string const advice =
      "; if this line names the columns set header = \"present\", else \"absent\"";
  CHECK(refusal(",x,y\n0,1.5,a\n1,2.5,b\n") ==
        "t0:1, column 2: must be a number like the rest of the column, got 'x'" + advice);
  CHECK(refusal("x,x,y\n0,1.5,a\n1,2.5,b\n") ==
        "t0:1, column 1: must be a number like the rest of the column, got 'x'" + advice);
  CHECK(tables.read({",x,y\n0,1.5,a\n1,2.5,b\n"}, {.header = Header::present}).rows == 2);
  CHECK(tables.read({"x,x,y\n0,1.5,a\n1,2.5,b\n"}, {.header = Header::absent}).rows == 3);
}

TEST_CASE("Tables that are none are refused", "[data][tabular]") {
  Tables tables;
  auto const refusal = [&](std::string_view text) { return tables.refusal<DataError>({text}); };
  CHECK(refusal("") == "t0: must hold a row of data, got an empty file");
  CHECK(refusal("a,b\n") == "t0: must hold a row of data, got only 4 bytes without one");
  CHECK(refusal("1,x\n2,x\n") ==
        "t0: the target 'column_2' must have at least two classes, got only 'x'");
  CHECK(refusal("1,2,x\n1,x\n") ==
        "t0:2, column 3: every row must have 3 fields like the first, got 2");
  CHECK(refusal("1,x\n\n1,2,y\n") ==
        "t0:3, column 3: every row must have 2 fields like the first, got 3");
  CHECK(refusal("1\n2\n") ==
        "t0:1: a table must have a target and at least one other column, delimited by ',', got 1 "
        "column");
  CHECK(refusal(std::string_view("1,x\n2,\0\n", 8)) == "t0:2: must be text, got a NUL byte");
  CHECK(tables.refusal<ConfigError>({}) == "tabular: paths must name at least one file, got none");
  CHECK(tables.refusal<ConfigError>({"1,2\n"}, {.delimiter = ",,"}) ==
        "tabular: delimiter must be one character, no quote and no newline, got ',,'");
  CHECK(message_of<DataError>([] { (void)read_table({.paths = {"/nowhere/at all.csv"}}); }) ==
        "/nowhere/at all.csv: cannot open for reading (No such file or directory)");
}

TEST_CASE("A column of names is refused with its first word", "[data][tabular]") {
  std::string text;
  for (int i = 0; i < 1001; ++i) {
    text += (i == 7 ? "B" : "") + std::to_string(i) + "," + std::to_string(i % 2) + "\n";
  }
  Tables tables;
  CHECK(tables.refusal<DataError>({text}) ==
        "t0: column 'column_1' must have at most 1000 different values (max_categories), got more; "
        "the first that is no number is 'B7' in line 8; list the column in `ignore`, or in "
        "`numeric`");
  CHECK(tables.read({text}, {.max_categories = 1001}).features[0].names.size() == 1001);
}

TEST_CASE("Line ends make no difference", "[data][tabular]") {
  Tables tables;
  auto const one = tables.read({"1,a\n2,b\n"}), two = tables.read({"1,a\r\n2,b\r\n"}),
             three = tables.read({"1,a\n2,b"});
  CHECK(one.features[0].numbers == two.features[0].numbers);
  CHECK(one.class_names == two.class_names);
  CHECK(one.classes == three.classes);
}
