// SPDX-License-Identifier: Apache-2.0
#pragma once
// Configuration files. Later wins: base file named by `extends` < file < `--a.b=value`.
#include <toml++/toml.h>

#include <cctype>
#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "moenda/core/error.hpp"
#include "moenda/files/read_file.hpp"
#include "moenda/toml/guard.hpp"

namespace moenda::io {

/// "file.toml:3:7"
[[nodiscard]] inline std::string place_of(toml::source_region const& region) {
  std::string const path = region.path ? *region.path : "configuration";
  if (region.begin.line == 0) return path;
  return path + ":" + std::to_string(region.begin.line) + ":" + std::to_string(region.begin.column);
}
[[nodiscard]] inline std::string place_of(toml::node const& node) {
  return place_of(node.source());
}

/// Parses TOML text; `path` is what errors name. Throws ConfigError with line and column.
[[nodiscard]] inline toml::table parse_toml(std::string_view text, std::string const& path) {
  guard_toml(text, path);
  try {
    return toml::parse(text, path);
  } catch (toml::parse_error const& error) {
    throw ConfigError(place_of(error.source()) +
                      ": not valid TOML: " + std::string(error.description()));
  }
}

/// The bytes of a configuration file. Throws DataError when it cannot be read, ConfigError above 1
/// MB.
[[nodiscard]] inline std::string read_configuration(std::filesystem::path const& path) {
  std::error_code error;
  if (!std::filesystem::is_regular_file(path, error)) {
    throw DataError(path.string() + ": there is no such configuration file");
  }
  constexpr std::size_t largest = std::size_t{1} << 20;
  auto text = data::read_file(path, largest + 1);
  if (text.size() > largest) {
    throw ConfigError(path.string() + ": a configuration file must not exceed 1 MB");
  }
  return text;
}

/// `over` laid on `base`: tables are merged key by key, everything else is replaced. A table that
/// picks another `type` replaces the whole table, as the old keys belong to the old choice; a table
/// laid on a string (`norm = "layer"`) keeps that choice. Nodes are moved, because a copied node
/// forgets the line it came from.
inline void merge_toml(toml::table& base, toml::table&& over) {
  for (auto&& [key, value] : over) {
    auto* above = value.as_table();
    if (above != nullptr && base[key].is_string() && !above->contains("type")) {
      above->insert("type", std::move(*base[key].as_string()));
    }
    auto* below = base[key].as_table();
    bool const other_type =
        below != nullptr && above != nullptr && above->contains("type") &&
        (*below)["type"].value<std::string>() != (*above)["type"].value<std::string>();
    if (below != nullptr && above != nullptr && !other_type) {
      merge_toml(*below, std::move(*above));
    } else {
      base.insert_or_assign(key, std::move(value));
    }
  }
}

/// A file with its `extends` chain resolved; paths are relative to the file that names them. Throws
/// ConfigError, and DataError for a file that is absent.
[[nodiscard]] inline toml::table load_toml(std::filesystem::path const& path,
                                           std::vector<std::filesystem::path> chain = {}) {
  std::error_code error;
  auto const canonical = std::filesystem::weakly_canonical(path, error);
  for (auto const& earlier : chain) {
    if (earlier == canonical) {
      throw ConfigError(path.string() + ": extends must not form a circle");
    }
  }
  chain.push_back(canonical);
  constexpr std::size_t longest = 32;
  if (chain.size() > longest) {
    throw ConfigError(path.string() + ": a chain of extends must not be longer than " +
                      std::to_string(longest) + " files");
  }
  auto table = parse_toml(read_configuration(path), path.string());
  auto const* extends = table.get("extends");
  if (extends == nullptr) return table;
  auto const base_name = extends->value<std::string>();
  if (!base_name) {
    throw ConfigError(place_of(*extends) + ": extends must be a string, the path of a TOML file");
  }
  auto const base_path = path.parent_path() / *base_name;
  if (!std::filesystem::is_regular_file(base_path, error)) {
    throw DataError(place_of(*extends) + ": extends must name a TOML file, but there is no file " +
                    base_path.string());
  }
  auto base = load_toml(base_path, chain);
  table.erase("extends");
  merge_toml(base, std::move(table));
  return base;
}

/// Applies `a.b=value`. The right side is TOML; a bare word is a string. Throws ConfigError.
inline void override_toml(toml::table& table, std::string_view assignment) {
  auto const equals = assignment.find('=');
  if (equals == std::string_view::npos || equals == 0) {
    throw ConfigError("--" + std::string(assignment) + ": an override must read --a.b=value");
  }
  std::string const key(assignment.substr(0, equals)), value(assignment.substr(equals + 1));
  for (char const c : key) {
    if (!(std::isalnum(static_cast<unsigned char>(c)) || c == '_' || c == '.')) {
      throw ConfigError("--" + key + ": a key must be words joined by dots");
    }
  }
  std::string const place = "--" + key;
  if (value.find_first_of("\r\n") != std::string::npos) {
    throw ConfigError(place + ": the value must be one line; write \\n inside quotes");
  }
  toml::table over;
  try {
    over = parse_toml(key + " = " + value, place);
  } catch (ConfigError const&) {
    std::string quoted;
    for (char const c : value) {
      if (c == '"' || c == '\\') quoted += '\\';
      quoted += c;
    }
    over = parse_toml(key + " = \"" + quoted + "\"", place);
  }
  merge_toml(table, std::move(over));
}

}  // namespace moenda::io
