// SPDX-License-Identifier: Apache-2.0
#pragma once
// What takes a tile unit's place on machines without one: the same panels, the same steps, by plain
// loops. It proves packing, edges and order everywhere; nobody chooses it for speed.
#include <bit>
#include <cstdint>

#include "moenda/core/bf16.hpp"
#include "moenda/cpu/kernels/gemm/micro_portable.hpp"

namespace moenda::cpu::MOENDA_LEVEL::gemm_detail {

/// Portable registers whose factors are pairs of bf16.
struct PortablePairs : Portable<float> {
  using Packed = std::uint32_t;
  using Factor [[gnu::vector_size(16)]] = std::uint32_t;
  static constexpr int pair = 2;
  static constexpr bool in_place = false;

  static float rounded(float value) { return round_to_bf16(value); }
  static Packed packed(float first, float second) {
    return std::uint32_t{to_bf16(first)} | std::uint32_t{to_bf16(second)} << 16;
  }
  static float first_of(Packed both) { return std::bit_cast<float>(both << 16); }
  static float second_of(Packed both) { return std::bit_cast<float>(both & 0xffff0000U); }
  static Factor along(float const* from) {
    return Factor{packed(from[0], from[1]), packed(from[2], from[3]), packed(from[4], from[5]),
                  packed(from[6], from[7])};
  }
  static Factor across(float const* first, float const* second) {
    return Factor{packed(first[0], second[0]), packed(first[1], second[1]),
                  packed(first[2], second[2]), packed(first[3], second[3])};
  }
  static Register multiply_add(Factor a, Factor b, Register sum) {
    for (int i = 0; i < lanes; ++i) {
      sum[i] += first_of(a[i]) * first_of(b[i]);
      sum[i] += second_of(a[i]) * second_of(b[i]);
    }
    return sum;
  }
};

/// The stand-in: tiles of 32 x 32, 16 pairs of the depth at once.
struct PlainTiles : PortablePairs {
  static constexpr int tile_rows = 32, tile_registers = 8, steps_at_once = 16;
  struct Session {};

  /// As AmxBf16::compute.
  static void compute(int rows, float* c, std::ptrdiff_t c_stride, Packed const* left,
                      Packed const* right, std::ptrdiff_t right_stride, int steps,
                      bool accumulate) {
    for (int i = 0; i < rows; ++i) {
      for (int j = 0; j < 32; ++j) {
        float& element = c[i * c_stride + j];
        float sum = accumulate ? element : 0;
        for (int step = 0; step < steps; ++step) {
          auto const group = step / steps_at_once, at = step % steps_at_once;
          Packed const a = left[(group * tile_rows + i) * steps_at_once + at];
          Packed const b = right[step * right_stride + j];
          sum += first_of(a) * first_of(b);
          sum += second_of(a) * second_of(b);
        }
        element = sum;
      }
    }
  }
};

}  // namespace moenda::cpu::MOENDA_LEVEL::gemm_detail
