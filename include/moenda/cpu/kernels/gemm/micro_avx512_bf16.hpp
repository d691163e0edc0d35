// SPDX-License-Identifier: Apache-2.0
#pragma once
// The registers of AVX-512 with products of bf16 pairs. Present only where the compiler was told
// that the machine has them.
#include "moenda/cpu/levels/instructions.hpp"

#if MOENDA_AVX512_BF16
#include <immintrin.h>

#include <bit>
#include <cstdint>

#include "moenda/cpu/kernels/gemm/factors.hpp"

namespace moenda::cpu::MOENDA_LEVEL::gemm_detail {

/// Tiles as those of Avx512<float>; every lane of a factor holds two numbers of the depth, and one
/// instruction adds both products to the lane of the sum. It takes denormal numbers for zero.
struct Avx512Bf16 {
  using Scalar = float;
  using Register = __m512;
  using Packed = std::uint32_t;
  using Factor [[gnu::vector_size(64)]] = std::uint32_t;
  static constexpr int lanes = 16, tile_rows = 14, tile_registers = 2, pair = 2;
  static constexpr bool in_place = false;

  static Register zero() { return _mm512_setzero_ps(); }
  static Register load(float const* p) { return _mm512_loadu_ps(p); }
  static void store(float* p, Register value) { _mm512_storeu_ps(p, value); }
  static Register add(Register a, Register b) { return _mm512_add_ps(a, b); }
  static Factor broadcast(Packed const* p) {
    return reinterpret_cast<Factor>(_mm512_set1_epi32(static_cast<int>(*p)));
  }
  static Factor load(Packed const* p) { return reinterpret_cast<Factor>(_mm512_loadu_si512(p)); }
  static Register multiply_add(Factor a, Factor b, Register sum) {
    return _mm512_dpbf16_ps(sum, reinterpret_cast<__m512bh>(a), reinterpret_cast<__m512bh>(b));
  }

  static float rounded(float value) { return round_to_bf16(value); }
  static Packed packed(float first, float second) {
    return std::bit_cast<Packed>(rounded(first)) >> 16 | std::bit_cast<Packed>(rounded(second));
  }
  static Factor along(float const* from) {
    return reinterpret_cast<Factor>(_mm512_cvtne2ps_pbh(load(from + lanes), load(from)));
  }
  /// The same of numbers in `pair` registers.
  static Factor factor_of(Register const* parts) {
    return reinterpret_cast<Factor>(_mm512_cvtne2ps_pbh(parts[1], parts[0]));
  }
  static Factor across(float const* first, float const* second) {
    // Lane i takes element i of each half.
    Factor const low = Factor{0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15};
    auto const halves = reinterpret_cast<__m512i>(_mm512_cvtne2ps_pbh(load(second), load(first)));
    auto const order = low | (low + 16U) << 16;
    return reinterpret_cast<Factor>(
        _mm512_permutexvar_epi16(reinterpret_cast<__m512i>(order), halves));
  }
};

}  // namespace moenda::cpu::MOENDA_LEVEL::gemm_detail
#endif
