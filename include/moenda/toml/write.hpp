// SPDX-License-Identifier: Apache-2.0
#pragma once
// Config -> TOML: the resolved configuration that alone reproduces a run.
#include <charconv>
#include <cstdio>

#include "moenda/files/utf8.hpp"
#include "moenda/toml/read.hpp"

namespace moenda::io {

namespace detail {

/// The shortest decimal text that reads back as the same double, always with a point or exponent.
[[nodiscard]] inline std::string number_text(double value) {
  char buffer[40];
  auto const end = std::to_chars(buffer, buffer + sizeof buffer, value).ptr;
  std::string text(buffer, end);
  if (text.find_first_of(".en") == std::string::npos) text += ".0";
  return text;
}
[[nodiscard]] inline std::string in_quotes(std::string_view value) {
  if (auto const bad = find_invalid_utf8(value); bad < value.size()) {
    throw ConfigError("write_toml: text must be UTF-8, but byte " + std::to_string(bad) +
                      " is not part of a character");
  }
  std::string text = "\"";
  for (char const c : value) {
    auto const code = static_cast<unsigned char>(c);
    if (c == '"' || c == '\\') {
      text += '\\', text += c;
    } else if (code < 0x20 || code == 0x7f) {
      char escape[8];
      std::snprintf(escape, sizeof escape, "\\u%04X", code);
      text += escape;
    } else {
      text += c;
    }
  }
  return text + "\"";
}
template <class T>
[[nodiscard]] std::string value_text(T const& value) {
  if constexpr (std::is_same_v<T, bool>) {
    return value ? "true" : "false";
  } else if constexpr (std::is_integral_v<T>) {
    if (!std::in_range<std::int64_t>(value)) {
      throw ConfigError("write_toml: a whole number must be at most " + std::to_string(INT64_MAX) +
                        ", got " + std::to_string(value));
    }
    return std::to_string(value);
  } else if constexpr (std::is_floating_point_v<T>) {
    return number_text(static_cast<double>(value));
  } else if constexpr (std::is_same_v<T, std::string>) {
    return in_quotes(value);
  } else if constexpr (EnumLike<T>) {
    return in_quotes(enum_names(value)[static_cast<std::size_t>(value)]);
  } else if constexpr (is_list<T>) {
    std::string text = "[";
    for (auto const& item : value) text += (text.size() > 1 ? ", " : "") + value_text(item);
    return text + "]";
  } else {  // of a list of tables
    std::string text = "{";
    for_each_field(value, [&](char const* name, auto const& member) {
      text += (text.size() > 1 ? ", " : "") + std::string(name) + " = " + value_text(member);
    });
    return text + "}";
  }
}
template <class T>
inline constexpr bool is_value =
    std::is_arithmetic_v<T> || std::is_same_v<T, std::string> || EnumLike<T> || is_list<T>;

template <class C>
void write_table(C const& config, std::string const& path, std::string lines, std::string& out) {
  std::string tables;
  auto const member = [&](char const* name, auto const& value) {
    using T = std::remove_cvref_t<decltype(value)>;
    if constexpr (is_value<T>) {
      lines += std::string(name) + " = " + value_text(value) + "\n";
    } else if constexpr (OneOfConfigLike<T>) {
      std::string const type = "type = " + in_quotes(T::names[value.choice.index()]) + "\n";
      std::visit([&](auto const& chosen) { write_table(chosen, deeper(path, name), type, tables); },
                 value.choice);
    } else {
      write_table(value, deeper(path, name), "", tables);
    }
  };
  if constexpr (SideBySideLike<C>) {
    std::size_t i = 0;
    hana::for_each(config.groups, [&](auto const& group) { member(C::names[i++], group); });
  } else {
    for_each_field(config, member);
  }
  if (!lines.empty()) out += (path.empty() ? "" : "\n[" + path + "]\n") + lines;
  out += tables;
}

}  // namespace detail

/// The whole configuration as TOML text, defaults included, in declaration order. Throws
/// ConfigError for what TOML cannot hold: text that is not UTF-8, whole numbers from 2^63 on.
template <class C>
[[nodiscard]] std::string write_toml(C const& config) {
  std::string text;
  detail::write_table(config, "", "", text);
  return text;
}

}  // namespace moenda::io
