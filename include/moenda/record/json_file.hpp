// SPDX-License-Identifier: Apache-2.0
#pragma once
// JSON files that are read with a sentence for what is wrong: the file, the key, what must hold.
#include <cstdint>
#include <filesystem>
#include <map>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "moenda/core/error.hpp"
#include "moenda/files/text.hpp"
#include "moenda/record/csv.hpp"

namespace moenda::io {

/// Texts and JSON above this size are refused instead of filling the memory.
inline constexpr std::uintmax_t largest_text_bytes = std::uintmax_t{256} << 20;

/// A text file as valid UTF-8; bytes that are none are replaced. DataError names the file.
[[nodiscard]] inline std::string read_text_file(std::filesystem::path const& path) {
  return sanitize_utf8(detail::read_own_file(path, largest_text_bytes));
}

/// What is wrong, without the name of the exception: "[json.exception.parse_error.101] parse ...".
[[nodiscard]] inline std::string reason_of(nlohmann::json::exception const& error) {
  std::string const why = error.what();
  return why.substr(why.find(' ') + 1);
}

/// What a JSON file holds, which must be an object. DataError names the file and the place in it.
[[nodiscard]] inline nlohmann::json read_json_file(std::filesystem::path const& path) {
  std::string const where = sanitize_utf8(path.string());
  nlohmann::json value;
  try {
    value = nlohmann::json::parse(read_text_file(path));
  } catch (nlohmann::json::exception const& error) {
    throw DataError(where + ": must be JSON, " + reason_of(error));
  }
  if (!value.is_object()) {
    throw DataError(where + ": must hold an object, got " + value.type_name());
  }
  return value;
}

namespace detail {

/// object[key] when it has the wanted kind; null and absent give nullptr, another kind DataError.
[[nodiscard]] inline nlohmann::json const* member(nlohmann::json const& object,
                                                  std::string const& key,
                                                  nlohmann::json::value_t kind,
                                                  std::filesystem::path const& file) {
  auto const found = object.find(key);
  if (found == object.end() || found->is_null()) return nullptr;
  if (found->type() != kind) {
    throw DataError(sanitize_utf8(file.string()) + ": '" + key + "' must be of type " +
                    nlohmann::json(kind).type_name() + ", got " + found->type_name());
  }
  return &*found;
}

[[nodiscard]] inline std::string text_member(nlohmann::json const& object, std::string const& key,
                                             std::filesystem::path const& file) {
  auto const* found = member(object, key, nlohmann::json::value_t::string, file);
  return found == nullptr ? "" : found->get<std::string>();
}

/// object[key] as a number; null, which is how JSON spells NaN, and absent give `otherwise`.
[[nodiscard]] inline double number_member(nlohmann::json const& object, std::string const& key,
                                          double otherwise, std::filesystem::path const& file) {
  auto const found = object.find(key);
  if (found == object.end() || found->is_null()) return otherwise;
  if (!found->is_number()) {
    throw DataError(sanitize_utf8(file.string()) + ": '" + key + "' must be a number, got " +
                    found->type_name());
  }
  return found->get<double>();
}

/// object[key], a list of objects; empty where there is none.
[[nodiscard]] inline std::vector<nlohmann::json> objects_member(nlohmann::json const& object,
                                                                std::string const& key,
                                                                std::filesystem::path const& file) {
  auto const* list = member(object, key, nlohmann::json::value_t::array, file);
  if (list == nullptr) return {};
  for (auto const& item : *list) {
    if (item.is_object()) continue;
    throw DataError(sanitize_utf8(file.string()) + ": '" + key + "' must hold objects, got " +
                    item.type_name());
  }
  return {list->begin(), list->end()};
}

/// The numbers of an object by their keys. Null is how JSON spells NaN; other kinds (a task's
/// alias) are no measures.
[[nodiscard]] inline std::map<std::string, double> numbers_of(nlohmann::json const& object) {
  std::map<std::string, double> numbers;
  for (auto const& [key, value] : object.items()) {
    if (value.is_number()) numbers[key] = value.get<double>();
  }
  return numbers;
}

}  // namespace detail

}  // namespace moenda::io
