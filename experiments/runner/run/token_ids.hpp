// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <cstdint>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "moenda/files/read_file.hpp"
#include "moenda/files/text.hpp"

namespace moenda::runner {

/// A JSON file of token ids: a list of them, or of such lists. Throws DataError for a file of more
/// than 256 MB, what is no JSON, and lists that are deeper.
inline nlohmann::json read_token_ids(std::filesystem::path const& path) {
  constexpr std::uint64_t most = std::uint64_t{256} << 20;
  auto const file = io::sanitize_utf8(path.string());
  auto const text = data::read_file(path, most + 1);
  if (text.size() > most) throw DataError(file + ": must have at most 256 MB");
  auto const bounded = [&](int depth, nlohmann::json::parse_event_t, nlohmann::json&) {
    if (depth > 4) throw DataError(file + ": must hold a list of ids, or a list of such lists");
    return true;
  };
  try {
    return nlohmann::json::parse(text, bounded);
  } catch (nlohmann::json::exception const&) {
    throw DataError(file + ": must be JSON, a list of ids or a list of such lists");
  }
}

/// Throws DataError "`where` `rule`, got ...".
[[noreturn]] inline void refuse_ids(std::string const& where, char const* rule,
                                    nlohmann::json const& got) {
  auto const shown = got.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
  throw DataError(where + " " + rule + ", got " + io::shorten(shown, 80));
}

/// The ids of one list. `where` names it in messages. Throws DataError.
inline std::vector<int> ids_of(nlohmann::json const& list, std::string const& where) {
  if (!list.is_array()) refuse_ids(where, "must hold a list of ids", list);
  std::vector<int> ids;
  for (auto const& id : list) {
    bool const fits = id.is_number_unsigned() && id.get<std::uint64_t>() <= INT32_MAX;
    if (!fits) refuse_ids(where, "must hold ids, whole numbers from 0 on", id);
    ids.push_back(id.get<int>());
  }
  return ids;
}

}  // namespace moenda::runner
