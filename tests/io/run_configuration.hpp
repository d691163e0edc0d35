// SPDX-License-Identifier: Apache-2.0
#pragma once
// The runner's whole configuration as a source of test cases: every key of every table, with every
// alternative of every OneOf.
#include <string>
#include <type_traits>
#include <utility>
#include <variant>
#include <vector>

#include "../../experiments/runner/run_config.hpp"

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
  /// A file in which the last line sets `name`.
  [[nodiscard]] std::string with(std::string const& name, std::string const& value) const {
    return lines + key(name) + " = " + value + "\n";
  }
  /// "file.toml:3:7", where the value of that last line stands.
  [[nodiscard]] std::string where(std::string const& name) const {
    auto const line = 1 + std::count(lines.begin(), lines.end(), '\n');
    return "file.toml:" + std::to_string(line) + ":" + std::to_string(key(name).size() + 4);
  }
};

template <class C, class F>
void each_key(C const& config, Place const& place, F const& f);

/// f(place, name, member, names of all keys of the table) for what lies below a member.
template <class T, class F>
void each_key_below(T const& member, Place const& place, F const& f) {
  if constexpr (OneOfConfigLike<T>) {
    [&]<std::size_t... I>(std::index_sequence<I...>) {
      (each_key(std::variant_alternative_t<I, decltype(T::choice)>{}, place.choosing(T::names[I]),
                f),
       ...);
    }
    (std::make_index_sequence<std::size(T::names)>{});
  } else if constexpr (!detail::is_value<T>) {
    each_key(member, place, f);
  }
}
/// f(place, name, member, names of all keys of the table) for every key of every table.
template <class C, class F>
void each_key(C const& config, Place const& place, F const& f) {
  std::vector<std::string> names;
  auto const visit = [&](auto const& g) {
    if constexpr (SideBySideLike<C>) {
      std::size_t i = 0;
      hana::for_each(config.groups, [&](auto const& group) { g(C::names[i++], group); });
    } else {
      for_each_field(config, g);
    }
  };
  visit([&](char const* name, auto const&) { names.emplace_back(name); });
  visit([&](char const* name, auto const& member) {
    f(place, std::string(name), member, names);
    each_key_below(member, place.below(name), f);
  });
}
template <class F>
void each_key_of_a_run(F const& f) {
  each_key(RunConfig{}, Place{}, f);
}

[[nodiscard]] inline RunConfig read(std::string const& text) {
  auto const table = parse_toml(text, "file.toml");
  RunConfig config;
  read_toml(table, config, "");
  return config;
}

/// A file that gives every key of the chosen alternatives a value that is not its default.
/// `chosen` picks in every OneOf, modulo the number of its alternatives.
class OtherValues {
 public:
  explicit OtherValues(std::size_t chosen) : chosen_(chosen) { add(RunConfig{}, ""); }
  [[nodiscard]] std::string const& text() const { return text_; }

 private:
  template <class C>
  void add(C const& config, std::string const& path) {
    auto const member = [&](char const* name, auto const& value) {
      add_member(value, path.empty() ? name : path + "." + name);
    };
    if constexpr (SideBySideLike<C>) {
      std::size_t i = 0;
      hana::for_each(config.groups, [&](auto const& group) { member(C::names[i++], group); });
    } else {
      for_each_field(config, member);
    }
  }
  template <class T>
  void add_member(T const& value, std::string const& key) {
    if constexpr (OneOfConfigLike<T>) {
      std::size_t const index = chosen_++ % std::size(T::names);
      text_ += key + ".type = \"" + T::names[index] + "\"\n";
      [&]<std::size_t... I>(std::index_sequence<I...>) {
        ((I == index ? add(std::variant_alternative_t<I, decltype(T::choice)>{}, key) : void()),
         ...);
      }
      (std::make_index_sequence<std::size(T::names)>{});
    } else if constexpr (detail::is_value<T>) {
      text_ += key + " = " + other(value) + "\n";
    } else {
      add(value, key);
    }
  }
  template <class T>
  [[nodiscard]] std::string other(T const& value) {
    ++count_;
    if constexpr (std::is_same_v<T, bool>) {
      return value ? "false" : "true";
    } else if constexpr (std::is_integral_v<T>) {
      return std::to_string(1000 + count_);
    } else if constexpr (std::is_floating_point_v<T>) {
      return detail::number_text(double(count_) / 3);
    } else if constexpr (std::is_same_v<T, std::string>) {
      return detail::in_quotes("\"\\\n\t\x01\x7f é 🙂 " + std::to_string(count_));
    } else if constexpr (EnumLike<T>) {
      auto const names = enum_names(value);
      return detail::in_quotes(names[names.size() - 1]);
    } else if constexpr (std::is_integral_v<typename T::value_type>) {
      return "[" + std::to_string(1000 + count_) + ", 0]";
    } else {
      return "[" + detail::in_quotes("a'b") + ", " + detail::in_quotes("") + "]";
    }
  }

  std::string text_;
  std::size_t chosen_;
  int count_ = 0;
};

}  // namespace moenda::io::test
