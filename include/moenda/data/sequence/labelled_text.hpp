// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <filesystem>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "moenda/core/fields.hpp"
#include "moenda/core/suggest.hpp"
#include "moenda/data/sequence/labelled_sequences.hpp"
#include "moenda/data/tokenizer/tokenizer.hpp"
#include "moenda/files/csv_records.hpp"
#include "moenda/files/read_file.hpp"
#include "moenda/files/utf8.hpp"

namespace moenda::data {

/// What the columns of a table of texts hold, from the left: "label" (a class), "value" (a number),
/// "text" or "skip". Several texts become one sequence, with a separator between them.
struct LabelledTextFormat {
  std::vector<std::string> columns{"label", "text"};
  bool header = true;  ///< the first line names the columns and is passed over; not of *.jsonl
  std::vector<std::string> keys{};  ///< of *.jsonl: where the objects have the columns
  MOENDA_FIELDS(LabelledTextFormat, columns, header, keys);
};

namespace detail {

/// The lines of a text that are not empty.
class TextLines {
 public:
  TextLines(std::string_view text, std::string source) : text_(text), source_(std::move(source)) {
    if (text_.starts_with("\xEF\xBB\xBF")) text_.remove_prefix(3);
    auto const bad = std::min(text_.find('\0'), io::find_invalid_utf8(text_));
    if (bad >= text_.size()) return;
    line_ = 1 + std::size_t(std::count(text_.begin(), text_.begin() + std::ptrdiff_t(bad), '\n'));
    refuse(0, text_[bad] == '\0' ? "must be text, got a NUL byte" : "must be UTF-8");
  }
  /// Reads the next line that is not empty; false at the end.
  bool next_line(std::string_view& line) {
    for (line = {}; line.empty();) {
      if (text_.empty()) return false;
      auto const end = text_.find('\n');
      line = text_.substr(0, end);
      text_.remove_prefix(end == text_.npos ? text_.size() : end + 1);
      if (line.ends_with('\r')) line.remove_suffix(1);
      ++line_;
    }
    return true;
  }
  [[nodiscard]] std::size_t line() const { return line_; }
  [[noreturn]] void refuse(std::size_t column, std::string const& must) const {
    throw DataError(source_ + ":" + std::to_string(line_) +
                    (column == 0 ? "" : ", column " + std::to_string(column)) + ": " + must);
  }

 private:
  std::string_view text_;
  std::string source_;
  std::size_t line_ = 0;
};

/// Lines of fields with tabs between them. Quotes are ordinary characters: texts begin with them.
class TabbedLines : public TextLines {
 public:
  using TextLines::TextLines;
  bool next(std::vector<std::string>& fields) {
    std::string_view line;
    if (!next_line(line)) return false;
    fields.clear();
    for (auto const part : parts_of(line, '\t')) fields.emplace_back(part);
    return true;
  }
};

/// Lines that are JSON objects, whose members called `keys` are the fields.
class JsonLines : public TextLines {
 public:
  JsonLines(std::string_view text, std::string source, std::vector<std::string> const& keys)
      : TextLines(text, std::move(source)), keys_(keys) {}
  bool next(std::vector<std::string>& fields) {
    std::string_view line;
    if (!next_line(line)) return false;
    auto const object = nlohmann::json::parse(line, nullptr, false);
    if (!object.is_object()) refuse(0, "must be a JSON object");
    fields.clear();
    for (auto const& key : keys_) fields.push_back(member(object, key));
    return true;
  }

