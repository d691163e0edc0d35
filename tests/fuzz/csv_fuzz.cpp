// SPDX-License-Identifier: Apache-2.0
// Any bytes as CSV: a DataError, or records that come back when each field is written in quotes,
// and, where they have the shape of a table, a table of the same cells.
//
// The first byte says which delimiter.
#include <string>
#include <string_view>
#include <vector>

#include "input.hpp"
#include "moenda/table/cells/reader.hpp"

namespace {

using namespace moenda::data;
using Records = std::vector<std::vector<std::string>>;

Records records_of(std::string_view text, char delimiter) {
  CsvRecords reader(text, "input", delimiter);
  Records records;
  std::vector<std::string> fields;
  std::size_t line = 0;
  while (reader.next(fields)) {
    check(reader.line() > line, "every record must begin on a line of its own");
    line = reader.line();
    records.push_back(fields);
  }
  return records;
}
std::string written(Records const& records, char delimiter) {
  std::string text;
  for (auto const& fields : records) {
    for (std::size_t i = 0; i < fields.size(); ++i) {
      if (i > 0) text += delimiter;
      text += '"';
      for (char const c : fields[i]) text += std::string(c == '"' ? 2 : 1, c);
      text += '"';
    }
    text += '\n';
  }
  return text;
}
void check_table(std::string_view text, Records const& records) {
  auto const table = parse_csv_table(text, "input");
  check(std::size_t(table.columns()) == records.front().size(), "every name must have a column");
  check(std::size_t(table.rows()) + 1 == records.size(), "every record must be a row");
  for (int c = 0; c < table.columns(); ++c) {
    auto const& column = table.column(c);
    check(column.name == records.front()[std::size_t(c)], "a column must keep its name");
    for (std::size_t r = 0; r < column.cells.size(); ++r) {
      check(column.cells[r] == records[r + 1][std::size_t(c)], "a cell must be what was written");
      check(table.text_id(normalised(column.cells[r])) == column.text_ids[r],
            "what a cell says must be found");
    }
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(std::uint8_t const* data, std::size_t size) {
  if (size == 0) return 0;
  auto const text = as_text(data + 1, size - 1);
  char const delimiter = ",;\t|"[data[0] % 4];
  try {
    auto const records = records_of(text, delimiter);
    check(records_of(written(records, delimiter), delimiter) == records,
          "records in quotes must come back");
    if (delimiter == ',' && !records.empty()) check_table(text, records);
  } catch (moenda::DataError const&) {
  }
  return 0;
}
