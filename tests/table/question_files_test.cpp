// SPDX-License-Identifier: Apache-2.0
#include "moenda/table/question_files.hpp"

#include <unistd.h>

#include <catch2/catch.hpp>
#include <cstdlib>
#include <fstream>
#include <iostream>

#include "moenda/table/supervision.hpp"

using namespace moenda;
using namespace moenda::data;

namespace {

struct Folder {
  Folder() {
    std::string name = (std::filesystem::temp_directory_path() / "moenda-test-XXXXXX").string();
    path = mkdtemp(name.data());
  }
  ~Folder() { std::filesystem::remove_all(path); }
  std::filesystem::path write(char const* name, char const* text) const {
    std::ofstream(path / name) << text;
    return path / name;
  }
  std::filesystem::path path;
};
template <class Read>
std::string refusal(Read const& read) {
  try {
    (void)read();
  } catch (DataError const& error) {
    std::string const what = error.what();
    return what.substr(what.rfind('/') + 1);
  }
  return "accepted";
}

}  // namespace

TEST_CASE("tables and questions come from lines of JSON", "[table]") {
  Folder const folder;
  auto const tables =
      read_tables(folder.write("tables",
                               "{\"id\":\"a\",\"header\":[\"n\"],\"rows\":[[\"1\"],[\"2\"]]}\n\n"
                               "{\"id\":\"b\",\"header\":[\"x\"],\"rows\":[]}\n"));
  REQUIRE(tables.size() == 2);
  CHECK(tables.at("a")->rows() == 2);
  auto const questions = read_table_questions(
      folder.write("questions", "{\"id\":\"1\",\"q\":\"sum?\",\"table\":\"a\",\"answer\":[\"3\"]}"),
      tables);
  REQUIRE(questions.size() == 1);
  CHECK(questions[0].answer == std::vector<std::string>{"3"});
  CHECK(questions[0].table == tables.at("a"));
  auto const operators = read_operator_questions(
      folder.write("sql", "{\"question\":\"how many\",\"sql\":{\"agg\":3}}"));
  CHECK(operators.at(0).operation == int(expert::tab::Operation::count));
  CHECK(read_ids(folder.write("ids", "x\n y \n\n")) == std::set<std::string>{"x", "y"});
}

TEST_CASE("statements that compare two cells become questions", "[table]") {
  Folder const folder;
  auto const tables = read_tables(folder.write(
      "tables",
      "{\"id\":\"a\",\"header\":[\"name\",\"goals\"],\"rows\":[[\"Ann\",\"7\"],[\"Bob\",\"12\"],"
      "[\"Cid 2\",\"9\"],[\"Eve\",\"1\"],[\"Eve\",\"2\"]]}"));
  auto const read = [&](std::string const& statement, int label) {
    auto const line = "{\"table\":\"a\",\"statement\":\"" + statement +
                      "\",\"label\":" + std::to_string(label) + "}";
    return read_comparisons(folder.write("s", line.c_str()), tables);
  };
  auto const truth = read("bob has more goals than ann", 1);
  REQUIRE(truth.size() == 1);
  CHECK(truth[0].answer == std::vector<std::string>{"Bob"});
  CHECK(truth[0].operation == int(expert::tab::Operation::comparison));
  CHECK(read("ann has more goals than bob", 0).at(0).answer == std::vector<std::string>{"Bob"});
  CHECK(read("ann has less goals than cid 2", 0).at(0).answer == std::vector<std::string>{"Cid 2"});
  CHECK(read("ann and bob have many goals", 1).empty());            // no "than"
  CHECK(read("ann has more goals than ann", 1).empty());            // one thing
  CHECK(read("bob has 5 more goals than ann", 1).empty());          // a difference
  CHECK(read("bob has more goals than ann and cid 2", 1).empty());  // two pairs
  CHECK(read("bob has more goals than eve", 1).empty());            // two rows of one
  CHECK(read("more goals than ann has bob", 1).empty());            // both on one side
  CHECK(read("than bob has more goals than ann", 1).empty());       // "than" twice
  CHECK(refusal([&] { return read("bob has more goals than ann", 2); }) ==
        "s:1: label must be 0 or 1, got 2");
  // What training takes for right is a comparison, whichever other operation gives the same cell.
  auto const question = expert::tab::supervised(truth[0], TableVocabulary({}), {});
  REQUIRE(question.derivations.size() == 1);
  CHECK(question.derivations[0].operation == int(expert::tab::Operation::comparison));
  CHECK(question.derivations[0].direction == 1);
}

