// SPDX-License-Identifier: Apache-2.0
#pragma once
// The runner's whole configuration as a source of test cases: every key of every table, with every
// alternative of every OneOf. One list of plain values: a visitor of its own for each test would
// make the compiler walk all configurations again.
#include <algorithm>
#include <string>
#include <vector>

#include "moenda/toml/file.hpp"
#include "runner/run/config.hpp"

namespace moenda::io::test {

using runner::RunConfig;

/// A table of the configuration: its dotted key, and the lines that pick the alternatives above it.
struct Place {
  std::string table;
  std::string lines;  // each ends with a newline

  [[nodiscard]] std::string key(std::string const& name) const {
    return table.empty() ? name : table + "." + name;
  }
  [[nodiscard]] Place below(std::string const& name) const { return {key(name), lines}; }
  [[nodiscard]] Place choosing(std::string const& name) const {
    return {table, lines + table + ".type = \"" + name + "\"\n"};
  }
};

/// What a key holds.
enum class Kind { boolean, int32, int64, uint64, real, text, name, list, choice, table };

struct Key {
  Place place;
  std::string key;
  Kind kind = Kind::table;
  std::string value;                    // its default, unless kind is choice or table
  std::vector<std::string> names{};     // those that a name or a choice takes
  std::vector<std::string> siblings{};  // all keys of its table

  [[nodiscard]] bool is_whole() const {
    return kind == Kind::int32 || kind == Kind::int64 || kind == Kind::uint64;
  }
  [[nodiscard]] bool is_value() const { return kind != Kind::choice && kind != Kind::table; }
  [[nodiscard]] std::string path() const { return place.key(key); }
  /// A file in which the last line sets this key, or another one beside it.
  [[nodiscard]] std::string with(std::string const& new_value) const {
    return with(key, new_value);
  }
  [[nodiscard]] std::string with(std::string const& other, std::string const& new_value) const {
    return place.lines + place.key(other) + " = " + new_value + "\n";
  }
  /// "file.toml:3:7", where the value of that last line stands.
  [[nodiscard]] std::string where() const { return where(key); }
  [[nodiscard]] std::string where(std::string const& other) const {
    auto const line = 1 + std::count(place.lines.begin(), place.lines.end(), '\n');
    return "file.toml:" + std::to_string(line) + ":" + std::to_string(place.key(other).size() + 4);
  }
};

/// Every key of every table, in the order of declaration.
[[nodiscard]] std::vector<Key> const& keys_of_a_run();

[[nodiscard]] RunConfig read(toml::table const& table);
[[nodiscard]] RunConfig read(std::string const& text);  // of "file.toml"
[[nodiscard]] std::string written(RunConfig const& config);

/// A file that gives every key of the chosen alternatives a value that is not its default.
/// `chosen` picks in every OneOf, modulo the number of its alternatives.
[[nodiscard]] std::string other_values(std::size_t chosen);

}  // namespace moenda::io::test
