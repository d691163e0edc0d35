// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <array>
#include <cstddef>
#include <string_view>

#include "moenda/core/fields.hpp"

namespace moenda {

/// Whether no two of the names are equal, so that a file can tell their owners apart.
template <std::size_t N>
[[nodiscard]] consteval bool names_differ(std::array<char const*, N> const& names) {
  for (std::size_t i = 0; i < N; ++i) {
    for (std::size_t j = 0; j < i; ++j) {
      if (std::string_view(names[i]) == names[j]) return false;
    }
  }
  return true;
}

namespace detail {

template <FixedString Prefix, class M>
inline constexpr auto joined = [] {
  constexpr std::string_view prefix = Prefix.text, name = M::name;
  std::array<char, prefix.size() + name.size() + 1> text{};
  for (std::size_t i = 0; i < prefix.size(); ++i) text[i] = prefix[i];
  for (std::size_t i = 0; i < name.size(); ++i) text[prefix.size() + i] = name[i];
  return text;
}();

}  // namespace detail

/// The name of a module that wraps M.
template <FixedString Prefix, class M>
inline constexpr char const* joined_name = detail::joined<Prefix, M>.data();

}  // namespace moenda
