// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <span>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "moenda/core/error.hpp"
#include "moenda/core/fields.hpp"
#include "moenda/data/tabular/table.hpp"
#include "moenda/files/utf8.hpp"

namespace moenda::data {

struct TabularEncoderConfig {
  double clip = 10;   ///< standardised numbers lie within -clip .. clip
  int min_count = 5;  ///< rarer categories of the training rows share the slot of unseen ones
  bool standardise_target = true;  ///< where it is a number
  MOENDA_FIELDS(TabularEncoderConfig, clip, min_count, standardise_target);
};

/// A mean and a standard deviation, of a numeric column or target.
struct Standard {
  double mean = 0, deviation = 1;

  /// (x - mean) / deviation; by halves, because the difference of two doubles may overflow.
  [[nodiscard]] double of(double x) const { return (x / 2 - mean / 2) / (deviation / 2); }
  [[nodiscard]] double back(double z) const { return mean + deviation * z; }
};

/// What one column becomes: a numeric one [value, missing], a categorical one [one per category,
/// other, missing]; `missing` only where training rows had missing values. What is the same in all
/// training rows has no features.
struct EncodedColumn {
  std::string name;
  ColumnKind kind = ColumnKind::numeric;
  bool varies = true;                   ///< the values of the training rows differ
  Standard standard{};                  ///< of a numeric column
  std::vector<std::string> categories;  ///< with a slot of their own
  bool missing = false;                 ///< has a slot for missing values

  [[nodiscard]] int width() const {
    int const slots = kind == ColumnKind::numeric ? 1 : int(categories.size()) + 1;
    return (varies ? slots : 0) + int(missing);
  }
};

/// The mean and the population deviation of the finite values among x[rows]. Values are divided by
/// the largest first, so that no sum overflows. deviation 0: fewer than two different values.
[[nodiscard]] inline Standard standard_of(std::span<double const> x,
                                          std::span<std::int64_t const> rows) {
  double largest = 0, count = 0;
  for (auto const row : rows) {
    double const value = x[static_cast<std::size_t>(row)];
    if (std::isnan(value)) continue;
    largest = std::max(largest, std::abs(value));
    count += 1;
  }
  if (count == 0) return {0, 0};
  if (largest == 0) return {0, 0};
  double const scale = std::scalbn(1.0, std::ilogb(largest));  // exact to divide by
  double sum = 0, squares = 0, least = INFINITY, most = -INFINITY;
  for (auto const row : rows) {
    double const value = x[static_cast<std::size_t>(row)] / scale;
    if (std::isnan(value)) continue;
    sum += value;
    least = std::min(least, value);
    most = std::max(most, value);
  }
  double const mean = sum / count;
  for (auto const row : rows) {
    double const value = x[static_cast<std::size_t>(row)] / scale;
    if (!std::isnan(value)) squares += (value - mean) * (value - mean);
  }
  // Rounding of the mean must not make a constant column look as if it varied.
  double const deviation = std::sqrt(squares / count) * scale;
  bool const constant = least == most || deviation < std::numeric_limits<double>::min();
  return {least == most ? least * scale : mean * scale, constant ? 0 : deviation};
}

/// Turns rows of a table into features [rows, width], as learned from training rows alone.
class TabularEncoder {
 public:
  /// Learns means, deviations and categories from the rows `train` of `table`. Throws ConfigError
  /// for settings that cannot work, DataError when no column has any information.
  [[nodiscard]] static TabularEncoder fit(TabularTable const& table,
                                          std::span<std::int64_t const> train,
                                          TabularEncoderConfig const& config) {
    if (!(config.clip > 0)) {
      throw ConfigError("encoder: clip must be above 0, got " + std::to_string(config.clip));
    }
    require(config.min_count >= 1, "encoder: min_count must be at least 1", config.min_count, 1);
    TabularEncoder encoder;
    encoder.clip_ = config.clip;
    encoder.target_ = table.target;
    encoder.class_names_ = table.class_names;
    for (auto const& column : table.features) {
      encoder.columns_.push_back(fit_column(column, train, config));
    }
    if (table.class_names.empty() && config.standardise_target) {
      auto const standard = standard_of(table.values, train);
      encoder.target_standard_ = {standard.mean, standard.deviation > 0 ? standard.deviation : 1};
    }
    if (encoder.width() == 0) {
      throw DataError("encoder: a column must have different values in the training rows, all " +
                      std::to_string(table.features.size()) + " are constant");
    }
    return encoder;
  }

  /// From parts that were saved (encoder_file.hpp).
  TabularEncoder(std::vector<EncodedColumn> columns, std::string target,
                 std::vector<std::string> class_names, Standard target_standard, double clip)
      : columns_(std::move(columns)),
        target_(std::move(target)),
        class_names_(std::move(class_names)),
        target_standard_(target_standard),
        clip_(clip) {}

