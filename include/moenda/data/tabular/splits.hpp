// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <numeric>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "moenda/core/error.hpp"
#include "moenda/core/fields.hpp"

namespace moenda::data {

struct TabularSplitConfig {
  double valid_fraction = 0.15, test_fraction = 0.15;  ///< of the rows of every class
  std::uint64_t seed = 1;                              ///< decides which rows go where
  MOENDA_FIELDS(TabularSplitConfig, valid_fraction, test_fraction, seed);
};

/// Row numbers, ascending, each row in one of the three.
struct RowSplits {
  std::vector<std::int64_t> train, valid, test;
};

/// What rows are ordered by. Three lines of any language make the same numbers (mod 2^64; the
/// mixing of SplitMix64, Steele et al. 2014): z = seed * 0xD6E8FEB86659FD93 + (row + 1) *
/// 0x9E3779B97F4A7C15; z = (z ^ z >> 30) * 0xBF58476D1CE4E5B9; z = (z ^ z >> 27) *
/// 0x94D049BB133111EB; z ^ z >> 31.
[[nodiscard]] constexpr std::uint64_t split_key(std::uint64_t seed, std::uint64_t row) {
  std::uint64_t z = seed * 0xD6E8FEB86659FD93u + (row + 1) * 0x9E3779B97F4A7C15u;
  z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9u;
  z = (z ^ (z >> 27)) * 0x94D049BB133111EBu;
  return z ^ (z >> 31);
}

/// Splits rows 0 .. strata.size() - 1 so that every stratum (class) is shared out alike: its n rows
/// in the order of their keys; the first floor(test_fraction * n + 0.5) are test rows, the next
/// floor(valid_fraction * n + 0.5) validation rows. bench/peers/tabular.py makes the same splits.
/// Throws ConfigError for fractions that leave nothing to train on, DataError where they do so
/// here.
[[nodiscard]] inline RowSplits split_rows(std::span<int const> strata,
                                          TabularSplitConfig const& config) {
  double const valid = config.valid_fraction, test = config.test_fraction;
  if (!(valid >= 0 && test >= 0 && valid + test < 1)) {
    throw ConfigError(
        "split: valid_fraction and test_fraction must be at least 0 and sum to less than 1, got " +
        std::to_string(valid) + " and " + std::to_string(test));
  }
  std::vector<std::pair<std::uint64_t, std::int64_t>> order(strata.size());
  for (std::size_t i = 0; i < order.size(); ++i) {
    order[i] = {split_key(config.seed, i), static_cast<std::int64_t>(i)};
  }
  std::sort(order.begin(), order.end());
  int const count = strata.empty() ? 0 : *std::max_element(strata.begin(), strata.end()) + 1;
  std::vector<double> sizes(static_cast<std::size_t>(count), 0);
  for (int const stratum : strata) {
    require(stratum >= 0, "split: a stratum must be at least 0", stratum, 0);
    sizes[static_cast<std::size_t>(stratum)] += 1;
  }
  std::vector<double> seen(sizes.size(), 0);
  RowSplits splits;
  for (auto const& [key, row] : order) {
    auto const stratum = static_cast<std::size_t>(strata[static_cast<std::size_t>(row)]);
    double const tests = std::floor(test * sizes[stratum] + 0.5);
    double const valids = std::floor(valid * sizes[stratum] + 0.5);
    double const place = seen[stratum]++;
    auto& split = place < tests            ? splits.test
                  : place < tests + valids ? splits.valid
                                           : splits.train;
    split.push_back(row);
  }
  for (auto* split : {&splits.train, &splits.valid, &splits.test}) {
    std::sort(split->begin(), split->end());
  }
  if (splits.train.empty()) {
    throw DataError("split: must leave a row to train on, got " + std::to_string(strata.size()) +
                    " rows in all");
  }
  return splits;
}

}  // namespace moenda::data