TEST_CASE("what is no such line is refused with its place", "[table]") {
  Folder const folder;
  auto const table = [&](char const* text) {
    return refusal([&] { return read_tables(folder.write("t", text)); });
  };
  CHECK(table("[1]") == "t:1: must be a JSON object");
  CHECK(table("\n{\"id\": 1") == "t:2: must be a JSON object");
  CHECK(table("{\"id\":\"a\"}") == "t:1: key 'rows' not found");
  CHECK(table("{\"id\":5}") == "t:1: type must be string, but is number");
  CHECK(table("{\"id\":\"a\",\"header\":[\"n\",\"m\"],\"rows\":[[\"1\"]]}") ==
        "Table a: row 1 must have 2 cells, got 1: column 'm' has none");
  CHECK(table("{\"id\":\"a\",\"header\":[\"n\"],\"rows\":[]}\n"
              "{\"id\":\"a\",\"header\":[\"n\"],\"rows\":[]}") ==
        "t:2: table 'a' must appear once, but appears twice");
  CHECK(refusal([&] {
          return read_table_questions(
              folder.write("q", "{\"id\":\"1\",\"q\":\"\",\"table\":\"z\",\"answer\":[]}"), {});
        }) == "q:1: table 'z' is not among the tables");
  CHECK(refusal([&] {
          return read_operator_questions(
              folder.write("s", "{\"question\":\"\",\"sql\":{\"agg\":6}}"));
        }) == "s:1: agg must be in 0..5, got 6");
  for (std::string const number : {"1e300", "1.5", "99999999999", "-1e1"}) {
    auto const line = "{\"question\":\"\",\"sql\":{\"agg\":" + number + "}}";
    INFO(line);
    CHECK_THAT(
        refusal([&] { return read_operator_questions(folder.write("s", line.c_str())); }),
        Catch::StartsWith("s:1: agg must be a whole number in -2147483648..2147483647, got "));
  }
}

TEST_CASE("WikiTableQuestions: how many one operation can answer", "[table]") {
  char const* const data = std::getenv("MOENDA_DATA");
  std::filesystem::path const folder = std::filesystem::path(data == nullptr ? "" : data) / "wtq";
  if (!std::filesystem::exists(folder / "tables.jsonl")) {
    std::cout << "skipped: WikiTableQuestions needs wtq/tables.jsonl in MOENDA_DATA\n";
    return;
  }
  auto const tables = read_tables(folder / "tables.jsonl");
  CHECK(tables.size() == 2108);
  auto questions = read_table_questions(folder / "training.jsonl", tables);
  CHECK(questions.size() == 14152);
  questions.resize(400);
  TableVocabulary const vocabulary({});
  int answerable = 0;
  for (auto const& question : questions) {
    answerable += !expert::tab::supervised(question, vocabulary, {}).derivations.empty();
  }
  CHECK(answerable > 160);
  CHECK(answerable < 240);
}

TEST_CASE("TabFact: the statements that compare two cells", "[table]") {
  char const* const data = std::getenv("MOENDA_DATA");
  std::filesystem::path const folder =
      std::filesystem::path(data == nullptr ? "" : data) / "tabfact";
  if (!std::filesystem::exists(folder / "tables.jsonl")) {
    std::cout << "skipped: TabFact needs tabfact/tables.jsonl in MOENDA_DATA\n";
    return;
  }
  auto const tables = read_tables(folder / "tables.jsonl");
  CHECK(tables.size() == 3391);
  CHECK(read_comparisons(folder / "val.jsonl", tables).size() == 159);
  CHECK(read_comparisons(folder / "test.jsonl", tables).size() == 177);
}
