// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <iostream>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "moenda/files/read_file.hpp"
#include "moenda/files/text.hpp"
#include "runner/commands.hpp"
#include "runner/run/token_ids.hpp"

namespace moenda::runner {

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
  auto const lists = read_token_ids(what.ids);
  auto const file = io::sanitize_utf8(what.ids.string()) + ":";
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
