// SPDX-License-Identifier: Apache-2.0
#pragma once
// A safetensors file of weights, each in its format, under the names of our weights:
//   NAME                              F32 or BF16 [rows, cols]: plain values, or bf16
//   NAME.FORMAT, NAME.FORMAT.scales   U8: the bytes of stored_bytes(FORMAT, rows, cols)
//   hashes                            U8: of every other tensor in the order of the header, the
//                                     ContentHash of its name and bytes, 8 bytes each
// and in the metadata whose weights they are: a hash of what says so, such as a config.
#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <utility>

#include "moenda/core/storage.hpp"
#include "moenda/files/content_hash.hpp"

namespace moenda {

namespace detail {

inline constexpr char const* hashes_name = "hashes";
inline constexpr std::pair<char const*, char const*> stored_metadata{"moenda.weights", "1"};
inline constexpr char const* stored_for = "moenda.weights.for";

/// The tensor of codes, and that of scales.
[[nodiscard]] inline std::array<std::string, 2> stored_names(std::string const& weight,
                                                             Format format) {
  if (format == Format::bf16) return {weight, ""};
  auto const codes = weight + "." + enum_names(format)[std::size_t(format)];
  return {codes, codes + ".scales"};
}
[[nodiscard]] inline std::uint64_t hash_of(std::string_view name,
                                           std::span<std::byte const> bytes) {
  return data::ContentHash()
      .add(name)
      .add(std::string_view(reinterpret_cast<char const*>(bytes.data()), bytes.size()))
      .value();
}

}  // namespace detail

}  // namespace moenda
