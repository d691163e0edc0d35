// SPDX-License-Identifier: Apache-2.0
#pragma once
// What can be said of counts: how evenly they are spread, and how much one labelling tells of
// another. Counts may be shares too: only their proportions matter.
#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <span>

namespace moenda::probe {

/// H = -sum_i p_i ln p_i with p = counts / sum(counts), in nats; 0 when nothing was counted.
template <class Number>
[[nodiscard]] double entropy(std::span<Number const> counts) {
  double sum = 0, weighted = 0;  // H = ln(sum) - (sum_i n_i ln n_i) / sum
  for (auto const count : counts) {
    if (!(count > 0)) continue;
    sum += double(count);
    weighted += double(count) * std::log(double(count));
  }
  return sum > 0 ? std::max(0.0, std::log(sum) - weighted / sum) : 0;
}

/// Entropy over its largest value, ln(size): 1 is perfectly even, 0 is everything in one place. One
/// place alone is as even as can be.
template <class Number>
[[nodiscard]] double evenness(std::span<Number const> counts) {
  if (counts.size() < 2) return 1;
  return std::min(1.0, entropy(counts) / std::log(double(counts.size())));
}

/// max_e (n_e - mean) / mean: 0 is perfect balance, 1 is an expert with twice the mean, size - 1 is
/// one expert that takes everything. 0 when nothing was counted.
template <class Number>
[[nodiscard]] double max_violation(std::span<Number const> counts) {
  double sum = 0, largest = 0;
  for (auto const count : counts) {
    sum += double(count);
    largest = std::max(largest, double(count));
  }
  return sum > 0 ? largest * double(counts.size()) / sum - 1 : 0;
}

/// Normalised mutual information of two labellings of the same things: 2 I(X; Y) / (H(X) + H(Y)),
/// where I = H(X) + H(Y) - H(X, Y) (Strehl and Ghosh 2002, with the arithmetic mean). 0: one tells
/// nothing of the other; 1: each tells the other. `joint` holds the counts of pairs in any order,
/// without those that never occurred if you like. 0 when both have a single label.
template <class Number>
[[nodiscard]] double mutual_information(std::span<Number const> joint, std::span<Number const> x,
                                        std::span<Number const> y) {
  double const both = entropy(x) + entropy(y);
  if (!(both > 0)) return 0;
  return std::clamp(2 * (both - entropy(joint)) / both, 0.0, 1.0);
}

/// The share of what is unknown of Y that X tells: I(X; Y) / H(Y). 1: X decides Y. Unlike the above
/// it never falls when X is described more closely. 0 when Y has a single label.
template <class Number>
[[nodiscard]] double explained_share(std::span<Number const> joint, std::span<Number const> x,
                                     std::span<Number const> y) {
  double const unknown = entropy(y);
  return unknown > 0 ? std::clamp((entropy(x) + unknown - entropy(joint)) / unknown, 0.0, 1.0) : 0;
}

/// The share of rows that differ between two tables of [items, cols]; 0 without items.
[[nodiscard]] inline double changed_share(std::span<std::uint8_t const> before,
                                          std::span<std::uint8_t const> after, int cols) {
  auto const width = std::size_t(cols);
  if (cols < 1 || before.size() != after.size() || before.size() < width) return 0;
  std::size_t changed = 0;
  for (std::size_t at = 0; at + width <= before.size(); at += width) {
    auto const begin = before.begin() + std::ptrdiff_t(at);
    changed += !std::equal(begin, begin + cols, after.begin() + std::ptrdiff_t(at));
  }
  return double(changed) / double(before.size() / width);
}

}  // namespace moenda::probe
