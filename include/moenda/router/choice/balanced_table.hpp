// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <algorithm>
#include <bit>
#include <cstdint>
#include <functional>
#include <queue>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "moenda/core/error.hpp"
#include "moenda/core/random.hpp"

namespace moenda::router {

/// An expert for every id, so that the experts get nearly equal shares of the text with these
/// counts: ids by decreasing frequency to the expert with the least so far (Roller et al. 2021,
/// section 3.2). Frequencies within a factor of 2 count as equal and are ordered by `random`:
/// exactly decreasing order would part the most frequent ids in the same way in every layer. Rare
/// ids come last and even out what that costs. Ids that do not occur weigh nothing and are hashed.
/// counts [vocab_size] -> [vocab_size], each in 0 .. experts - 1. Throws DataError for a negative
/// count.
[[nodiscard]] inline std::vector<int> balanced_table(std::span<std::int64_t const> counts,
                                                     int experts, moenda::Random const& random) {
  struct Entry {
    int bits;  ///< of the count
    std::uint64_t order;
    int id;
  };
  auto const size = static_cast<std::uint64_t>(experts);
  std::vector<int> table(counts.size());
  std::vector<Entry> entries;
  for (std::size_t id = 0; id < counts.size(); ++id) {
    if (counts[id] < 0) {
      throw DataError("Hash: token counts must be at least 0, but token " + std::to_string(id) +
                      " has " + std::to_string(counts[id]));
    }
    auto const drawn = random.bits(id);
    table[id] = static_cast<int>(drawn % size);
    if (counts[id] == 0) continue;
    auto const bits = static_cast<int>(std::bit_width(static_cast<std::uint64_t>(counts[id])));
    entries.push_back({bits, drawn, static_cast<int>(id)});
  }
  std::sort(entries.begin(), entries.end(), [](Entry const& a, Entry const& b) {
    if (a.bits != b.bits) return a.bits > b.bits;
    return a.order != b.order ? a.order < b.order : a.id < b.id;
  });
  using Load = std::pair<double, int>;  // tokens so far, expert
  std::priority_queue<Load, std::vector<Load>, std::greater<Load>> lightest;
  for (int e = 0; e < experts; ++e) lightest.emplace(0, e);
  for (auto const& entry : entries) {
    auto const [load, expert] = lightest.top();
    lightest.pop();
    auto const id = static_cast<std::size_t>(entry.id);
    table[id] = expert;
    lightest.emplace(load + static_cast<double>(counts[id]), expert);
  }
  return table;
}

}  // namespace moenda::router
