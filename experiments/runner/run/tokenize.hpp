// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <algorithm>
#include <iostream>
#include <nlohmann/json.hpp>
#include <span>
#include <string>
#include <vector>

#include "moenda/files/read_file.hpp"
#include "moenda/files/text.hpp"
#include "runner/commands.hpp"

namespace moenda::runner {

/// A list of token ids, of JSON. Throws DataError.
inline std::vector<int> ids_of(nlohmann::json const& list, std::string const& file) {
  std::vector<int> ids;
  if (!list.is_array())
    throw DataError(file + ": must hold a list of ids, or a list of such lists");
  for (auto const& id : list) {
    bool const fits = id.is_number_unsigned() && id.get<std::uint64_t>() <= INT32_MAX;
    if (!fits) {
      throw DataError(file + ": ids must be whole numbers from 0 on, got " +
                      (id.is_primitive() ? id.dump().substr(0, 80) : id.type_name()));
    }
    ids.push_back(id.get<int>());
  }
  return ids;
}

/// The list of ids, or of lists of ids, in a JSON file.
inline nlohmann::json read_ids(std::filesystem::path const& path) {
  auto const file = io::sanitize_utf8(path.string());
  auto const bounded = [&](int depth, nlohmann::json::parse_event_t, nlohmann::json&) {
    if (depth > 4) throw DataError(file + ": must hold a list of ids, or a list of such lists");
    return true;
  };
  try {
    return nlohmann::json::parse(data::read_file(path), bounded);
  } catch (nlohmann::json::exception const&) {
    throw DataError(file + ": must be JSON, a list of ids or a list of such lists");
  }
}

/// What `moenda tokenize` prints, as one line of JSON: the ids of encode(text), or, of a file of
/// ids, what decode(ids) says of each list.
template <class Encode, class Decode>
int tokenize_with(TokenizeOptions const& what, Encode encode, Decode decode) {
  int const given = int(what.text.has_value()) + int(!what.file.empty()) + int(!what.ids.empty());
  if (given != 1) {
    throw ConfigError("tokenize: one of TEXT, --file and --ids must be given, got " +
                      std::to_string(given) + " of them");
  }
  // ASCII, so that a terminal shows every character and a program reads every one.
  auto const print = [](nlohmann::json const& value) {
    std::cout << value.dump(-1, ' ', true) << std::endl;
    return 0;
  };
  if (what.ids.empty()) {
    return print(encode(what.text ? *what.text : data::read_file(what.file)));
  }
  auto const lists = read_ids(what.ids);
  auto const file = io::sanitize_utf8(what.ids.string());
  auto const text = [&](nlohmann::json const& list) {
    return io::sanitize_utf8(decode(ids_of(list, file)));
  };
  bool const several = lists.is_array() && !lists.empty() && lists[0].is_array();
  if (!several) return print(text(lists));
  auto texts = nlohmann::json::array();
  for (auto const& list : lists) texts.push_back(text(list));
  return print(texts);
}

}  // namespace moenda::runner
