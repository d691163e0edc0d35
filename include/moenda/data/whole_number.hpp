// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <cstdint>
#include <limits>
#include <nlohmann/json.hpp>
#include <string>
#include <utility>

#include "moenda/core/error.hpp"

namespace moenda::data {

/// A JSON value as a whole number. nlohmann's get<int>() cuts what is too large, and is undefined
/// for 1e300. Throws DataError, which begins with `where`, for a value that is none or does not
/// fit.
template <class Integer>
[[nodiscard]] Integer whole_number(nlohmann::json const& value, std::string const& where) {
  if (value.is_number_unsigned()) {
    auto const number = value.get<std::uint64_t>();
    if (std::in_range<Integer>(number)) return static_cast<Integer>(number);
  } else if (value.is_number_integer()) {
    auto const number = value.get<std::int64_t>();
    if (std::in_range<Integer>(number)) return static_cast<Integer>(number);
  }
  throw DataError(where + " must be a whole number in " +
                  std::to_string(std::numeric_limits<Integer>::min()) + ".." +
                  std::to_string(std::numeric_limits<Integer>::max()) + ", got " +
                  (value.is_number() ? value.dump() : value.type_name()));
}

}  // namespace moenda::data
