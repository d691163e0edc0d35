// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <vector>

#include "moenda/core/bf16.hpp"
#include "moenda/weights/quantised/int.hpp"
#include "moenda/weights/quantised/nf4.hpp"

namespace moenda::quantised {

/// Calls body(begin, end) with parts of 0 .. count, as a ThreadPool does: here with all of it.
struct InOnePart {
  template <class Body>
  void operator()(std::ptrdiff_t count, Body&& body) const {
    body(std::ptrdiff_t{0}, count);
  }
};

template <class Scalar>
void encode_bf16(std::byte* to, Scalar const* x, std::ptrdiff_t count) {
  for (std::ptrdiff_t i = 0; i < count; ++i, to += 2) {
    auto const code = to_bf16(static_cast<float>(x[i]));
    std::memcpy(to, &code, sizeof code);
  }
}

/// Rows of blocks of 32; the last block of a row is filled up with zeros.
template <class Scalar, class ToBlock>
void encode_rows(std::byte* to, Scalar const* x, std::ptrdiff_t rows, int cols,
                 ToBlock const& to_block) {
  for (std::ptrdiff_t r = 0; r < rows; ++r, x += cols) {
    for (int c = 0; c < cols; c += 32) {
      float numbers[32] = {};
      std::transform(x + c, x + std::min(cols, c + 32), numbers,
                     [](Scalar value) { return static_cast<float>(value); });
      auto const block = to_block(numbers);
      std::memcpy(to, &block, sizeof block);
      to += sizeof block;
    }
  }
}

/// `scales` gets the scale of every block.
template <class Scalar>
void encode_nf4(std::byte* to, float* scales, Scalar const* x, std::ptrdiff_t count) {
  for (std::ptrdiff_t begin = 0; begin < count; begin += nf4_block) {
    auto const numbers =
        static_cast<std::size_t>(std::min<std::ptrdiff_t>(nf4_block, count - begin));
    float block[nf4_block];
    std::uint8_t codes[nf4_block + 1] = {};
    std::transform(x + begin, x + begin + numbers, block,
                   [](Scalar value) { return static_cast<float>(value); });
    *scales++ = nf4_codes(codes, {block, numbers}, numbers == nf4_block);
    // bitsandbytes fills an odd count up with a zero, whose code is 7.
    codes[numbers] = nf4_code(0);
    for (std::size_t i = 0; i < numbers; i += 2) {
      *to++ = static_cast<std::byte>(codes[i] << 4 | codes[i + 1]);
    }
  }
}

/// Writes x [rows, cols] in a format other than fp32 to codes and scales of stored_bytes(format,
/// rows, cols). The bits do not depend on the parts.
template <class Scalar, class InParts = InOnePart>
void encode(Format format, std::byte* codes, std::byte* scales, Scalar const* x, int rows, int cols,
            InParts const& in_parts = {}) {
  auto const count = std::ptrdiff_t{rows} * cols;
  auto const blocks_of_rows = [&](auto const& to_block) {
    auto const row = std::ptrdiff_t(stored_bytes(format, 1, cols).codes);
    in_parts(rows, [&](std::ptrdiff_t begin, std::ptrdiff_t end) {
      encode_rows(codes + begin * row, x + begin * cols, end - begin, cols, to_block);
    });
  };
  switch (format) {
    case Format::fp32:
      return;
    case Format::bf16:
      return in_parts(count, [&](std::ptrdiff_t begin, std::ptrdiff_t end) {
        encode_bf16(codes + 2 * begin, x + begin, end - begin);
      });
    case Format::int8:
      return blocks_of_rows(to_int8);
    case Format::int4:
      return blocks_of_rows(to_int4);
    case Format::nf4:
    case Format::nf4_double: {
      std::vector<float> of_blocks(std::size_t((count + nf4_block - 1) / nf4_block));
      in_parts(std::ptrdiff_t(of_blocks.size()), [&](std::ptrdiff_t begin, std::ptrdiff_t end) {
        auto const first = begin * nf4_block;
        encode_nf4(codes + first / 2, of_blocks.data() + begin, x + first,
                   std::min(count, end * nf4_block) - first);
      });
      if (format == Format::nf4_double) return to_double_scales(scales, of_blocks);
      std::memcpy(scales, of_blocks.data(), of_blocks.size() * sizeof(float));
    }
  }
}

}  // namespace moenda::quantised
