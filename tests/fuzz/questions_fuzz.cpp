// SPDX-License-Identifier: Apache-2.0
// Any bytes as tables and questions about them in lines of JSON: a DataError, or tables that come
// back from what is written of them and questions that a model can read.
//
// Parts: the tables, then questions, of which the first letter says of which kind.
#include <string>
#include <string_view>
#include <vector>

#include "input.hpp"
#include "moenda/table/question.hpp"
#include "moenda/table/question_files.hpp"

namespace {

using namespace moenda::data;

std::string written(Tables const& tables) {
  std::string text;
  for (auto const& [id, table] : tables) {
    nlohmann::json header = nlohmann::json::array(), rows = nlohmann::json::array();
    for (int c = 0; c < table->columns(); ++c) header.push_back(table->column(c).name);
    for (int r = 0; r < table->rows(); ++r) {
      nlohmann::json row = nlohmann::json::array();
      for (int c = 0; c < table->columns(); ++c) {
        row.push_back(table->column(c).cells[std::size_t(r)]);
      }
      rows.push_back(row);
    }
    text += nlohmann::json{{"id", id}, {"header", header}, {"rows", rows}}.dump() + "\n";
  }
  return text;
}
std::vector<WrittenQuestion> questions_of(std::string const& path, char kind,
                                          Tables const& tables) {
  if (kind == 'o') return read_operator_questions(path);
  if (kind == 'c') return read_comparisons(path, tables);
  return read_table_questions(path, tables);
}
void check_question(WrittenQuestion const& question) {
  check(question.table != nullptr, "every question must have a table");
  check(question.operation >= -1 && question.operation <= 5, "an operation must be one of six");
  static TableVocabulary const vocabulary({{"how", "many", "which", "than", "more"}}, 1);
  TableLayout const layout{};
  auto const read = read_question(question.text, question.table, vocabulary, layout);
  check(int(read.tokens.size()) == layout.tokens(), "every window must be written");
  for (int const token : read.tokens) {
    check(token >= 0 && token < vocabulary.size(), "a token must lie in the vocabulary");
  }
}
void read_all(std::string_view lines, std::string_view questions) {
  static Scratch const table_scratch, question_scratch;
  table_scratch.write(lines);
  auto const tables = read_tables(table_scratch.path);
  auto const text = written(tables);
  table_scratch.write(text);
  check(written(read_tables(table_scratch.path)) == text, "tables must come back");
  char const kind = questions.empty() ? 'q' : questions.front();
  question_scratch.write(questions.substr(questions.empty() ? 0 : 1));
  for (auto const& question : questions_of(question_scratch.path, kind, tables)) {
    check_question(question);
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(std::uint8_t const* data, std::size_t size) {
  auto rest = as_text(data, size);
  auto const tables = take_part(rest);
  try {
    read_all(tables, rest);
  } catch (moenda::DataError const&) {
  }
  return 0;
}
