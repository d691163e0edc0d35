// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstring>

#include "moenda/core/quantised.hpp"

namespace moenda::quantised {

namespace detail {

template <class T>
[[nodiscard]] T number_at(std::byte const* from) {
  T number;
  std::memcpy(&number, from, sizeof number);
  return number;
}
/// Whether all 16-bit numbers, `step` bytes apart, have an exponent that is not all ones.
[[nodiscard]] inline bool are_finite(std::byte const* from, std::size_t count, std::size_t step,
                                     unsigned exponent) {
  bool finite = true;
  for (std::size_t i = 0; i < count; ++i) {
    auto const code = number_at<std::uint16_t>(from + i * step);
    finite = finite && (code & exponent) != exponent;
  }
  return finite;
}
[[nodiscard]] inline bool are_finite(std::byte const* floats, std::size_t count) {
  for (std::size_t i = 0; i < count; ++i) {
    if (!std::isfinite(number_at<float>(floats + i * sizeof(float)))) return false;
  }
  return true;
}

}  // namespace detail

/// Whether codes and scales of stored_bytes(format, rows, cols), read from a file, mean finite
/// numbers and stay inside what they are.
[[nodiscard]] inline bool are_sound(Format format, std::byte const* codes, std::byte const* scales,
                                    int rows, int cols) {
  auto const bytes = stored_bytes(format, rows, cols);
  constexpr unsigned of_half = 0x7c00, of_bf16 = 0x7f80;
  switch (format) {
    case Format::fp32:
      return true;
    case Format::bf16:
      return detail::are_finite(codes, bytes.codes / 2, 2, of_bf16);
    case Format::int8:
      return detail::are_finite(codes, bytes.codes / sizeof(Int8Block), sizeof(Int8Block), of_half);
    case Format::int4:
      return detail::are_finite(codes, bytes.codes / sizeof(Int4Block), sizeof(Int4Block), of_half);
    case Format::nf4:
      return detail::are_finite(scales, bytes.scales / sizeof(float));
    case Format::nf4_double: {
      auto const head = detail::number_at<DoubleScales>(scales);
      auto const count = std::size_t(rows) * std::size_t(cols);
      auto const blocks = (count + nf4_block - 1) / nf4_block;
      auto const groups =
          (blocks + DoubleScales::blocks_of_group - 1) / DoubleScales::blocks_of_group;
      return head.groups == groups && std::isfinite(head.offset) &&
             detail::are_finite(scales, std::size(head.values)) &&
             detail::are_finite(scales + sizeof head, groups);
    }
  }
  return false;
}

}  // namespace moenda::quantised
