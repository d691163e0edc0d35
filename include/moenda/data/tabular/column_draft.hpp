// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <cstddef>
#include <string>
#include <unordered_map>
#include <vector>

#include "moenda/data/tabular/table.hpp"

namespace moenda::data::detail {

/// One column while it is read.
struct ColumnDraft {
  enum class Role { feature, target, ignored };
  std::string name;
  Role role = Role::feature;
  bool given = false;  // its kind
  ColumnKind kind = ColumnKind::numeric;
  std::unordered_map<std::string, int> index;  // of its categories
  std::string first_word;                      // that is no number, and where it stands
  std::size_t word_line = 0;
  std::size_t words = 0, infinities = 0, first_row_words = 0;  // of them
  bool has_numbers = false;
  std::vector<double> numbers;
  std::vector<int> categories;
};

}  // namespace moenda::data::detail
