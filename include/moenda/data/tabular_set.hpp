// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <numeric>
#include <span>
#include <string>
#include <vector>

#include "moenda/core/fields.hpp"
#include "moenda/data/tabular_encoder.hpp"
#include "moenda/data/tabular_reader.hpp"
#include "moenda/data/tabular_splits.hpp"

namespace moenda::data {

/// From files to features: which tables, which rows go where, and how they are encoded.
struct TabularSetConfig {
  TabularTableConfig table = {};
  std::string test_path = "";  ///< its rows are the test split; else test_fraction of the others
  TabularSplitConfig split = {};
  TabularEncoderConfig encoder = {};
  MOENDA_FIELDS(TabularSetConfig, table, test_path, split, encoder);
};

/// Encoded rows. One of `classes` and `targets` is empty.
struct TabularRows {
  std::vector<std::int64_t> rows;  ///< their numbers in the table
  std::vector<float> features;     ///< [rows, width]
  std::vector<int> classes;        ///< [rows]
  std::vector<float> targets;      ///< [rows], standardised where the encoder says so

  [[nodiscard]] std::int64_t count() const { return static_cast<std::int64_t>(rows.size()); }
};

/// A table, split and encoded; the encoder knows the training rows alone.
struct TabularSet {
  TabularEncoder encoder;
  TabularRows train, valid, test;

  [[nodiscard]] int width() const { return encoder.width(); }
  /// Outputs that a model of it has: one per class, or one number.
  [[nodiscard]] int outputs() const {
    return std::max(1, static_cast<int>(encoder.class_names().size()));
  }
};

/// The rows of a split, encoded.
[[nodiscard]] inline TabularRows encode_rows(TabularTable const& table,
                                             TabularEncoder const& encoder,
                                             std::vector<std::int64_t> rows) {
  TabularRows split;
  split.features = encoder.encode(table, rows);
  for (auto const row : rows) {
    auto const i = static_cast<std::size_t>(row);
    if (table.class_names.empty()) {
      split.targets.push_back(static_cast<float>(encoder.target_standard().of(table.values[i])));
    } else {
      split.classes.push_back(table.classes[i]);
    }
  }
  split.rows = std::move(rows);
  return split;
}

/// Splits the rows of a table, by class where it has classes; the last `held_out` rows are the test
/// split if there are any.
[[nodiscard]] inline RowSplits split_table(TabularTable const& table, std::int64_t held_out,
                                           TabularSplitConfig config) {
  std::vector<int> strata = table.classes;
  strata.resize(static_cast<std::size_t>(table.rows), 0);
  strata.resize(static_cast<std::size_t>(table.rows - held_out));
  if (held_out > 0) config.test_fraction = 0;
  auto splits = split_rows(strata, config);
  if (held_out > 0) {
    splits.test.resize(static_cast<std::size_t>(held_out));
    std::iota(splits.test.begin(), splits.test.end(), table.rows - held_out);
  }
  return splits;
}

/// Reads, splits and encodes. Throws ConfigError or DataError as its parts do.
[[nodiscard]] inline TabularSet load_tabular_set(TabularSetConfig const& config) {
  auto reading = config.table;
  if (!config.test_path.empty()) reading.paths.push_back(config.test_path);
  auto const table = read_table(reading);
  auto splits =
      split_table(table, config.test_path.empty() ? 0 : table.rows_of_file.back(), config.split);
  auto encoder = TabularEncoder::fit(table, splits.train, config.encoder);
  auto const encode = [&](std::vector<std::int64_t>& rows) {
    return encode_rows(table, encoder, std::move(rows));
  };
  auto train = encode(splits.train), valid = encode(splits.valid), test = encode(splits.test);
  return {std::move(encoder), std::move(train), std::move(valid), std::move(test)};
}

}  // namespace moenda::data
