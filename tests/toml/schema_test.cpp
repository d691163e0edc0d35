// SPDX-License-Identifier: Apache-2.0
#include "moenda/toml/schema.hpp"

#include <catch2/catch.hpp>
#include <filesystem>
#include <string>

#include "files/temporary_folder.hpp"
#include "run_configuration.hpp"

using namespace moenda;
using namespace moenda::io::test;
using io::Json;

namespace {

/// What JSON Schema 2020-12 says, for the words that schema_of writes; any other word throws.
bool satisfies(Json const& value, Json const& schema);

bool has_type(Json const& value, std::string const& type) {
  if (type == "object") return value.is_object();
  if (type == "array") return value.is_array();
  if (type == "string") return value.is_string();
  if (type == "boolean") return value.is_boolean();
  if (type == "integer") return value.is_number_integer();
  if (type == "number") return value.is_number();
  throw std::runtime_error("unknown type " + type);
}
bool properties_satisfy(Json const& value, Json const& schema) {
  if (!value.is_object()) return true;
  for (auto const& [key, member] : value.items()) {
    if (!schema["properties"].contains(key)) return false;
    if (!satisfies(member, schema["properties"][key])) return false;
  }
  return true;
}
bool satisfies(Json const& value, Json const& schema) {
  for (auto const& [word, rule] : schema.items()) {
    bool ok = true;
    if (word == "type") {
      ok = has_type(value, rule.get<std::string>());
    } else if (word == "properties") {
      ok = properties_satisfy(value, schema);
    } else if (word == "const") {
      ok = value == rule;
    } else if (word == "enum") {
      ok = std::find(rule.begin(), rule.end(), value) != rule.end();
    } else if (word == "items") {
      for (auto const& item : value) ok = ok && satisfies(item, rule);
    } else if (word == "anyOf") {
      ok = std::any_of(rule.begin(), rule.end(),
                       [&](Json const& one) { return satisfies(value, one); });
    } else if (word == "additionalProperties") {
      ok = rule == false && schema.contains("properties");
    } else if (word != "default" && word != "description" && word != "title" && word != "$schema") {
      throw std::runtime_error("unknown word " + word);
    }
    if (!ok) return false;
  }
  return true;
}

Json as_json(toml::node const& node) {
  if (auto const* table = node.as_table()) {
    auto object = Json::object();
    for (auto&& [key, value] : *table) object[std::string(key.str())] = as_json(value);
    return object;
  }
  if (auto const* array = node.as_array()) {
    auto list = Json::array();
    for (auto const& item : *array) list.push_back(as_json(item));
    return list;
  }
  if (node.is_boolean()) return **node.as_boolean();
  if (node.is_integer()) return **node.as_integer();
  if (node.is_floating_point()) return **node.as_floating_point();
  return **node.as_string();
}
Json as_json(std::string const& text) { return as_json(io::parse_toml(text, "file.toml")); }

Json const& schema() {
  static Json const document = io::schema_document<RunConfig>("a run");
  return document;
}

}  // namespace

TEST_CASE("schema: it is JSON that names its dialect") {
  auto const text = schema().dump(2);
  CHECK(Json::parse(text) == schema());
  CHECK(schema()["$schema"] == "https://json-schema.org/draft/2020-12/schema");
  CHECK(schema()["title"] == "a run");
  CHECK(schema()["type"] == "object");
  CHECK(schema()["properties"]["extends"]["type"] == "string");
}

TEST_CASE("schema: the resolved configuration satisfies it, whatever is chosen") {
  CHECK(satisfies(as_json(written(RunConfig{})), schema()));
  for (std::size_t chosen = 0; chosen < 12; ++chosen) {
    auto const other = other_values(chosen);
    CHECK(satisfies(as_json(other), schema()));
    CHECK(satisfies(as_json(written(read(other))), schema()));
  }
}

TEST_CASE("schema: every key that reading takes satisfies it, and no misspelt one") {
  for (auto const& key : keys_of_a_run()) {
    INFO(key.path());
    auto const satisfied = [&](std::string const& text) {
      return satisfies(as_json(text), schema());
    };
    if (key.is_value()) {
      CHECK(satisfied(key.with(key.value)));
      CHECK_FALSE(satisfied(key.with(key.key + key.key.back(), key.value)));
      continue;
    }
    for (auto const& type : key.names) {
      CHECK(satisfied(key.with('"' + type + '"')));
      CHECK(satisfied(key.with("{ type = \"" + type + "\" }")));
      CHECK_FALSE(satisfied(key.with('"' + type + "x\"")));
      CHECK_FALSE(satisfied(key.with("{ type = \"x\" }")));
    }
    CHECK_FALSE(satisfied(key.with("3")));
  }
}

TEST_CASE("schema: it refuses values of the wrong type") {
  for (auto const& key : keys_of_a_run()) {
    if (!key.is_value() || key.kind == Kind::list) continue;
    auto const refused = [&](char const* value) {
      INFO(key.with(value));
      CHECK_FALSE(satisfies(as_json(key.with(value)), schema()));
    };
    refused("[1]");
    refused("{ a = 1 }");
    if (key.kind != Kind::boolean) refused("true");
    if (key.kind != Kind::text) refused("\"no such name\"");
    if (key.is_whole()) refused("1.5");
  }
}

TEST_CASE("schema: keys without `type` satisfy it, as a base file may have picked") {
  CHECK(satisfies(as_json("[model.block.attention]\nhead_dim = 8"), schema()));
  CHECK(satisfies(as_json("[model.block.ffn]\nhidden = 8"), schema()));
  CHECK_FALSE(satisfies(as_json("[model.block.ffn]\nhiden = 8"), schema()));
}

namespace {
/// The schema here is a language model's; files of other tasks are checked by the runner's tests.
bool names_another_task(std::filesystem::path const& experiment) {
  for (auto const& entry : std::filesystem::recursive_directory_iterator(experiment)) {
    if (entry.path().extension() != ".toml") continue;
    if (("\n" + load(entry.path())).find("\ntask = ") != std::string::npos) return true;
  }
  return false;
}
}  // namespace

TEST_CASE("schema: the experiments' files satisfy it") {
  auto const root = std::filesystem::path(__FILE__).parent_path() / "../..";
  int files = 0;
  for (auto const* folder : {"experiments", "examples"}) {
    if (!std::filesystem::exists(root / folder)) continue;
    for (auto const& entry : std::filesystem::recursive_directory_iterator(root / folder)) {
      if (entry.path().extension() != ".toml") continue;
      auto const experiment = *std::filesystem::relative(entry.path(), root / folder).begin();
      if (names_another_task(root / folder / experiment)) continue;
      INFO(entry.path());
      CHECK(satisfies(as_json(load(entry.path())), schema()));
      ++files;
    }
  }
  CHECK(files >= 6);
}
