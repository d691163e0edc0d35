// SPDX-License-Identifier: Apache-2.0
#pragma once
// How the formats with a scale for every block lie in memory. What is written here is read by
// cpu/kernels/linear/unpack.hpp, and made by weights/quantised/.
//
// int8, int4: blocks of 32 numbers of a row, the scale in front: the bytes of GGUF's q8_0 and q4_0
// (ggml, `ggml-common.h`). A row of another length ends with a block that zeros fill up.
// nf4, nf4_double: the numbers of the whole matrix in the order of its rows, two to a byte, the
// first in the upper half; blocks of 64 run across the ends of rows: the bytes of bitsandbytes
// (Dettmers et al. 2023, QLoRA). The scales lie apart.
#include <array>
#include <cstddef>
#include <cstdint>

#include "moenda/core/storage.hpp"

namespace moenda {

/// 32 numbers: number i is scale * values[i].
struct Int8Block {
  static constexpr int numbers = 32;
  std::uint16_t scale;  ///< half precision
  std::int8_t values[32];
};
static_assert(sizeof(Int8Block) == 34);

/// 32 numbers: number i is scale * (code - 8), where the codes of the numbers 0..15 are the lower
/// halves of the bytes, those of 16..31 the upper ones.
struct Int4Block {
  static constexpr int numbers = 32;
  std::uint16_t scale;  ///< half precision
  std::uint8_t codes[16];
};
static_assert(sizeof(Int4Block) == 18);

/// NormalFloat of 4 bits: what a code means, in units of the largest size in its block. Dettmers et
/// al. 2023, appendix E.
inline constexpr std::array<float, 16> nf4_values{-1.0f,
                                                  -0.6961928009986877f,
                                                  -0.5250730514526367f,
                                                  -0.39491748809814453f,
                                                  -0.28444138169288635f,
                                                  -0.18477343022823334f,
                                                  -0.09105003625154495f,
                                                  0.0f,
                                                  0.07958029955625534f,
                                                  0.16093020141124725f,
                                                  0.24611230194568634f,
                                                  0.33791524171829224f,
                                                  0.44070982933044434f,
                                                  0.5626170039176941f,
                                                  0.7229568362236023f,
                                                  1.0f};
inline constexpr int nf4_block = 64;

/// In front of the scales of nf4_double. Behind it lie [groups] floats, one for every 256 blocks,
/// and [blocks] bytes: the scale of block b is
///   values[bytes[b]] * floats[b / 256] + offset.
struct DoubleScales {
  static constexpr int blocks_of_group = 256;
  float values[256];  ///< what a byte means, in units of the largest size in its group
  float offset;
  std::uint32_t groups;

  [[nodiscard]] float const* largest() const { return reinterpret_cast<float const*>(this + 1); }
  [[nodiscard]] std::uint8_t const* bytes() const {
    return reinterpret_cast<std::uint8_t const*>(largest() + groups);
  }
  [[nodiscard]] static constexpr std::size_t size(std::size_t blocks) {
    return sizeof(DoubleScales) + (blocks + blocks_of_group - 1) / blocks_of_group * sizeof(float) +
           blocks;
  }
};

/// How many bytes a matrix of a format takes; plain ones are not stored.
struct StoredBytes {
  std::size_t codes = 0, scales = 0;
};
[[nodiscard]] constexpr StoredBytes stored_bytes(Format format, int rows, int cols) {
  auto const height = static_cast<std::size_t>(rows), width = static_cast<std::size_t>(cols);
  auto const count = height * width, blocks = (count + nf4_block - 1) / nf4_block;
  switch (format) {
    case Format::fp32:
      break;
    case Format::bf16:
      return {2 * count, 0};
    case Format::int8:
      return {height * ((width + 31) / 32) * sizeof(Int8Block), 0};
    case Format::int4:
      return {height * ((width + 31) / 32) * sizeof(Int4Block), 0};
    case Format::nf4:
      return {(count + 1) / 2, blocks * sizeof(float)};
    case Format::nf4_double:
      return {(count + 1) / 2, DoubleScales::size(blocks)};
  }
  return {};
}

}  // namespace moenda
