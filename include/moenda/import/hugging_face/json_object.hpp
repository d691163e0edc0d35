// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <cmath>
#include <cstdint>
#include <filesystem>
#include <limits>
#include <nlohmann/json.hpp>
#include <string>
#include <utility>
#include <vector>

#include "moenda/core/error.hpp"
#include "moenda/files/read_file.hpp"
#include "moenda/files/text.hpp"
#include "moenda/import/hugging_face/json_document.hpp"

namespace moenda::hugging_face {

/// An object of a JSON file, whose values are asked for by key and kind. What does not fit is a
/// DataError: "FILE: 'key' must be ..., got ...". A value of null counts as absent.
class JsonObject {
 public:
  /// Throws DataError when the file cannot be read, has more than 64 MB, or
  /// holds no object or one that is more than 32 deep.
  explicit JsonObject(std::filesystem::path const& path) : where_(path.string()) {
    constexpr std::uint64_t most = std::uint64_t{64} << 20;
    auto const text = data::read_file(path, most + 1);
    if (text.size() > most) throw DataError(where_ + ": must have at most 64 MB");
    value_ = parse_json_document(text, where_);
  }
  JsonObject(nlohmann::json value, std::string where, std::string inside)
      : value_(std::move(value)), where_(std::move(where)), inside_(std::move(inside)) {}

  [[nodiscard]] std::string const& where() const { return where_; }
  [[nodiscard]] nlohmann::json const& json() const { return value_; }
  /// Whether there is a value that is not null.
  [[nodiscard]] bool has(std::string const& key) const { return find(key) != nullptr; }
  /// Whether there is the key, be it with null.
  [[nodiscard]] bool names(std::string const& key) const { return value_.contains(key); }

  [[nodiscard]] int integer(std::string const& key, int least, int most) const {
    if (!has(key)) refuse(key, "there");
    return integer(key, least, most, least);
  }
  [[nodiscard]] int integer(std::string const& key, int least, int most, int otherwise) const {
    auto const* found = find(key);
    if (found == nullptr) return otherwise;
    auto const rule = "a whole number in " + std::to_string(least) + ".." + std::to_string(most);
    if (!found->is_number_integer()) refuse(key, rule);
    if (found->is_number_unsigned() && found->get<std::uint64_t>() > std::uint64_t(most)) {
      refuse(key, rule);
    }
    auto const number = found->get<std::int64_t>();
    if (number < least || number > most) refuse(key, rule);
    return int(number);
  }
  /// Above 0 and finite.
  [[nodiscard]] double positive(std::string const& key, double otherwise) const {
    auto const* found = find(key);
    if (found == nullptr) return otherwise;
    auto const number = found->is_number() ? found->get<double>() : 0;
    if (!(number > 0) || !std::isfinite(number)) refuse(key, "a number above 0");
    return number;
  }
  [[nodiscard]] bool boolean(std::string const& key, bool otherwise) const {
    auto const* found = find(key);
    if (found == nullptr) return otherwise;
    if (!found->is_boolean()) refuse(key, "true or false");
    return found->get<bool>();
  }
  [[nodiscard]] std::string text(std::string const& key, std::string const& otherwise) const {
    auto const* found = find(key);
    if (found == nullptr) return otherwise;
    if (!found->is_string()) refuse(key, "a text");
    return found->get<std::string>();
  }
  /// Empty where there is none.
  [[nodiscard]] JsonObject object(std::string const& key) const {
    auto const* found = find(key);
    if (found == nullptr) return {nlohmann::json::object(), where_, key};
    if (!found->is_object()) refuse(key, "an object");
    return {*found, where_, key};
  }
  [[nodiscard]] std::vector<int> integers(std::string const& key) const {
    std::vector<int> list;
    for (auto const& item : array(key)) {
      if (!item.is_number_integer() || item < 0 || item > std::numeric_limits<int>::max()) {
        refuse(key, "a list of whole numbers");
      }
      list.push_back(item.get<int>());
    }
    return list;
  }
  [[nodiscard]] std::vector<std::string> texts(std::string const& key) const {
    std::vector<std::string> list;
    for (auto const& item : array(key)) {
      if (!item.is_string()) refuse(key, "a list of texts");
      list.push_back(item.get<std::string>());
    }
    return list;
  }
  /// Throws DataError "FILE: 'key' must be `rule`, got ...".
  [[noreturn]] void refuse(std::string const& key, std::string const& rule) const {
    auto const got =
        value_.contains(key)
            ? io::shorten(
                  value_[key].dump(-1, ' ', false, nlohmann::json::error_handler_t::replace), 80)
            : "nothing";
    throw DataError(where_ + ": '" + (inside_.empty() ? key : inside_ + "." + key) + "' must be " +
                    rule + ", got " + got);
  }

 private:
  [[nodiscard]] nlohmann::json const* find(std::string const& key) const {
    auto const found = value_.find(key);
    return found == value_.end() || found->is_null() ? nullptr : &*found;
  }
  [[nodiscard]] nlohmann::json array(std::string const& key) const {
    auto const* found = find(key);
    if (found == nullptr) return nlohmann::json::array();
    if (!found->is_array()) refuse(key, "a list");
    return *found;
  }

  nlohmann::json value_;
  std::string where_, inside_;
};

}  // namespace moenda::hugging_face
