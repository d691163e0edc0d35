// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>

#include "moenda/core/error.hpp"

namespace moenda::hugging_face {

/// The document that `text` holds, which must be an object and at most 32 deep. `where` names the
/// file in messages. Throws DataError with the byte.
[[nodiscard]] inline nlohmann::json parse_json_document(std::string_view text,
                                                        std::string const& where) {
  auto const bounded = [&](int depth, nlohmann::json::parse_event_t, nlohmann::json&) {
    if (depth > 32) throw DataError(where + ": must be nested at most 32 deep");
    return true;
  };
  nlohmann::json document;
  try {
    document = nlohmann::json::parse(text, bounded);
  } catch (nlohmann::json::parse_error const& error) {
    throw DataError(where + ": must be JSON, byte " + std::to_string(error.byte) +
                    " does not fit or the file ends too early");
  } catch (nlohmann::json::exception const&) {
    throw DataError(where + ": must be JSON with numbers that a double can hold");
  }
  if (!document.is_object())
    throw DataError(where + ": must hold an object, got " + document.type_name());
  return document;
}

}  // namespace moenda::hugging_face
