// SPDX-License-Identifier: Apache-2.0
#pragma once
// NormalFloat of 4 bits with a scale for every 64 numbers, and scales of scales: Dettmers et al.
// 2023 (QLoRA), sections 3 and appendix E, to the bits of bitsandbytes 0.50 on a CPU.
#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>

#include "moenda/core/quantised.hpp"

namespace moenda::quantised {

/// The code of x, which lies in -1 .. 1: that of the nearest value, of two the one further down.
[[nodiscard]] inline std::uint8_t nf4_code(float x) {
  int code = 0;
  for (std::size_t i = 0; i + 1 < nf4_values.size(); ++i) {
    float const middle = (nf4_values[i] + nf4_values[i + 1]) / 2;
    code += x > middle ? 1 : 0;
  }
  return static_cast<std::uint8_t>(code);
}

/// The codes of a block, one byte each, and its scale, the largest size. Numbers of a whole block
/// are multiplied by its reciprocal, those of a last block of fewer are divided by it, as
/// bitsandbytes does; a size below 1e-38 counts as that.
inline float nf4_codes(std::uint8_t* codes, std::span<float const> x, bool whole) {
  constexpr float least = 1e-38f;
  float largest = 0;
  for (float const number : x) largest = std::max(largest, std::fabs(number));
  float const divisor = std::max(largest, least), factor = 1.0f / divisor;
  for (float const number : x) {
    float const unit = whole ? number * factor : number / divisor;
    *codes++ = nf4_code(std::clamp(unit, -1.0f, 1.0f));
  }
  return whole ? largest : divisor;
}

/// The values of a byte in the scales of scales: a sign, and a power of ten with as many linear
/// steps as bits are left. Dettmers 2016 (8-bit approximations), section 2.3; ascending.
[[nodiscard]] inline std::array<float, 256> dynamic_values() {
  std::array<float, 256> values{};
  std::size_t count = 0;
  for (int exponent = 0; exponent < 7; ++exponent) {
    int const steps = 1 << exponent;
    auto const unit = static_cast<float>(std::pow(10.0, exponent - 6));
    // PyTorch's linspace(0.1, 1): from both ends, rounded once.
    double const step = static_cast<double>((1.0f - 0.1f) / static_cast<float>(steps));
    auto const boundary = [=](int i) {
      return static_cast<float>(i < (steps + 1) / 2 ? static_cast<double>(0.1f) + step * i
                                                    : 1.0 - step * (steps - i));
    };
    for (int i = 0; i < steps; ++i) {
      float const value = unit * ((boundary(i) + boundary(i + 1)) / 2.0f);
      values[count++] = value, values[count++] = -value;
    }
  }
  values[count++] = 0, values[count++] = 1;
  std::sort(values.begin(), values.end());
  return values;
}

/// Scales of `scales`, in to[DoubleScales::size(scales.size())]. The offset is their mean; each
/// group of 256 has its largest distance from it; a byte is the nearest value. (bitsandbytes looks
/// it up in a table of 65,536 bins and does not always find the nearest.)
inline void to_double_scales(std::byte* to, std::span<float const> scales) {
  constexpr std::size_t group = DoubleScales::blocks_of_group;
  auto const values = dynamic_values();
  double sum = 0;
  for (float const scale : scales) sum += static_cast<double>(scale);
  DoubleScales head{};
  std::copy(values.begin(), values.end(), head.values);
  head.offset =
      static_cast<float>(sum / static_cast<double>(std::max<std::size_t>(1, scales.size())));
  head.groups = static_cast<std::uint32_t>((scales.size() + group - 1) / group);
  std::memcpy(to, &head, sizeof head);
  auto* const largest = to + sizeof head;
  auto* const bytes = largest + head.groups * sizeof(float);
  for (std::size_t g = 0; g < head.groups; ++g) {
    auto const of_group = scales.subspan(g * group, std::min(group, scales.size() - g * group));
    float most = 0;
    for (float const scale : of_group) most = std::max(most, std::fabs(scale - head.offset));
    std::memcpy(largest + g * sizeof(float), &most, sizeof most);
    for (std::size_t i = 0; i < of_group.size(); ++i) {
      float const unit = most == 0 ? 0 : std::clamp((of_group[i] - head.offset) / most, -1.f, 1.f);
      auto const above = std::lower_bound(values.begin() + 1, values.end() - 1, unit);
      auto const nearest = unit - *(above - 1) <= *above - unit ? above - 1 : above;
      bytes[g * group + i] = static_cast<std::byte>(nearest - values.begin());
    }
  }
}

}  // namespace moenda::quantised
