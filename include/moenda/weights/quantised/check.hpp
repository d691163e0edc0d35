// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <iterator>
#include <limits>

#include "moenda/core/quantised.hpp"

namespace moenda::quantised {

namespace detail {

template <class T>
[[nodiscard]] T number_at(std::byte const* from) {
  T number;
  std::memcpy(&number, from, sizeof number);
  return number;
}
/// Whether no number of a format has an exponent of ones alone, which infinities and NaN have. The
/// numbers are codes of type Code, `step` bytes apart.
template <class Code>
[[nodiscard]] bool are_finite(std::byte const* from, std::size_t count, std::size_t step,
                              unsigned exponent) {
  unsigned bad = 0;
  for (std::size_t i = 0; i < count; ++i) {
    bad |= (number_at<Code>(from + i * step) & exponent) == exponent ? 1u : 0u;
  }
  return bad == 0;
}
[[nodiscard]] inline bool are_finite_halves(std::byte const* from, std::size_t count,
                                            std::size_t step) {
  return are_finite<std::uint16_t>(from, count, step, 0x7c00u);
}

}  // namespace detail

[[nodiscard]] inline bool are_finite(std::byte const* floats, std::size_t count) {
  return detail::are_finite<std::uint32_t>(floats, count, 4, 0x7f800000u);
}
[[nodiscard]] inline bool are_finite_bf16(std::byte const* codes, std::size_t count) {
  return detail::are_finite<std::uint16_t>(codes, count, 2, 0x7f80u);
}

/// Whether codes and scales of stored_bytes(format, rows, cols), read from a file, mean finite
/// numbers and stay inside what they are.
[[nodiscard]] inline bool are_sound(Format format, std::byte const* codes, std::byte const* scales,
                                    int rows, int cols) {
  auto const bytes = stored_bytes(format, rows, cols);
  switch (format) {
    case Format::fp32:
      return true;
    case Format::bf16:
      return are_finite_bf16(codes, bytes.codes / 2);
    case Format::int8:
      return detail::are_finite_halves(codes, bytes.codes / sizeof(Int8Block), sizeof(Int8Block));
    case Format::int4:
      return detail::are_finite_halves(codes, bytes.codes / sizeof(Int4Block), sizeof(Int4Block));
    case Format::nf4:
      return are_finite(scales, bytes.scales / sizeof(float));
    case Format::nf4_double: {
      auto const head = detail::number_at<DoubleScales>(scales);
      auto const count = std::size_t(rows) * std::size_t(cols);
      auto const blocks = (count + nf4_block - 1) / nf4_block;
      auto const groups =
          (blocks + DoubleScales::blocks_of_group - 1) / DoubleScales::blocks_of_group;
      if (head.groups != groups) return false;
      double values = 0, largest = 0;  // the largest scale must be finite
      for (float const value : head.values) values = std::max(values, std::fabs(double(value)));
      for (std::size_t g = 0; g < groups; ++g) {
        auto const one = detail::number_at<float>(scales + sizeof head + g * sizeof(float));
        largest = std::max(largest, std::fabs(double(one)));
      }
      return are_finite(scales, std::size(head.values)) &&
             are_finite(scales + sizeof head, groups) &&
             values * largest + std::fabs(double(head.offset)) <=
                 double(std::numeric_limits<float>::max());
    }
  }
  return false;
}

}  // namespace moenda::quantised
