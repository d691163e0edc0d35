// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <system_error>
#include <vector>

#include "moenda/core/fields.hpp"

namespace moenda::data {

enum class ColumnKind { numeric, categorical };
constexpr auto enum_names(ColumnKind) { return std::array{"numeric", "categorical"}; }

/// What is predicted of a row: one of some classes, or a number.
enum class TargetKind { classes, number };
constexpr auto enum_names(TargetKind) { return std::array{"classes", "number"}; }

/// Whether the first line names the columns. `detect`: it does if none of its fields is a number or
/// missing and no two are equal.
enum class Header { detect, present, absent };
constexpr auto enum_names(Header) { return std::array{"detect", "present", "absent"}; }

/// Which tables are read and what their columns mean. Columns are called by name, or by number from
/// 1; without a header their names are column_1, column_2, ...
struct TabularTableConfig {
  std::vector<std::string> paths = {};  ///< files of the same columns, read as one table
  std::string target = "";              ///< the column to predict; empty: the last one
  TargetKind target_kind = TargetKind::classes;
  Header header = Header::detect;
  std::string delimiter = ",";
  std::vector<std::string> missing = {"", "?", "NA", "nan", "NaN"};  ///< fields without a value
  std::vector<std::string> ignore = {};                              ///< columns not to read
  std::vector<std::string> categorical = {};  ///< columns whose numbers are names of categories
  std::vector<std::string> numeric = {};      ///< columns in which anything else is an error
  int max_categories = 1000;                  ///< of one column; more are refused
  MOENDA_FIELDS(TabularTableConfig, paths, target, target_kind, header, delimiter, missing, ignore,
                categorical, numeric, max_categories);
};

/// One column of features. A column is numeric unless a value of it is no number.
struct TabularColumn {
  std::string name;
  ColumnKind kind = ColumnKind::numeric;
  std::vector<double> numbers;     ///< [rows] of a numeric column; NaN: missing
  std::vector<int> categories;     ///< [rows] of a categorical one: index into `names`; -1: missing
  std::vector<std::string> names;  ///< of the categories, sorted as sort_names does

  [[nodiscard]] bool is_missing(std::int64_t row) const {
    auto const i = static_cast<std::size_t>(row);
    return kind == ColumnKind::numeric ? std::isnan(numbers[i]) : categories[i] < 0;
  }
};

/// Feature columns and the target of every row.
struct TabularTable {
  std::int64_t rows = 0;
  std::vector<TabularColumn> features;
  std::string target;                      ///< name of its column
  std::vector<std::string> class_names;    ///< sorted as sort_names does; empty for numbers
  std::vector<int> classes;                ///< [rows] index into class_names; empty for numbers
  std::vector<double> values;              ///< [rows] targets that are numbers; empty for classes
  std::vector<std::int64_t> rows_of_file;  ///< how many rows each of the files has
};

/// Of a number that no double can hold: whether it is too near 0, by the place of its first digit.
[[nodiscard]] inline bool is_too_small(std::string_view number) {
  auto const e = std::min(number.find_first_of("eE"), number.size());
  auto const digits = number.substr(0, e);
  auto const first = digits.find_first_of("123456789");
  auto const point = std::min(digits.find('.'), digits.size());
  if (first == std::string_view::npos) return true;
  auto const place = first < point ? std::int64_t(point - first) - 1 : -std::int64_t(first - point);
  std::int64_t exponent = 0;
  if (e < number.size()) {
    auto power = number.substr(e + 1);
    if (power.starts_with('+')) power.remove_prefix(1);
    auto const done = std::from_chars(power.data(), power.data() + power.size(), exponent);
    if (done.ec != std::errc{}) return power.starts_with('-');
  }
  return place + exponent < 0;
}

/// The whole of `text` as a finite number: digits with a decimal point, a sign and an exponent
/// where needed. One too near 0 for a double is 0; `too_large` tells one that is too far from it
/// from a word.
[[nodiscard]] inline std::optional<double> parse_number(std::string_view text,
                                                        bool* too_large = nullptr) {
  if (text.starts_with('+') && text.substr(1, 1) != "-") text.remove_prefix(1);
  double value = 0;
  auto const done = std::from_chars(text.data(), text.data() + text.size(), value);
  bool const whole = !text.empty() && done.ptr == text.data() + text.size();
  bool const out_of_range = whole && done.ec == std::errc::result_out_of_range;
  bool const is_zero = out_of_range && is_too_small(text);
  if (too_large != nullptr) *too_large = out_of_range && !is_zero;
  if (is_zero) return 0.0;
  if (!whole || done.ec != std::errc{} || !std::isfinite(value)) return std::nullopt;
  return value;
}

/// "inf", "-Infinity": what programs write for a number that is none.
[[nodiscard]] inline bool is_infinity(std::string_view text) {
  if (text.starts_with('+')) text.remove_prefix(1);
  double value = 0;
  auto const done = std::from_chars(text.data(), text.data() + text.size(), value);
  return done.ec == std::errc{} && done.ptr == text.data() + text.size() && std::isinf(value);
}

/// Names that are all numbers by value, others by their bytes; so class 10 comes after class 9.
inline void sort_names(std::vector<std::string>& names) {
  bool const numbers = std::all_of(names.begin(), names.end(),
                                   [](auto const& name) { return parse_number(name).has_value(); });
  std::sort(names.begin(), names.end(), [&](std::string const& a, std::string const& b) {
    if (!numbers) return a < b;
    double const x = *parse_number(a), y = *parse_number(b);
    return x != y ? x < y : a < b;
  });
}

/// The name of a class as a field spells it, less a pair of single quotes around it, and less a
/// full stop behind a word: the test file of the census data ends its labels in one.
[[nodiscard]] inline std::string class_name_of(std::string_view field) {
  if (field.size() >= 2 && field.front() == '\'' && field.back() == '\'') {
    field = field.substr(1, field.size() - 2);
  }
  if (field.size() >= 2 && field.back() == '.' && !parse_number(field)) field.remove_suffix(1);
  return std::string(field);
}

}  // namespace moenda::data
