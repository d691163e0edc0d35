// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <algorithm>
#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace moenda {

/// Levenshtein distance in single-character edits.
[[nodiscard]] inline std::size_t edit_distance(std::string_view a, std::string_view b) {
  std::vector<std::size_t> row(b.size() + 1);
  for (std::size_t j = 0; j <= b.size(); ++j) row[j] = j;
  for (std::size_t i = 1; i <= a.size(); ++i) {
    std::size_t diagonal = row[0];
    row[0] = i;
    for (std::size_t j = 1; j <= b.size(); ++j) {
      std::size_t const above = row[j];
      row[j] = std::min({above + 1, row[j - 1] + 1, diagonal + (a[i - 1] == b[j - 1] ? 0 : 1)});
      diagonal = above;
    }
  }
  return row[b.size()];
}

/// " (did you mean 'x'?)" for the nearest of `known`, or "" when nothing is near.
[[nodiscard]] inline std::string did_you_mean(std::string_view got,
                                              std::vector<std::string> const& known) {
  if (got.size() > 64) return "";
  std::string const* best = nullptr;
  std::size_t distance = std::max<std::size_t>(2, got.size() / 3) + 1;
  for (auto const& candidate : known) {
    std::size_t const d = edit_distance(got, candidate);
    if (d < distance) distance = d, best = &candidate;
  }
  return best == nullptr ? "" : " (did you mean '" + *best + "'?)";
}

/// "a, b, c"
[[nodiscard]] inline std::string join(std::vector<std::string> const& words) {
  std::string text;
  for (auto const& word : words) text += (text.empty() ? "" : ", ") + word;
  return text;
}

}  // namespace moenda
