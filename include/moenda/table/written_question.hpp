// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <memory>
#include <string>
#include <vector>

#include "moenda/table/cells/table.hpp"

namespace moenda::data {

/// A question that people wrote, and what is known of it.
struct WrittenQuestion {
  std::string id, text;
  std::shared_ptr<Table const> table;
  std::vector<std::string> answer{};
  int operation = -1;  ///< where that is what is known
};

}  // namespace moenda::data
