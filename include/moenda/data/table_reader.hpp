// SPDX-License-Identifier: Apache-2.0
#pragma once
// Tables from files: CSV (RFC 4180), and JSON lines of {"id", "header", "rows"}.
#include <filesystem>
#include <map>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "moenda/core/error.hpp"
#include "moenda/data/read_file.hpp"
#include "moenda/data/table.hpp"
#include "moenda/io/utf8.hpp"

namespace moenda::data {

/// The lines of a CSV text. A field in double quotes may hold commas, line ends, and quotes written
/// twice; empty lines are passed over. Throws DataError with the line for a quote that is never
/// closed, or that is followed or preceded by other text.
[[nodiscard]] inline std::vector<std::vector<std::string>> parse_csv(std::string_view text,
                                                                     std::string const& source) {
  if (text.starts_with("\xEF\xBB\xBF")) text.remove_prefix(3);
  std::vector<std::vector<std::string>> lines;
  std::vector<std::string> fields;
  std::string field;
  std::size_t line = 1, opened = 0;
  bool quoted = false, closed = false;
  auto const fail = [&](std::size_t where, char const* what) {
    throw DataError(source + ":" + std::to_string(where) + ": " + what);
  };
  auto const end_field = [&] {
    fields.push_back(std::exchange(field, {}));
    closed = false;
  };
  for (std::size_t i = 0; i < text.size(); ++i) {
    char const c = text[i];
    line += c == '\n';
    if (quoted) {
      if (c != '"') {
        field += c;
      } else if (text.substr(i + 1, 1) == "\"") {
        field += text[++i];
      } else {
        quoted = false;
        closed = true;
      }
    } else if (c == ',') {
      end_field();
    } else if (c == '\n') {
      if (fields.empty() && field.empty() && !closed) continue;
      end_field();
      lines.push_back(std::exchange(fields, {}));
    } else if (c == '"') {
      if (!field.empty() || closed) fail(line, "a quote inside a field must be written twice");
      quoted = true;
      opened = line;
    } else if (c != '\r' || text.substr(i + 1, 1) != "\n") {
      if (closed) fail(line, "a closed quote must be followed by a comma or the end of the line");
      field += c;
    }
  }
  if (quoted) fail(opened, "a quote is opened and never closed");
  if (!fields.empty() || !field.empty() || closed) {
    end_field();
    lines.push_back(std::move(fields));
  }
  return lines;
}

/// The table of a CSV text, whose first line is its header. Throws DataError for text that is not
/// UTF-8 or no table.
[[nodiscard]] inline Table parse_csv_table(std::string_view text, std::string const& source) {
  if (auto const bad = io::find_invalid_utf8(text); bad < text.size()) {
    throw DataError(source + ": must be UTF-8, byte " + std::to_string(bad) +
                    " is not part of a character");
  }
  auto lines = parse_csv(text, source);
  if (lines.empty()) throw DataError(source + ": must begin with a line of column names");
  auto header = std::move(lines.front());
  lines.erase(lines.begin());
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
      throw DataError(where + ": " + error.what());
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
      throw DataError(where + ": table " + io::quote(id) + " is there twice");
    }
  });
  return tables;
}

}  // namespace moenda::data
