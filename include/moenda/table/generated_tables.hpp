// SPDX-License-Identifier: Apache-2.0
#pragma once
// Tables and questions with a known truth: which operation, which column, which rows.
#include <array>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "moenda/core/error.hpp"
#include "moenda/core/random.hpp"
#include "moenda/table/generated_schemas.hpp"
#include "moenda/table/question.hpp"

namespace moenda::data {

struct GeneratedTables {
  int questions = 1000;
  int questions_per_table = 4;
  int rows = 12;        ///< at most as many as there are names, 576
  bool unseen = false;  ///< of schemas whose words are in no other
  std::uint64_t seed = 1;
};

/// A generated question before it is read, and what it means. Of `meaning`, condition is -1: where
/// it stands among the candidates is not known yet.
struct GeneratedQuestion {
  std::string text;
  std::shared_ptr<Table const> table;
  Derivation meaning{};
  Condition condition{};
};

/// Draws questions; number i is a function of the seed and i alone.
class TableGenerator {
 public:
  /// Throws ConfigError for counts that cannot be.
  explicit TableGenerator(GeneratedTables config) : config_(config) {
    require(config.questions >= 1, "GeneratedTables: questions must be at least 1",
            config.questions, 1);
    require(config.questions_per_table >= 1,
            "GeneratedTables: questions_per_table must be at least 1", config.questions_per_table,
            1);
    require(config.rows >= 2 && config.rows <= max_rows, "GeneratedTables: rows must lie in 2..576",
            config.rows, max_rows);
  }

  [[nodiscard]] std::vector<GeneratedQuestion> questions() {
    std::vector<GeneratedQuestion> all;
    for (int i = 0; i < config_.questions; ++i) {
      if (i % config_.questions_per_table == 0) make_table(std::uint64_t(i));
      all.push_back(make_question(std::uint64_t(i)));
    }
    return all;
  }

 private:
  static constexpr int max_rows = int(first_names.size() * last_names.size());
  static constexpr int num_groups = 4;  // different groups in a table
  static constexpr int group = 1, first_number = 2, columns = 6;

  [[nodiscard]] int draw(int choices) {
    return int(random_.bits(next_++) % std::uint64_t(choices));
  }
  void start(std::uint64_t number, char const* purpose) {
    random_ = Random(config_.seed + (config_.unseen ? 0x9E3779B97F4A7C15u : 0),
                     stream_of(purpose) ^ number);
    next_ = 0;
  }

  void make_table(std::uint64_t number) {
    start(number, "generated table");
    auto const all = schemas(config_.unseen);
    schema_ = all[std::size_t(draw(int(all.size())))];
    std::vector<std::string> header{std::string(schema_.thing), std::string(schema_.group)};
    for (auto const name : schema_.numbers) header.emplace_back(name);
    // The last column has cents: of plain numbers, of money, or of percentages.
    int const kind = draw(3);
    std::string const space = draw(2) == 0 ? " " : "";  // names of two words, or of one
    std::string const before = kind == 1 ? "$" : "", after = kind == 2 ? "%" : "";
    int const first = draw(max_rows), first_group = draw(int(group_names.size()));
    std::vector<std::vector<std::string>> rows;
    for (int r = 0; r < config_.rows; ++r) {
      int const name = (first + r * 233) % max_rows;  // 233 and 576 have no common factor
      auto const in = std::size_t(first_group + draw(num_groups)) % group_names.size();
      rows.push_back({std::string(first_names[std::size_t(name) / last_names.size()]) + space +
                          std::string(last_names[std::size_t(name) % last_names.size()]),
                      std::string(group_names[in])});
      for (int column = first_number; column < columns - 1; ++column) {
        rows.back().push_back(std::to_string(10 + draw(400)));
      }
      rows.back().push_back(before + to_decimal(10 + draw(20000), 2)->str() + after);
    }
    table_ = std::make_shared<Table const>("generated-" + std::to_string(number), std::move(header),
                                           rows);
  }

