// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <numeric>
#include <string>
#include <utility>
#include <vector>

#include "moenda/core/fields.hpp"
#include "moenda/data/sequence/labelled_sequences.hpp"
#include "moenda/data/tabular/encoder.hpp"
#include "moenda/data/tabular/reader.hpp"
#include "moenda/data/tabular/splits.hpp"

namespace moenda::data {

/// From files to features: which tables, which rows go where, and how they are encoded.
struct TabularSetConfig {
  TabularTableConfig table = {};
  std::string test_path = "";  ///< its rows are the test split; else test_fraction of the others
  TabularSplitConfig split = {};
  TabularEncoderConfig encoder = {};
  MOENDA_FIELDS(TabularSetConfig, table, test_path, split, encoder);
};

/// A table, split and encoded; the encoder knows the training rows alone. A row is a sequence of
/// one row of `width()` channels, so that what trains on sequences trains on tables.
struct TabularSet {
  TabularEncoder encoder;
  RowSplits rows;
  LabelledSequences train, valid, test;

  [[nodiscard]] int width() const { return encoder.width(); }
};

/// Rows of a table, encoded.
[[nodiscard]] inline LabelledSequences encode_rows(TabularTable const& table,
                                                   TabularEncoder const& encoder,
                                                   std::vector<std::int64_t> const& rows) {
  LabelledSequences sequences;
  sequences.channels = encoder.width();
  sequences.features = encoder.encode(table, rows);
  sequences.class_names = encoder.class_names();
  for (auto const row : rows) {
    auto const i = static_cast<std::size_t>(row);
    sequences.offsets.push_back(sequences.offsets.back() + 1);
    if (table.class_names.empty()) {
      // Far from the training rows a target may be more than a float can hold.
      double const target = encoder.target_standard().of(table.values[i]);
      sequences.values.push_back(static_cast<float>(std::clamp(target, -1e30, 1e30)));
    } else {
      sequences.labels.push_back(table.classes[i]);
    }
  }
  return sequences;
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
  auto train = encode_rows(table, encoder, splits.train);
  auto valid = encode_rows(table, encoder, splits.valid);
  auto test = encode_rows(table, encoder, splits.test);
  return {std::move(encoder), std::move(splits), std::move(train), std::move(valid),
          std::move(test)};
}

}  // namespace moenda::data
