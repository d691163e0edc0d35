// SPDX-License-Identifier: Apache-2.0
#pragma once
// bf16: the upper 16 bits of a float, which are 8 bits of significand.
#include <bit>
#include <cstdint>

namespace moenda {

/// The nearest number with 8 bits of significand, ties to even; NaN stays NaN.
[[nodiscard]] constexpr float round_to_bf16(float value) {
  auto const bits = std::bit_cast<std::uint32_t>(value);
  bool const is_nan = (bits & 0x7fffffffU) > 0x7f800000U;
  auto const rounded = is_nan ? bits | 0x00400000U : bits + 0x7fffU + ((bits >> 16) & 1U);
  return std::bit_cast<float>(rounded & 0xffff0000U);
}
/// The bits that are kept of round_to_bf16(value), and what they mean.
[[nodiscard]] constexpr std::uint16_t to_bf16(float value) {
  return static_cast<std::uint16_t>(std::bit_cast<std::uint32_t>(round_to_bf16(value)) >> 16);
}
[[nodiscard]] constexpr float from_bf16(std::uint16_t code) {
  return std::bit_cast<float>(std::uint32_t{code} << 16);
}

}  // namespace moenda
