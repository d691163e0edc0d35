// SPDX-License-Identifier: Apache-2.0
#pragma once
// Half precision, IEEE 754 binary16: 11 bits of significand, 5 of exponent.
#include <bit>
#include <cstdint>

namespace moenda {

/// What the bits mean, exact, subnormals included.
[[nodiscard]] constexpr float from_half(std::uint16_t bits) {
  std::uint32_t const sign = static_cast<std::uint32_t>(bits & 0x8000u) << 16;
  std::uint32_t const exponent = (bits >> 10) & 0x1Fu;
  std::uint32_t const fraction = bits & 0x3FFu;
  if (exponent == 0) {
    float const magnitude = static_cast<float>(fraction) * 0x1p-24f;
    return sign == 0 ? magnitude : -magnitude;
  }
  // 112 = 127 - 15, the difference of the exponent biases; 31 means infinity or NaN in half.
  std::uint32_t const wide = exponent == 31 ? 255 : exponent + 112;
  return std::bit_cast<float>(sign | (wide << 23) | (fraction << 13));
}

/// The bits of the nearest half, ties to even: infinity from 65520 on, NaN stays NaN.
[[nodiscard]] constexpr std::uint16_t to_half(float value) {
  auto const bits = std::bit_cast<std::uint32_t>(value);
  auto const sign = static_cast<std::uint16_t>(bits >> 16 & 0x8000u);
  std::uint32_t const size = bits & 0x7fffffffu;
  if (size > 0x7f800000u) return static_cast<std::uint16_t>(sign | 0x7e00u);
  if (size >= 0x477ff000u) return static_cast<std::uint16_t>(sign | 0x7c00u);
  if (size < 0x38800000u) {
    // Below 2^-14 a half is a multiple of 2^-24: adding 0.5 leaves it in the lowest bits, rounded.
    float const shifted = std::bit_cast<float>(size) + 0.5f;
    return static_cast<std::uint16_t>(sign | (std::bit_cast<std::uint32_t>(shifted) - 0x3f000000u));
  }
  std::uint32_t const rounded = size + 0xfffu + (size >> 13 & 1u) - 0x38000000u;
  return static_cast<std::uint16_t>(sign | rounded >> 13);
}

}  // namespace moenda