 private:
  [[nodiscard]] std::string member(nlohmann::json const& object, std::string const& key) const {
    auto const found = object.find(key);
    if (found == object.end() || !(found->is_string() || found->is_number())) {
      refuse(0, "must have a \"" + key + "\" that is a text or a number");
    }
    return found->is_string() ? found->get<std::string>() : found->dump();
  }
  std::vector<std::string> const& keys_;
};

inline void check_columns(LabelledTextFormat const& format) {
  std::vector<std::string> const words{"label", "value", "text", "skip"};
  int labels = 0, values = 0, texts = 0;
  for (auto const& column : format.columns) {
    labels += column == "label", values += column == "value", texts += column == "text";
    if (std::find(words.begin(), words.end(), column) != words.end()) continue;
    throw ConfigError("LabelledTextFormat: columns must be label, value, text or skip, got '" +
                      column + "'" + did_you_mean(column, words));
  }
  if (texts >= 1 && labels + values == 1) return;
  throw ConfigError(
      "LabelledTextFormat: columns must name at least one text and either one label or one value, "
      "got '" +
      join(format.columns) + "'");
}

/// Appends one record as a sequence, with its value; returns its label.
template <class Records>
std::string append_record(LabelledSequences& sequences, std::vector<std::string> const& fields,
                          LabelledTextFormat const& format, Records const& records,
                          std::string const& source, Tokenizer const& tokenizer,
                          Tokenizer::Encoder& encoder) {
  std::string label;
  auto const first = sequences.tokens.size();
  auto const separator = tokenizer.end_of_text();
  for (std::size_t i = 0; i < fields.size(); ++i) {
    auto const& column = format.columns[i];
    if (column == "value") {
      sequences.values.push_back(parse_value(
          fields[i],
          source + ":" + std::to_string(records.line()) + ", column " + std::to_string(i + 1)));
    }
    if (column == "label" && fields[i].empty()) records.refuse(i + 1, "must have a label");
    if (column == "label") label = fields[i];
    if (column != "text") continue;
    if (fields[i].empty()) records.refuse(i + 1, "must have a text");
    if (sequences.tokens.size() > first) {
      separator ? sequences.tokens.push_back(*separator) : encoder.append("\n", sequences.tokens);
    }
    encoder.append(fields[i], sequences.tokens);
  }
  sequences.end_sequence();
  return label;
}

template <class Records>
LabelledSequences read_labelled_records(Records records, LabelledTextFormat const& format,
                                        Tokenizer const& tokenizer, std::string const& source,
                                        std::vector<std::string> const& known) {
  LabelledSequences sequences;
  std::vector<std::string> fields, written;
  std::vector<std::size_t> lines;
  Tokenizer::Encoder encoder(tokenizer);
  bool skip = format.header;
  while (records.next(fields)) {
    if (fields.size() != format.columns.size()) {
      records.refuse(0, "must have " + std::to_string(format.columns.size()) + " columns (" +
                            join(format.columns) + "), got " + std::to_string(fields.size()));
    }
    if (std::exchange(skip, false)) continue;
    written.push_back(
        append_record(sequences, fields, format, records, source, tokenizer, encoder));
    lines.push_back(records.line());
  }
  if (sequences.count() == 0) throw DataError(source + ": must hold at least one text");
  if (sequences.values.empty()) name_classes(sequences, written, known, source, lines);
  return sequences;
}

}  // namespace detail

/// Reads texts with a class or a value: *.csv with commas and quotes, *.jsonl with an object on
/// every line, everything else with tabs and without quotes. `known`: the classes of the training
/// part, when this is another. Throws ConfigError for a format that cannot work, DataError with
/// file, line and reason for everything else.
[[nodiscard]] inline LabelledSequences read_labelled_text(
    std::filesystem::path const& path, LabelledTextFormat const& format, Tokenizer const& tokenizer,
    std::vector<std::string> const& known = {}) {
  detail::check_columns(format);
  if (path.extension() == ".jsonl" && format.keys.size() != format.columns.size()) {
    throw ConfigError("LabelledTextFormat: keys must name one member of " +
                      path.filename().string() + " for each of the columns " +
                      join(format.columns) + ", got '" + join(format.keys) + "'");
  }
  auto const text = read_file(path);
  auto const source = path.string();
  if (path.extension() == ".csv") {
    return detail::read_labelled_records(CsvRecords(text, source, ','), format, tokenizer, source,
                                         known);
  }
  if (path.extension() == ".jsonl") {
    auto without_header = format;
    without_header.header = false;
    return detail::read_labelled_records(detail::JsonLines(text, source, format.keys),
                                         without_header, tokenizer, source, known);
  }
  return detail::read_labelled_records(detail::TabbedLines(text, source), format, tokenizer, source,
                                       known);
}

}  // namespace moenda::data
