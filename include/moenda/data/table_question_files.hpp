// SPDX-License-Identifier: Apache-2.0
#pragma once
// Questions about tables from files of JSON lines.
#include <array>
#include <filesystem>
#include <set>
#include <string>
#include <vector>

#include "moenda/data/table_reader.hpp"
#include "moenda/data/written_question.hpp"

namespace moenda::data {

/// WikiTableQuestions (Pasupat & Liang 2015): lines of {"id", "q", "table", "answer": [text]}, of
/// tables that read_tables() gave. Throws DataError for a table that is not among them.
[[nodiscard]] inline std::vector<WrittenQuestion> read_table_questions(
    std::filesystem::path const& path, Tables const& tables) {
  std::vector<WrittenQuestion> questions;
  for_each_json_line(path, [&](nlohmann::json const& object, std::string const& where) {
    auto const name = object.at("table").get<std::string>();
    auto const table = tables.find(name);
    if (table == tables.end()) {
      throw DataError(where + ": table " + io::quote(name) + " is not among the tables");
    }
    questions.push_back({object.at("id").get<std::string>(), object.at("q").get<std::string>(),
                         table->second, object.at("answer").get<std::vector<std::string>>()});
  });
  return questions;
}

/// The lines of a file of ids, one each.
[[nodiscard]] inline std::set<std::string> read_ids(std::filesystem::path const& path) {
  auto const text = read_file(path);
  std::set<std::string> ids;
  for (std::size_t begin = 0; begin < text.size();) {
    auto const end = std::min(text.find('\n', begin), text.size());
    auto const id = trimmed(std::string_view(text).substr(begin, end - begin));
    if (!id.empty()) ids.emplace(id);
    begin = end + 1;
  }
  return ids;
}

/// WikiSQL (Zhong et al. 2017): lines of {"question", "sql": {"agg"}}, without their tables: what
/// is known is the operation. agg: none, MAX, MIN, COUNT, SUM, AVG. Throws DataError for another.
[[nodiscard]] inline std::vector<WrittenQuestion> read_operator_questions(
    std::filesystem::path const& path) {
  constexpr std::array operation_of{0, 4, 4, 1, 2, 3};  // in the order of expert::tab::Operation
  auto const no_table = std::make_shared<Table const>(path.string(), std::vector<std::string>{""},
                                                      std::vector<std::vector<std::string>>{});
  std::vector<WrittenQuestion> questions;
  for_each_json_line(path, [&](nlohmann::json const& object, std::string const& where) {
    auto const agg = object.at("sql").at("agg").get<int>();
    if (agg < 0 || agg >= int(operation_of.size())) {
      throw DataError(where + ": agg must be in 0..5, got " + std::to_string(agg));
    }
    questions.push_back({where,
                         object.at("question").get<std::string>(),
                         no_table,
                         {},
                         operation_of[std::size_t(agg)]});
  });
  return questions;
}

}  // namespace moenda::data
