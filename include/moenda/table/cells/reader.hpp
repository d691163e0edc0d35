// SPDX-License-Identifier: Apache-2.0
#pragma once
// Tables from files: CSV (RFC 4180), and JSON lines of {"id", "header", "rows"}.
#include <algorithm>
#include <filesystem>
#include <map>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "moenda/core/error.hpp"
#include "moenda/files/csv_records.hpp"
#include "moenda/files/read_file.hpp"
#include "moenda/table/cells/table.hpp"

namespace moenda::data {

/// The table of a CSV text, whose first line is its header. Throws DataError for text that is not
/// UTF-8 or no table.
[[nodiscard]] inline Table parse_csv_table(std::string_view text, std::string const& source) {
  CsvRecords records(text, source, ',');
  std::vector<std::string> header, fields;
  if (!records.next(header)) {
    throw DataError(source + ": must begin with a line of column names");
  }
  std::vector<std::vector<std::string>> lines;
  while (records.next(fields)) {
    if (fields.size() != header.size()) {
      records.refuse(std::min(fields.size(), header.size()) + 1,
                     "every row must have " + std::to_string(header.size()) +
                         " cells like the header, got " + std::to_string(fields.size()));
    }
    lines.push_back(fields);
  }
  return {source, std::move(header), lines};
}
[[nodiscard]] inline Table read_csv_table(std::filesystem::path const& path) {
  return parse_csv_table(read_file(path), path.string());
}

/// Calls use(object, "file:line") for every line of a file of JSON objects. Throws DataError with
/// file and line for a line that is none, or where `use` misses a key or finds another type.
template <class Use>
void for_each_json_line(std::filesystem::path const& path, Use&& use) {
  auto const text = read_file(path);
  std::size_t begin = 0;
  for (std::size_t number = 1; begin < text.size(); ++number) {
    auto const end = std::min(text.find('\n', begin), text.size());
    auto const where = path.string() + ":" + std::to_string(number);
    auto const line = std::string_view(text).substr(begin, end - begin);
    begin = end + 1;
    if (trimmed(line).empty()) continue;
    auto const object = nlohmann::json::parse(line, nullptr, false);
    if (!object.is_object()) throw DataError(where + ": must be a JSON object");
    try {
      use(object, where);
    } catch (nlohmann::json::exception const& error) {
      std::string_view const what(error.what());  // "[json.exception.name.number] sentence"
      throw DataError(where + ": " + std::string(what.substr(what.find("] ") + 2)));
    }
  }
}

using Tables = std::map<std::string, std::shared_ptr<Table const>>;

/// Tables by id from lines of {"id": text, "header": [text], "rows": [[text]]}.
[[nodiscard]] inline Tables read_tables(std::filesystem::path const& path) {
  Tables tables;
  for_each_json_line(path, [&](nlohmann::json const& object, std::string const& where) {
    auto const id = object.at("id").get<std::string>();
    auto const rows = object.at("rows").get<std::vector<std::vector<std::string>>>();
    auto table = std::make_shared<Table const>(
        id, object.at("header").get<std::vector<std::string>>(), rows);
    if (!tables.emplace(id, std::move(table)).second) {
      throw DataError(where + ": table " + io::quote(id) + " must appear once, but appears twice");
    }
  });
  return tables;
}

}  // namespace moenda::data
