// SPDX-License-Identifier: Apache-2.0
#include "runner/sweep/axes.hpp"

#include <algorithm>
#include <optional>
#include <sstream>

#include "moenda/core/error.hpp"
#include "moenda/files/text.hpp"
#include "moenda/toml/file.hpp"

namespace moenda::runner {

namespace {

std::string last_word(std::string const& key) { return key.substr(key.rfind('.') + 1); }

}  // namespace

std::string shown(toml::node const& value) {
  std::ostringstream text;
  text.exceptions(std::ios::badbit);
  if (auto const* table = value.as_table()) {
    std::string rest;
    for (auto&& [key, inner] : *table) {
      if (key.str() == "type") continue;
      rest += (rest.empty() ? "" : ", ") + std::string(key.str()) + " = " + shown(inner);
    }
    auto const type = (*table)["type"].value<std::string>();
    if (!type) return rest;
    return *type + (rest.empty() ? "" : " (" + rest + ")");
  }
  if (auto const string = value.value<std::string>()) return *string;
  if (auto const number = value.as_floating_point()) return io::format_shortest(number->get());
  value.visit([&](auto const& plain) { text << plain; });
  return text.str();
}
Leaves leaves_of(std::string const& key, toml::node const& value) {
  auto const* table = value.as_table();
  if (table == nullptr) return {{key, shown(value)}};
  Leaves leaves;
  for (auto&& [name, inner] : *table) {
    auto const deeper = key.empty() ? std::string(name.str()) : key + "." + std::string(name.str());
    leaves.splice(leaves.end(), leaves_of(deeper, inner));
  }
  return leaves;
}
void for_each_list(toml::table const& table, std::string const& path,
                   std::function<void(std::string const&, toml::array const&)> const& f) {
  for (auto&& [key, value] : table) {
    auto const deeper = path.empty() ? std::string(key.str()) : path + "." + std::string(key.str());
    if (auto const* inner = value.as_table()) {
      for_each_list(*inner, deeper, f);
    } else if (auto const* list = value.as_array()) {
      if (list->empty()) {
        throw ConfigError(io::place_of(value) + ": " + deeper + " must list at least one value");
      }
      f(deeper, *list);
    } else {
      throw ConfigError(io::place_of(value) + ": " + deeper + " must be a list of values, got " +
                        shown(value));
    }
  }
}
Axis axis_of_parameter(std::string const& key, toml::array const& values) {
  Axis axis;
  for (auto const& value : values) {
    bool const speaks = value.is_table();  // a choice names itself
    axis.push_back(
        {speaks ? shown(value) : last_word(key) + " = " + shown(value), {{key, &value}}});
  }
  return axis;
}
Axis axis_of_zip(toml::table const& zip) {
  Axis axis;
  toml::array const* titles = zip["title"].as_array();
  for_each_list(zip, "", [&](std::string const& key, toml::array const& values) {
    if (axis.empty()) axis.resize(values.size());
    if (axis.size() != values.size()) {
      throw ConfigError(io::place_of(values) +
                        ": lists of one sweep.zip must be equally long, but " + key + " has " +
                        std::to_string(values.size()) + " values and another has " +
                        std::to_string(axis.size()));
    }
    for (std::size_t i = 0; i < axis.size(); ++i) {
      if (&values == titles) continue;
      axis[i].settings.push_back({key, &values[i]});
      if (titles != nullptr) continue;
      axis[i].label +=
          (axis[i].label.empty() ? "" : ", ") + last_word(key) + " = " + shown(values[i]);
    }
  });
  for (std::size_t i = 0; titles != nullptr && i < axis.size(); ++i) {
    axis[i].label = shown((*titles)[i]);
  }
  return axis;
}
Axis axis_of_arms(toml::array const& arms) {
  Axis axis;
  for (auto const& arm : arms) {
    auto const* table = arm.as_table();
    auto const title = table == nullptr ? std::nullopt : (*table)["title"].value<std::string>();
    if (!title || title->empty()) {
      throw ConfigError(io::place_of(arm) +
                        ": every one of [[sweep.arms]] must be a table with a title");
    }
    Option option{*title, {}};
    for (auto&& [key, value] : *table) {
      if (key.str() != "title") option.settings.push_back({std::string(key.str()), &value});
    }
    axis.push_back(std::move(option));
  }
  return axis;
}
std::string quoted(std::string const& text) {
  std::string toml = "\"";
  for (char const c : text) {
    if (c == '"' || c == '\\') toml += '\\';
    toml += c;
  }
  return toml + "\"";
}
toml::table nested(Setting const& setting) {
  toml::table table;
  std::vector<std::string> words;
  std::istringstream stream(setting.key);
  stream.exceptions(std::ios::badbit);
  for (std::string word; std::getline(stream, word, '.');) words.push_back(word);
  setting.value->visit([&](auto const& value) { table.insert_or_assign(words.back(), value); });
  for (auto word = words.rbegin() + 1; word != words.rend(); ++word) {
    toml::table outer;
    outer.insert_or_assign(*word, std::move(table));
    table = std::move(outer);
  }
  return table;
}

}  // namespace moenda::runner
