// SPDX-License-Identifier: Apache-2.0
#pragma once
// Weights of every format become plain scalars here, a part of a row at a time.
#include <algorithm>
#include <cstddef>
#include <cstdint>

#include "moenda/core/bf16.hpp"
#include "moenda/core/half.hpp"
#include "moenda/core/quantised.hpp"
#include "moenda/cpu/levels/instructions.hpp"

namespace moenda::cpu::MOENDA_LEVEL::detail {

/// Numbers [first, first + count) of a row of blocks: number(block, i) is number i of a block
/// before it is multiplied by the scale.
template <class T, class B, class Number>
void unpack_blocks(T* to, B const* blocks, int first, int count, Number const& number) {
  for (int c = first; c < first + count;) {
    B const& block = blocks[c / B::numbers];
    float const scale = from_half(block.scale);
    int const begin = c % B::numbers, end = std::min(B::numbers, begin + first + count - c);
    for (int i = begin; i < end; ++i) *to++ = static_cast<T>(scale * number(block, i));
    c += end - begin;
  }
}

/// The scale of block b of a matrix in nf4 or nf4_double.
[[nodiscard]] inline float nf4_scale(Format format, void const* scales, std::ptrdiff_t b) {
  if (format == Format::nf4) return static_cast<float const*>(scales)[b];
  auto const& all = *static_cast<DoubleScales const*>(scales);
  float product = all.values[all.bytes()[b]] * all.largest()[b / DoubleScales::blocks_of_group];
#if defined(__GNUC__) && defined(__x86_64__)
  // Rounded before the offset is added: a fused multiply-add would have other bits.
  asm("" : "+x"(product));
#endif
  return product + all.offset;
}

/// The numbers [at, at + count) of a matrix in nf4 or nf4_double.
template <class T>
void unpack_nf4(T* to, WeightView<T> const& w, std::ptrdiff_t at, int count) {
  auto const* const codes = static_cast<std::uint8_t const*>(w.codes);
  for (auto const last = at + count; at < last;) {
    auto const block = at / nf4_block, end = std::min(last, (block + 1) * nf4_block);
    float const scale = nf4_scale(w.format, w.scales, block);
    for (; at < end; ++at) {
      int const code = at % 2 == 0 ? codes[at / 2] >> 4 : codes[at / 2] & 15;
      *to++ = static_cast<T>(nf4_values[static_cast<std::size_t>(code)] * scale);
    }
  }
}

/// to[count] = w[row, first .. first + count], where rows of w have `cols` columns.
template <class T>
void unpack_row(T* to, WeightView<T> const& w, std::ptrdiff_t row, int cols, int first, int count) {
  auto const at = row * cols + first, block = row * ((cols + 31) / 32);
  switch (w.format) {
    case Format::fp32:
      std::copy_n(w.values + at, count, to);
      return;
    case Format::bf16: {
      auto const* const codes = static_cast<std::uint16_t const*>(w.codes) + at;
      for (int i = 0; i < count; ++i) to[i] = T(from_bf16(codes[i]));
      return;
    }
    case Format::int8:
      return unpack_blocks(to, static_cast<Int8Block const*>(w.codes) + block, first, count,
                           [](Int8Block const& b, int i) { return float(b.values[i]); });
    case Format::int4:
      return unpack_blocks(to, static_cast<Int4Block const*>(w.codes) + block, first, count,
                           [](Int4Block const& b, int i) {
                             return float((i < 16 ? b.codes[i] & 15 : b.codes[i - 16] >> 4) - 8);
                           });
    case Format::nf4:
    case Format::nf4_double:
      return unpack_nf4(to, w, at, count);
  }
}

}  // namespace moenda::cpu::MOENDA_LEVEL::detail
