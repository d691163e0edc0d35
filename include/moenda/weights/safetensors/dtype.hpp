// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>
#include <utility>

namespace moenda::io {

static_assert(std::endian::native == std::endian::little,
              "safetensors: numbers in the file are little-endian and are copied without change");

/// Element types of the safetensors format.
enum class Dtype : unsigned char {
  BOOL,
  U8,
  I8,
  F8_E5M2,
  F8_E4M3,
  I16,
  U16,
  F16,
  BF16,
  I32,
  U32,
  F32,
  I64,
  U64,
  F64
};

/// Names and sizes in bytes, in the order of Dtype.
inline constexpr std::array<std::pair<std::string_view, unsigned>, 15> dtypes{{{"BOOL", 1},
                                                                               {"U8", 1},
                                                                               {"I8", 1},
                                                                               {"F8_E5M2", 1},
                                                                               {"F8_E4M3", 1},
                                                                               {"I16", 2},
                                                                               {"U16", 2},
                                                                               {"F16", 2},
                                                                               {"BF16", 2},
                                                                               {"I32", 4},
                                                                               {"U32", 4},
                                                                               {"F32", 4},
                                                                               {"I64", 8},
                                                                               {"U64", 8},
                                                                               {"F64", 8}}};

[[nodiscard]] constexpr std::string_view dtype_name(Dtype dtype) {
  return dtypes[static_cast<std::size_t>(dtype)].first;
}

/// Bytes per element.
[[nodiscard]] constexpr unsigned dtype_size(Dtype dtype) {
  return dtypes[static_cast<std::size_t>(dtype)].second;
}

/// The type called `name`, if there is one.
[[nodiscard]] constexpr std::optional<Dtype> find_dtype(std::string_view name) {
  for (std::size_t i = 0; i < dtypes.size(); ++i)
    if (dtypes[i].first == name) return static_cast<Dtype>(i);
  return std::nullopt;
}

}  // namespace moenda::io
