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
/// Whether half-precision scales, `step` bytes apart, are finite.
[[nodiscard]] inline bool are_finite_halves(std::byte const* from, std::size_t count,
                                            std::size_t step) {
  unsigned bad = 0;
  for (std::size_t i = 0; i < count; ++i) {
    bad |= (number_at<std::uint16_t>(from + i * step) & 0x7c00u) == 0x7c00u ? 1u : 0u;
  }
  return bad == 0;
}

}  // namespace detail

/// Whether `count` floats are finite: their exponents are not all ones.
[[nodiscard]] inline bool are_finite(std::byte const* floats, std::size_t count) {
  unsigned bad = 0;
  for (std::size_t i = 0; i < count; ++i) {
    auto const bits = detail::number_at<std::uint32_t>(floats + 4 * i);
    bad |= (bits & 0x7f800000u) == 0x7f800000u ? 1u : 0u;
  }
  return bad == 0;
}
[[nodiscard]] inline bool are_finite_bf16(std::byte const* codes, std::size_t count) {
  unsigned bad = 0;
  for (std::size_t i = 0; i < count; ++i) {
    auto const bits = detail::number_at<std::uint16_t>(codes + 2 * i);
    bad |= (bits & 0x7f80u) == 0x7f80u ? 1u : 0u;
  }
  return bad == 0;
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
