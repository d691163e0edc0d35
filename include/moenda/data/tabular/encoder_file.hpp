// SPDX-License-Identifier: Apache-2.0
#pragma once
// A TabularEncoder as a JSON file, so that a checkpoint can answer for rows of tables read later.
#include <cmath>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "moenda/core/error.hpp"
#include "moenda/data/tabular/encoder.hpp"
#include "moenda/files/atomic_file.hpp"
#include "moenda/files/read_file.hpp"

namespace moenda::data {

namespace detail {

inline constexpr char const* encoder_format = "moenda tabular encoder 1";
inline constexpr std::uint64_t largest_encoder_bytes = std::uint64_t{64} << 20;

/// Reads members of a JSON object; every error names the file and the member.
class EncoderJson {
 public:
  using Json = nlohmann::json;
  EncoderJson(Json const& object, std::string where) : object_(object), where_(std::move(where)) {
    if (!object.is_object()) refuse("", std::string("be an object, got ") + object.type_name());
  }

  [[nodiscard]] std::string text(char const* key) const {
    return member(key, Json::value_t::string).get<std::string>();
  }
  [[nodiscard]] bool truth(char const* key) const {
    return member(key, Json::value_t::boolean).get<bool>();
  }
  [[nodiscard]] double number(char const* key) const {
    auto const found = object_.find(key);
    double const value = found != object_.end() && found->is_number() ? found->get<double>() : NAN;
    if (!std::isfinite(value)) refuse(key, "be a finite number");
    return value;
  }
  [[nodiscard]] std::vector<std::string> texts(char const* key) const {
    std::vector<std::string> list;
    for (auto const& item : member(key, Json::value_t::array)) {
      if (!item.is_string()) refuse(key, "hold only texts");
      list.push_back(item.get<std::string>());
    }
    return list;
  }
  [[nodiscard]] Json const& array(char const* key) const {
    return member(key, Json::value_t::array);
  }
  [[nodiscard]] Standard standard() const {
    Standard const standard{number("mean"), number("deviation")};
    if (!(standard.deviation > 0)) refuse("deviation", "be above 0");
    return standard;
  }
  [[noreturn]] void refuse(std::string const& key, std::string const& must) const {
    throw DataError(where_ + ": " + (key.empty() ? "" : "'" + key + "' ") + "must " + must);
  }

 private:
  [[nodiscard]] Json const& member(char const* key, Json::value_t type) const {
    auto const found = object_.find(key);
    if (found == object_.end() || found->type() != type) {
      refuse(key, std::string("be of type ") + Json(type).type_name() + ", got " +
                      (found == object_.end() ? "nothing" : found->type_name()));
    }
    return *found;
  }
  Json const& object_;
  std::string where_;
};

inline EncodedColumn column_from_json(nlohmann::json const& json, std::string const& where) {
  EncoderJson const object(json, where);
  EncodedColumn column;
  column.name = object.text("name");
  auto const kind = object.text("kind");
  if (kind != "numeric" && kind != "categorical") {
    object.refuse("kind", "be numeric or categorical, got " + io::quote(kind));
  }
  column.varies = object.truth("varies");
  column.missing = object.truth("missing");
  if (kind == "numeric") {
    column.standard = object.standard();
  } else {
    column.kind = ColumnKind::categorical;
    column.categories = object.texts("categories");
  }
  return column;
}

}  // namespace detail

/// The encoder as JSON text.
[[nodiscard]] inline std::string encoder_to_json(TabularEncoder const& encoder) {
  using Json = nlohmann::ordered_json;
  Json columns = Json::array();
  for (auto const& column : encoder.columns()) {
    Json json{{"name", column.name},
              {"kind", column.kind == ColumnKind::numeric ? "numeric" : "categorical"},
              {"varies", column.varies},
              {"missing", column.missing}};
    if (column.kind == ColumnKind::numeric) {
      json["mean"] = column.standard.mean;
      json["deviation"] = column.standard.deviation;
    } else {
      json["categories"] = column.categories;
    }
    columns.push_back(std::move(json));
  }
  Json target{{"name", encoder.target()}, {"classes", encoder.class_names()}};
  target["mean"] = encoder.target_standard().mean;
  target["deviation"] = encoder.target_standard().deviation;
  Json const all{{"format", detail::encoder_format},
                 {"clip", encoder.clip()},
                 {"target", std::move(target)},
                 {"columns", std::move(columns)}};
  return all.dump(1) + "\n";
}

/// The encoder of JSON text. Throws DataError unless it is one; `source` names it in messages.
[[nodiscard]] inline TabularEncoder encoder_from_json(std::string_view text,
                                                      std::string const& source) {
  auto const json = nlohmann::json::parse(text, nullptr, false);
  if (json.is_discarded()) throw DataError(source + ": must be JSON");
  detail::EncoderJson const all(json, source);
  if (auto const format = all.text("format"); format != detail::encoder_format) {
    all.refuse("format",
               std::string("be '") + detail::encoder_format + "', got " + io::quote(format));
  }
  double const clip = all.number("clip");
  if (!(clip > 0)) all.refuse("clip", "be above 0");
  std::vector<EncodedColumn> columns;
  for (auto const& column : all.array("columns")) {
    columns.push_back(detail::column_from_json(
        column, source + ": column " + std::to_string(columns.size() + 1)));
  }
  if (json.find("target") == json.end()) all.refuse("target", "be given");
  detail::EncoderJson const target(json["target"], source + ": target");
  TabularEncoder encoder(std::move(columns), target.text("name"), target.texts("classes"),
                         target.standard(), clip);
  if (encoder.width() == 0) all.refuse("columns", "make at least one feature");
  return encoder;
}

/// Writes the encoder, complete or not at all. Throws DataError.
inline void save_encoder(std::filesystem::path const& path, TabularEncoder const& encoder) {
  io::write_file_atomically(path, encoder_to_json(encoder));
}
/// Reads what save_encoder wrote. Throws DataError with path and reason.
[[nodiscard]] inline TabularEncoder load_encoder(std::filesystem::path const& path) {
  auto const text = read_file(path, detail::largest_encoder_bytes + 1);
  if (text.size() > detail::largest_encoder_bytes) {
    throw DataError(path.string() + ": an encoder must have at most 64 MiB");
  }
  return encoder_from_json(text, path.string());
}

}  // namespace moenda::data