  [[nodiscard]] int width() const {
    int sum = 0;
    for (auto const& column : columns_) sum += column.width();
    return sum;
  }
  [[nodiscard]] std::vector<EncodedColumn> const& columns() const { return columns_; }
  [[nodiscard]] std::string const& target() const { return target_; }
  [[nodiscard]] std::vector<std::string> const& class_names() const { return class_names_; }
  [[nodiscard]] Standard const& target_standard() const { return target_standard_; }
  [[nodiscard]] double clip() const { return clip_; }

  /// Features [rows.size(), width] of those rows. Columns are found by name, so the table may have
  /// others too. Throws DataError when one is missing or of another kind.
  [[nodiscard]] std::vector<float> encode(TabularTable const& table,
                                          std::span<std::int64_t const> rows) const {
    auto const stride = static_cast<std::size_t>(width());
    std::vector<float> features(rows.size() * stride, 0.0F);
    std::size_t offset = 0;
    for (auto const& column : columns_) {
      auto const& source = column_of(table, column);
      float* const first = features.empty() ? nullptr : features.data() + offset;
      if (column.kind == ColumnKind::numeric) {
        encode_numbers(column, source, rows, first, stride);
      } else {
        encode_categories(column, source, rows, first, stride);
      }
      offset += static_cast<std::size_t>(column.width());
    }
    return features;
  }

 private:
  TabularEncoder() = default;

  [[nodiscard]] static EncodedColumn fit_column(TabularColumn const& column,
                                                std::span<std::int64_t const> train,
                                                TabularEncoderConfig const& config) {
    EncodedColumn encoded{column.name, column.kind, true, {}, {}, false};
    for (auto const row : train) encoded.missing = encoded.missing || column.is_missing(row);
    if (column.kind == ColumnKind::numeric) {
      encoded.standard = standard_of(column.numbers, train);
      encoded.varies = encoded.standard.deviation > 0;
      if (!encoded.varies) encoded.standard.deviation = 1;
      bool const known = std::any_of(train.begin(), train.end(),
                                     [&](auto row) { return !column.is_missing(row); });
      encoded.missing = encoded.missing && known;
      return encoded;
    }
    std::vector<int> counts(column.names.size(), 0);
    for (auto const row : train) {
      int const category = column.categories[static_cast<std::size_t>(row)];
      if (category >= 0) ++counts[static_cast<std::size_t>(category)];
    }
    bool rare = false;
    for (std::size_t i = 0; i < counts.size(); ++i) {
      if (counts[i] >= config.min_count) encoded.categories.push_back(column.names[i]);
      rare = rare || (counts[i] > 0 && counts[i] < config.min_count);
    }
    encoded.varies =
        encoded.categories.size() + std::size_t(rare) + std::size_t(encoded.missing) >= 2;
    encoded.missing = encoded.missing && encoded.varies;
    return encoded;
  }

  [[nodiscard]] static TabularColumn const& column_of(TabularTable const& table,
                                                      EncodedColumn const& wanted) {
    for (auto const& column : table.features) {
      if (column.name != wanted.name) continue;
      if (column.kind == wanted.kind) return column;
      throw DataError("encoder: column " + io::quote(wanted.name) + " must be " +
                      enum_names(wanted.kind)[std::size_t(wanted.kind)] + " as in training, got " +
                      enum_names(column.kind)[std::size_t(column.kind)] +
                      "; list it under that kind when the table is read");
    }
    throw DataError("encoder: the table must have the column " + io::quote(wanted.name));
  }

  void encode_numbers(EncodedColumn const& column, TabularColumn const& source,
                      std::span<std::int64_t const> rows, float* out, std::size_t stride) const {
    for (auto const row : rows) {
      double const value = source.numbers[static_cast<std::size_t>(row)];
      bool const missing = std::isnan(value);  // becomes the mean, 0
      if (column.varies && !missing) {
        out[0] = static_cast<float>(std::clamp(column.standard.of(value), -clip_, clip_));
      }
      if (column.missing && missing) out[int(column.varies)] = 1;
      out += stride;
    }
  }
  static void encode_categories(EncodedColumn const& column, TabularColumn const& source,
                                std::span<std::int64_t const> rows, float* out,
                                std::size_t stride) {
    if (!column.varies) return;
    int const other = static_cast<int>(column.categories.size());
    std::unordered_map<std::string, int> slots;
    for (int i = 0; i < other; ++i)
      slots.emplace(column.categories[static_cast<std::size_t>(i)], i);
    std::vector<int> slot_of(source.names.size(), other);
    for (std::size_t i = 0; i < source.names.size(); ++i) {
      if (auto const found = slots.find(source.names[i]); found != slots.end()) {
        slot_of[i] = found->second;
      }
    }
    // A value that was never missing in training is as unknown as one never seen.
    int const missing = column.missing ? other + 1 : other;
    for (auto const row : rows) {
      int const category = source.categories[static_cast<std::size_t>(row)];
      out[category < 0 ? missing : slot_of[static_cast<std::size_t>(category)]] = 1;
      out += stride;
    }
  }

  std::vector<EncodedColumn> columns_;
  std::string target_;
  std::vector<std::string> class_names_;
  Standard target_standard_{};
  double clip_ = 10;
};

}  // namespace moenda::data
