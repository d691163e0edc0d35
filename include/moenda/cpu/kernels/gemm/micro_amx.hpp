// SPDX-License-Identifier: Apache-2.0
#pragma once
// The tile unit of Intel processors (AMX), with products of bf16 pairs. Only a backend of
// Level::amx may use it: the operating system gives tiles to those who ask.
#include "moenda/cpu/levels/instructions.hpp"

#if MOENDA_AMX
#include <immintrin.h>

#include <cstdint>

#include "moenda/cpu/kernels/gemm/micro_avx512_bf16.hpp"

namespace moenda::cpu::MOENDA_LEVEL::gemm_detail {

/// A tile of the result is 2 x 2 tiles of the unit, each 16 x 16 sums; a step of the unit takes 16
/// pairs of the depth. Four products share two left and two right tiles, so loads and products keep
/// each other busy. The unit takes denormal numbers for zero.
struct AmxBf16 : Avx512Bf16 {
  static constexpr int tile_rows = 32, steps_at_once = 16;

  /// While it lives, the thread's tiles have their shape.
  class Session {
   public:
    Session() {
      Shape shape;
      for (int i = 0; i < 8; ++i) shape.row_bytes[i] = 64, shape.rows[i] = 16;
      // g++ believes that the instruction reads 8 bytes: all of them must be in memory.
      asm volatile("" : : "r"(&shape) : "memory");
      _tile_loadconfig(&shape);
    }
    ~Session() { _tile_release(); }
    Session(Session const&) = delete;
    Session& operator=(Session const&) = delete;

   private:
    struct alignas(64) Shape {
      std::uint8_t palette = 1, start_row = 0, reserved[14] = {};
      std::uint16_t row_bytes[16] = {};
      std::uint8_t rows[16] = {};
    };
  };

  /// c[rows, 32] = left right, or c += with `accumulate`; rows is 16 or 32. left:
  /// [steps / 16, 32, 16], right: [steps, 32], with `right_stride` between rows. The sums begin
  /// with what c has, so a depth cut into parts is summed in the order of the whole.
  static void compute(int rows, float* c, std::ptrdiff_t c_stride, Packed const* left,
                      Packed const* right, std::ptrdiff_t right_stride, int steps,
                      bool accumulate) {
    auto const stride = static_cast<long>(right_stride) * 4;
    bool const both = rows > 16;
    // What was packed must be in memory: the loads below do not say what they read.
    asm volatile("" ::: "memory");
    auto const row_bytes = static_cast<long>(c_stride) * 4;
    if (accumulate) {
      _tile_loadd(0, c, row_bytes);
      _tile_loadd(1, c + 16, row_bytes);
      if (both) {
        _tile_loadd(2, c + 16 * c_stride, row_bytes);
        _tile_loadd(3, c + 16 * c_stride + 16, row_bytes);
      }
    } else {
      for (int i = 0; i < rows; ++i) {
        __builtin_prefetch(c + i * c_stride, 1);
        __builtin_prefetch(c + i * c_stride + 31, 1);
      }
      _tile_zero(0);
      _tile_zero(1);
      _tile_zero(2);
      _tile_zero(3);
    }
    for (int step = 0; step < steps; step += steps_at_once) {
      _tile_loadd(6, right, stride);
      _tile_loadd(4, left, 64);
      _tile_dpbf16ps(0, 4, 6);
      _tile_loadd(7, right + 16, stride);
      _tile_dpbf16ps(1, 4, 7);
      if (both) {
        _tile_loadd(5, left + 16 * 16, 64);
        _tile_dpbf16ps(2, 5, 6);
        _tile_dpbf16ps(3, 5, 7);
      }
      left += tile_rows * steps_at_once, right += steps_at_once * right_stride;
    }
    _tile_stored(0, c, row_bytes);
    _tile_stored(1, c + 16, row_bytes);
    if (both) {
      _tile_stored(2, c + 16 * c_stride, row_bytes);
      _tile_stored(3, c + 16 * c_stride + 16, row_bytes);
    }
    asm volatile("" ::: "memory");
  }
};

}  // namespace moenda::cpu::MOENDA_LEVEL::gemm_detail
#endif