  [[nodiscard]] GeneratedQuestion make_question(std::uint64_t number) {
    start(number, "generated question");
    GeneratedQuestion question{"", table_, {}, {}};
    auto& meaning = question.meaning;
    meaning.operation = draw(6);
    auto const list = phrasings(meaning.operation);
    std::string phrasing(list[std::size_t(draw(int(list.size())))]);
    int const least = meaning.operation == 0 ? group : first_number;  // a lookup finds texts too
    int const column = least + draw(columns - least);
    if (meaning.operation != 1) meaning.column = column;
    if (meaning.operation >= 4) {
      meaning.direction = phrasing[0] == '>';
      if (meaning.operation == 4) meaning.shown = phrasing[1] == 'v' ? column : 0;
      phrasing.erase(0, 2);
    }
    int const row = draw(table_->rows());
    int const other = (row + 1 + draw(table_->rows() - 1)) % table_->rows();
    auto const name = [&](int r) { return table_->column(0).cells[std::size_t(r)]; };
    auto const id = [&](int r) { return table_->column(0).text_ids[std::size_t(r)]; };
    std::string condition;
    if (phrasing.find('&') != std::string::npos) {
      question.condition = {ConditionKind::either, 0, id(row), id(other)};
    } else if (phrasing.find('@') != std::string::npos) {
      question.condition = {ConditionKind::is, 0, id(row)};
    } else {
      // A sum, a mean or an extremum of a single row would be a lookup by another name.
      int const fewest = meaning.operation == 1 ? 1 : 2;
      int draws = 0;
      do {
        question.condition = {};
        condition = ++draws > 20 ? "" : make_condition(question.condition, column, row);
      } while (int(rows_where(*table_, question.condition).size()) < fewest);
    }
    question.text = filled(phrasing, {{'#', table_->column(column).name},
                                      {'*', std::string(schema_.thing)},
                                      {'$', condition},
                                      {'@', name(row)},
                                      {'&', name(other)}});
    return question;
  }
  /// A third of the questions are about all rows, a third about a group, a third about a number in
  /// another column than the one that is computed with. Some row always meets it.
  [[nodiscard]] std::string make_condition(Condition& condition, int used, int row) {
    int const kind = draw(3);
    if (kind == 0) return "";
    if (kind == 1) {
      condition = {ConditionKind::is, group, table_->column(group).text_ids[std::size_t(row)]};
      return filled(std::string(group_phrasings[std::size_t(draw(int(group_phrasings.size())))]),
                    {{'#', table_->column(group).name},
                     {'@', table_->column(group).cells[std::size_t(row)]}});
    }
    std::string phrasing(number_phrasings[std::size_t(draw(int(number_phrasings.size())))]);
    int const column = first_number + (used - first_number + 1 + draw(columns - first_number - 1)) %
                                          (columns - first_number);
    auto value = *table_->column(column).values[std::size_t(row)];
    std::int64_t const step = value.places == 0 ? 1 : 10;
    if (phrasing[0] == '>') value.units -= step;
    if (phrasing[0] == '<') value.units += step;
    ConditionKind const meant = phrasing[0] == '>'   ? ConditionKind::above
                                : phrasing[0] == '<' ? ConditionKind::below
                                : phrasing[0] == 'g' ? ConditionKind::at_least
                                : phrasing[0] == 'l' ? ConditionKind::at_most
                                                     : ConditionKind::equal;
    value = *to_decimal(value.units, value.places);
    condition = {meant, column, -1, -1, value};
    return filled(phrasing.substr(1), {{'#', table_->column(column).name}, {'@', value.str()}});
  }
  /// The phrasing with its signs replaced, without a space at its end.
  [[nodiscard]] static std::string filled(std::string const& phrasing,
                                          std::vector<std::pair<char, std::string>> const& values) {
    std::string text;
    for (char const c : phrasing) {
      auto const found = std::find_if(values.begin(), values.end(),
                                      [c](auto const& value) { return value.first == c; });
      text += found == values.end() ? std::string(1, c) : found->second;
    }
    if (text.ends_with(' ')) text.pop_back();
    return text;
  }

  GeneratedTables config_;
  Random random_{0};
  std::uint64_t next_ = 0;
  Schema schema_{};
  std::shared_ptr<Table const> table_;
};

}  // namespace moenda::data
