// SPDX-License-Identifier: Apache-2.0
#pragma once
// int8 and int4: 32 numbers share a scale in half precision, as GGUF's q8_0 and q4_0 have them
// (ggml, `quantize_row_q8_0_ref` and `quantize_row_q4_0_ref`).
#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>

#include "moenda/core/half.hpp"
#include "moenda/core/quantised.hpp"

namespace moenda::quantised {

/// 1 / scale; 0 for a scale that is 0, or so small that half precision makes it 0.
[[nodiscard]] inline float inverse_of(float scale) {
  return std::isfinite(1.0f / scale) ? 1.0f / scale : 0.0f;
}

/// scale = max |x| / 127, value = x / scale, rounded with halves away from 0. x [32].
[[nodiscard]] inline Int8Block to_int8(float const* x) {
  float largest = 0;
  for (int i = 0; i < 32; ++i) largest = std::max(largest, std::fabs(x[i]));
  float const scale = largest / 127.0f, inverse = inverse_of(scale);
  Int8Block block{to_half(scale), {}};
  for (int i = 0; i < 32; ++i) {
    block.values[i] =
        static_cast<std::int8_t>(std::clamp(std::round(x[i] * inverse), -127.f, 127.f));
  }
  return block;
}

/// The number of the largest size becomes -8 of the steps -8 .. 7: scale = it / -8. x [32].
[[nodiscard]] inline Int4Block to_int4(float const* x) {
  float largest = 0;
  for (int i = 0; i < 32; ++i) {
    if (std::fabs(x[i]) > std::fabs(largest)) largest = x[i];
  }
  float const scale = largest / -8.0f, inverse = inverse_of(scale);
  auto const code = [=](float number) {
    return static_cast<std::uint8_t>(std::clamp(number * inverse + 8.5f, 0.f, 15.f));
  };
  Int4Block block{to_half(scale), {}};
  for (int i = 0; i < 16; ++i) {
    block.codes[i] = static_cast<std::uint8_t>(code(x[i]) | code(x[16 + i]) << 4);
  }
  return block;
}

}  // namespace moenda::quantised
