// SPDX-License-Identifier: Apache-2.0
#pragma once
// What a cell means.
#include <array>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "moenda/table/cells/decimal.hpp"
#include "moenda/table/cells/words.hpp"

namespace moenda::data {

/// What the cells of a column are. Numbers, percentages and currencies can be added up; dates have
/// an order only.
enum class ColumnType { text, number, percentage, currency, date };
constexpr auto enum_names(ColumnType) {
  return std::array{"text", "number", "percentage", "currency", "date"};
}
[[nodiscard]] constexpr bool can_be_added(ColumnType type) {
  return type == ColumnType::number || type == ColumnType::percentage ||
         type == ColumnType::currency;
}
[[nodiscard]] constexpr bool has_order(ColumnType type) { return type != ColumnType::text; }

/// A cell as a member of `type`; of a date, 10000 year + 100 month + day.
struct CellValue {
  ColumnType type = ColumnType::text;
  Decimal number{};
};

[[nodiscard]] inline std::string_view trimmed(std::string_view text) {
  constexpr std::string_view spaces = " \t\r\n";
  auto const first = text.find_first_not_of(spaces);
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(spaces) - first + 1);
}

/// Nothing was written here, or a sign for nothing.
[[nodiscard]] inline bool is_missing(std::string_view cell) {
  auto const text = trimmed(cell);
  for (std::string_view const sign :
       {"", "-", "--", "\xE2\x80\x93", "\xE2\x80\x94", "?", "n/a", "N/A", "na", "NA", "none",
        "None", "nan", "NaN", "null", "NULL", "tba", "TBA"}) {
    if (text == sign) return true;
  }
  return false;
}

/// The number of a month by its English name or the first three letters of it; 0: none.
[[nodiscard]] inline int month_of(std::string_view word) {
  constexpr std::array names{"january", "february", "march",     "april",   "may",      "june",
                             "july",    "august",   "september", "october", "november", "december"};
  for (std::size_t i = 0; i < names.size(); ++i) {
    std::string_view const name = names[i];
    if (word == name || (word.size() == 3 && name.starts_with(word))) return int(i) + 1;
  }
  return 0;
}

/// "2004-05-17", "17 May 2004", "May 17, 2004", "May 2004". A year alone is a number.
[[nodiscard]] inline std::optional<CellValue> parse_date(std::string_view cell) {
  auto const whole = [](std::string_view word) {
    auto const x = parse_decimal(word);
    return x && x->places == 0 && x->units >= 0 && x->units < 10000 ? int(x->units) : -1;
  };
  auto const date = [](int year, int month, int day) -> std::optional<CellValue> {
    if (year < 1000 || month < 1 || month > 12 || day < 0 || day > 31) return std::nullopt;
    return CellValue{ColumnType::date, {year * 10000 + month * 100 + day, 0}};
  };
  if (cell.size() == 10 && cell[4] == '-' && cell[7] == '-') {
    return date(whole(cell.substr(0, 4)), whole(cell.substr(5, 2)), whole(cell.substr(8, 2)));
  }
  if (cell.size() > 24) return std::nullopt;  // no date is as long: spares the words of long texts
  auto const words = words_of(cell);
  if (words.size() == 2 && month_of(words[0]) > 0) {
    return date(whole(words[1]), month_of(words[0]), 0);
  }
  if (words.size() != 3) return std::nullopt;
  if (month_of(words[0]) > 0) return date(whole(words[2]), month_of(words[0]), whole(words[1]));
  return date(whole(words[2]), month_of(words[1]), whole(words[0]));
}

/// The value of a cell that is no plain text.
[[nodiscard]] inline std::optional<CellValue> parse_cell(std::string_view cell) {
  auto text = trimmed(cell);
  if (auto const number = parse_decimal(text)) return CellValue{ColumnType::number, *number};
  if (text.ends_with('%')) {
    auto const number = parse_decimal(trimmed(text.substr(0, text.size() - 1)));
    if (number) return CellValue{ColumnType::percentage, *number};
  }
  for (std::string_view const sign :
       {"R$", "US$", "$", "\xE2\x82\xAC", "\xC2\xA3", "\xC2\xA5", "EUR", "USD", "BRL", "GBP"}) {
    if (!text.starts_with(sign) && !text.ends_with(sign)) continue;
    if (text.size() <= sign.size()) continue;
    auto const rest = text.starts_with(sign) ? text.substr(sign.size())
                                             : text.substr(0, text.size() - sign.size());
    if (auto const number = parse_decimal(trimmed(rest))) {
      return CellValue{ColumnType::currency, *number};
    }
  }
  return parse_date(text);
}

/// The type that at least four of five cells have, of those that are not missing; else text. Cells
/// of the column that do not have it stay text, and an operation that meets one says so.
[[nodiscard]] inline ColumnType common_type(std::vector<std::optional<CellValue>> const& values,
                                            std::size_t present) {
  std::array<std::size_t, 5> counts{};
  for (auto const& value : values) {
    if (value) ++counts[std::size_t(value->type)];
  }
  for (std::size_t type = 1; type < counts.size(); ++type) {
    if (present > 0 && counts[type] * 5 >= present * 4) return ColumnType(type);
  }
  return ColumnType::text;
}

}  // namespace moenda::data
