// SPDX-License-Identifier: Apache-2.0
#pragma once
#include "moenda/table/operations/selection.hpp"

namespace moenda::expert::tab {

/// How many rows are chosen. None is an answer too.
struct Count {
  static constexpr char const* name = "count";
  static constexpr Parts parts{};

  [[nodiscard]] static Outcome execute(data::Table const&, Selection const&,
                                       std::vector<int> const& rows) {
    Outcome outcome;
    outcome.number = data::Decimal{std::int64_t(rows.size()), 0};
    outcome.rows = rows;
    return outcome;
  }
};

}  // namespace moenda::expert::tab
