// SPDX-License-Identifier: Apache-2.0
#pragma once
// TOML -> Config. Any Config whose fields are listed binds; a key that nobody listed is an error
// that names the place, the key, what the table has, and the nearest match.
#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>
#include <sstream>
#include <string>
#include <type_traits>
#include <utility>
#include <variant>
#include <vector>

#include "moenda/core/fields.hpp"
#include "moenda/core/suggest.hpp"
#include "moenda/module/name.hpp"
#include "moenda/module/rules.hpp"
#include "moenda/toml/file.hpp"

namespace moenda::io {

template <class T>
concept EnumLike = std::is_enum_v<T> && requires(T value) {
  enum_names(value);
};
template <class T>
concept OneOfConfigLike = requires(T& c) {
  c.choice;
  T::names;
};
template <class T>
concept SideBySideLike = requires(T& c) {
  c.groups;
  T::names;
};
template <class T>
inline constexpr bool is_list = false;
template <class T>
inline constexpr bool is_list<std::vector<T>> = true;

namespace detail {

[[nodiscard]] inline std::string shown(toml::node const& node) {
  std::ostringstream text;
  node.visit([&](auto const& value) { text << value; });
  auto shown = text.str();
  return shown.size() > 80 ? shown.substr(0, 77) + "..." : shown;
}
[[noreturn]] inline void refuse(toml::node const& node, std::string const& key,
                                std::string const& must) {
  throw ConfigError(place_of(node) + ": " + key + " must be " + must + ", got " + shown(node));
}
[[noreturn]] inline void refuse_key(toml::node const& node, std::string_view key,
                                    std::string const& table, std::vector<std::string> known) {
  if (table.empty()) known.emplace_back("extends");  // load_toml has taken a right one
  throw ConfigError(place_of(node) + ": unknown key '" + std::string(key) + "' in " +
                    (table.empty() ? "the top level" : "[" + table + "]") +
                    did_you_mean(key, known) + "; it has: " + join(known));
}
inline std::string deeper(std::string const& path, std::string_view key) {
  return path.empty() ? std::string(key) : path + "." + std::string(key);
}
template <class Names>
std::vector<std::string> words(Names const& names) {
  return {std::begin(names), std::end(names)};
}

}  // namespace detail

template <class C>
void read_toml(toml::node const& node, C& config, std::string const& path, bool has_type = false);

namespace detail {

template <class T>
void read_number(toml::node const& node, T& value, std::string const& path) {
  if constexpr (std::is_same_v<T, bool>) {
    if (!node.is_boolean()) refuse(node, path, "true or false");
    value = **node.as_boolean();
  } else if constexpr (std::is_integral_v<T>) {
    if (!node.is_integer()) refuse(node, path, "a whole number");
    std::int64_t const wide = **node.as_integer();
    if (!std::in_range<T>(wide)) {
      auto const largest = std::min<std::uint64_t>(std::numeric_limits<T>::max(), INT64_MAX);
      refuse(node, path,
             "a whole number in " + std::to_string(std::numeric_limits<T>::min()) + ".." +
                 std::to_string(largest));
    }
    value = static_cast<T>(wide);
  } else {
    if (!node.is_number()) refuse(node, path, "a number");
    // node.value<double>() is empty for whole numbers above 2^53
    value = node.is_integer() ? static_cast<T>(**node.as_integer())
                              : static_cast<T>(**node.as_floating_point());
    if (!std::isfinite(value)) refuse(node, path, "a finite number");
  }
}
template <EnumLike T>
void read_enum(toml::node const& node, T& value, std::string const& path) {
  constexpr auto names = enum_names(T{});
  auto const text = node.value<std::string>();
  for (std::size_t i = 0; text && i < names.size(); ++i) {
    if (*text == names[i]) return void(value = static_cast<T>(i));
  }
  auto const known = words(names);
  refuse(node, path, "one of: " + join(known) + (text ? did_you_mean(*text, known) : ""));
}
/// `type` picks, the other keys belong to the choice; a string alone picks with default values.
template <OneOfConfigLike C>
void read_choice(toml::node const& node, C& config, std::string const& path) {
  static_assert(names_differ(C::names),
                "OneOf: every alternative needs a name of its own, or a file could not pick it");
  auto const known = words(C::names);
  auto const* table = node.as_table();
  auto const* type = table == nullptr ? &node : table->get("type");
  if (type == nullptr && table != nullptr) {  // no `type`: the keys belong to the present choice
    return std::visit([&](auto& chosen) { read_toml(node, chosen, path); }, config.choice);
  }
  auto const wanted = type->value<std::string>();
  if (!wanted) {
    refuse(*type, table == nullptr ? path : deeper(path, "type"),
           "a string, one of: " + join(known));
  }
  bool found = false;
  [&]<std::size_t... I>(std::index_sequence<I...>) {
    ((!found && *wanted == C::names[I]
          ? (found = true, table == nullptr
                               ? void(config.choice.template emplace<I>())
                               : read_toml(node, config.choice.template emplace<I>(), path, true))
          : void()),
     ...);
  }
  (std::make_index_sequence<std::size(C::names)>{});
  if (!found) {
    refuse(*type, table == nullptr ? path : deeper(path, "type"),
           "one of: " + join(known) + did_you_mean(*wanted, known));
  }
}
template <SideBySideLike C>
void read_groups(toml::table const& table, C& config, std::string const& path, bool has_type) {
  static_assert(names_differ(C::names),
                "Experts and losses of a Mixture need names of their own, or a file could not "
                "tell them apart");
  auto const known = words(C::names);
  for (auto&& [key, value] : table) {
    if (has_type && key.str() == "type") continue;
    if (std::find(known.begin(), known.end(), key.str()) == known.end()) {
      refuse_key(value, key.str(), path, known);
    }
  }
  std::size_t i = 0;
  hana::for_each(config.groups, [&](auto& group) {
    std::string const name = C::names[i++];
    if (auto const* node = table.get(name)) read_toml(*node, group, deeper(path, name));
  });
}
template <class C>
void read_fields(toml::table const& table, C& config, std::string const& path, bool has_type) {
  std::vector<std::string> known;
  for_each_field(config, [&](char const* name, auto&) { known.emplace_back(name); });
  for (auto&& [key, value] : table) {
    bool const is_type = has_type && key.str() == "type";
    if (!is_type && std::find(known.begin(), known.end(), key.str()) == known.end()) {
      refuse_key(value, key.str(), path, known);
    }
  }
  for_each_field(config, [&](char const* name, auto& member) {
    if (auto const* node = table.get(name)) read_toml(*node, member, deeper(path, name));
  });
}

}  // namespace detail

/// Reads `node` into `config`; what the file does not name keeps its value. `path` is the dotted
/// key of `node`. Throws ConfigError.
template <class C>
void read_toml(toml::node const& node, C& config, std::string const& path, bool has_type) {
  if constexpr (std::is_arithmetic_v<C>) {
    detail::read_number(node, config, path);
  } else if constexpr (std::is_same_v<C, std::string>) {
    if (!node.is_string()) detail::refuse(node, path, "a string");
    config = **node.as_string();
  } else if constexpr (EnumLike<C>) {
    detail::read_enum(node, config, path);
  } else if constexpr (is_list<C>) {
    auto const* array = node.as_array();
    if (array == nullptr) detail::refuse(node, path, "a list");
    config.clear();
    for (auto const& item : *array) read_toml(item, config.emplace_back(), path);
  } else if constexpr (OneOfConfigLike<C>) {
    detail::read_choice(node, config, path);
  } else {
    auto const* table = node.as_table();
    if (table == nullptr) detail::refuse(node, path, "a table");
    if constexpr (SideBySideLike<C>) {
      detail::read_groups(*table, config, path, has_type);
    } else {
      detail::read_fields(*table, config, path, has_type);
    }
  }
}

/// Throws ConfigError with every problem, each at the line of the nearest key that the file names.
inline void refuse_problems(toml::table const& table, std::string const& prefix,
                            Problems const& problems) {
  if (problems.empty()) return;
  std::string text;
  for (auto const& [where, what] : problems.found()) {
    std::string const path = detail::deeper(prefix, where);
    toml::node const* nearest = &table;
    std::istringstream keys(path);
    for (std::string key; std::getline(keys, key, '.');) {
      auto const* inner = nearest->as_table() == nullptr ? nullptr : nearest->as_table()->get(key);
      if (inner == nullptr) break;
      nearest = inner;
    }
    text += (text.empty() ? "" : "\n") + place_of(*nearest) + ": " + path + ": " + what;
  }
  throw ConfigError(text);
}

}  // namespace moenda::io
