// SPDX-License-Identifier: Apache-2.0
#pragma once
// Questions about tables from files of JSON lines.
#include <array>
#include <filesystem>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "moenda/data/whole_number.hpp"
#include "moenda/table/cells/condition.hpp"
#include "moenda/table/cells/mentions.hpp"
#include "moenda/table/cells/reader.hpp"
#include "moenda/table/written_question.hpp"

namespace moenda::data {

/// The table that a line names. Throws DataError for one that is not among them.
[[nodiscard]] inline std::shared_ptr<Table const> const& named_table(nlohmann::json const& object,
                                                                     std::string const& where,
                                                                     Tables const& tables) {
  auto const name = object.at("table").get<std::string>();
  auto const found = tables.find(name);
  if (found != tables.end()) return found->second;
  throw DataError(where + ": table " + io::quote(name) + " is not among the tables");
}

/// WikiTableQuestions (Pasupat & Liang 2015): lines of {"id", "q", "table", "answer": [text]}, of
/// tables that read_tables() gave. Throws DataError for a table that is not among them.
[[nodiscard]] inline std::vector<WrittenQuestion> read_table_questions(
    std::filesystem::path const& path, Tables const& tables) {
  std::vector<WrittenQuestion> questions;
  for_each_json_line(path, [&](nlohmann::json const& object, std::string const& where) {
    auto const& table = named_table(object, where, tables);
    questions.push_back({object.at("id").get<std::string>(), object.at("q").get<std::string>(),
                         table, object.at("answer").get<std::vector<std::string>>()});
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
    auto const agg = whole_number<int>(object.at("sql").at("agg"), where + ": agg");
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

/// What "Ann has more goals than Bob" compares: two cells of one column that stand in one row each,
/// one named before the only "than" and one after it. Nothing where two pairs could be meant, and
/// where another number is named: "3 more goals than" asks for more than which is larger.
[[nodiscard]] inline std::optional<std::pair<std::string, std::string>> compared_cells(
    Table const& table, std::string const& statement) {
  auto const words = words_of(statement);
  auto const than = std::find(words.begin(), words.end(), "than");
  if (std::count(than, words.end(), "than") != 1) return std::nullopt;
  int const at = int(than - words.begin());
  auto const mentions = find_mentions(table, words);
  std::optional<std::pair<CellMention, CellMention>> pair;
  std::vector<int> rows;
  for (auto const& first : mentions.cells) {
    for (auto const& second : mentions.cells) {
      bool const apart = first.place.first < at && at < second.place.first;
      if (first.column != second.column || first.text == second.text || !apart) continue;
      auto const both =
          rows_where(table, {ConditionKind::either, first.column, first.text, second.text});
      if (both.size() != 2) continue;
      if (pair) return std::nullopt;
      pair = {first, second};
      rows = both;
    }
  }
  if (!pair) return std::nullopt;
  auto const& [first, second] = *pair;
  for (auto const& number : mentions.numbers) {
    if (!first.place.covers(number.place) && !second.place.covers(number.place)) {
      return std::nullopt;
    }
  }
  auto const& column = table.column(first.column);
  if (column.text_ids[std::size_t(rows[0])] != first.text) std::swap(rows[0], rows[1]);
  return std::pair(column.cells[std::size_t(rows[0])], column.cells[std::size_t(rows[1])]);
}

/// TabFact (Chen et al. 2020): lines of {"statement", "table", "label"}, of tables that
/// read_tables() gave. Those that compare two cells are read as the question which of the two it
/// is: if the statement is true (label 1) the one named first, else the other. The rest, which
/// compared_cells() describes, is left out. Throws DataError for another label or table.
[[nodiscard]] inline std::vector<WrittenQuestion> read_comparisons(
    std::filesystem::path const& path, Tables const& tables) {
  constexpr int comparison = 5;  // of expert::tab::Operation
  std::vector<WrittenQuestion> questions;
  for_each_json_line(path, [&](nlohmann::json const& object, std::string const& where) {
    auto const& table = named_table(object, where, tables);
    auto const statement = object.at("statement").get<std::string>();
    auto const label = whole_number<int>(object.at("label"), where + ": label");
    if (label != 0 && label != 1) {
      throw DataError(where + ": label must be 0 or 1, got " + std::to_string(label));
    }
    auto const cells = compared_cells(*table, statement);
    if (!cells) return;
    questions.push_back(
        {where, statement, table, {label == 1 ? cells->first : cells->second}, comparison});
  });
  return questions;
}

}  // namespace moenda::data
