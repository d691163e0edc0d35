// SPDX-License-Identifier: Apache-2.0
#pragma once
// The registers of AVX-512. Present only where the compiler was told that the machine has
// them.
#include "moenda/cpu/levels/instructions.hpp"

#if MOENDA_AVX512
#include <immintrin.h>

namespace moenda::cpu::MOENDA_LEVEL::gemm_detail {

/// Tiles of 14 rows by 2 registers: 28 sums + 2 columns + 1 broadcast of 32 registers. One step of
/// the depth costs 16 loads for 28 multiply-adds, so the two load ports idle half of the time.
template <class T>
struct Avx512;

template <>
struct Avx512<float> {
  using Scalar = float;
  using Register = __m512;
  static constexpr int lanes = 16, tile_rows = 14, tile_registers = 2;

  static Register zero() { return _mm512_setzero_ps(); }
  static Register broadcast(float const* p) { return _mm512_set1_ps(*p); }
  static Register load(float const* p) { return _mm512_loadu_ps(p); }
  static void store(float* p, Register value) { _mm512_storeu_ps(p, value); }
  static Register multiply_add(Register a, Register b, Register sum) {
    return _mm512_fmadd_ps(a, b, sum);
  }
  static Register add(Register a, Register b) { return _mm512_add_ps(a, b); }
};

template <>
struct Avx512<double> {
  using Scalar = double;
  using Register = __m512d;
  static constexpr int lanes = 8, tile_rows = 14, tile_registers = 2;

  static Register zero() { return _mm512_setzero_pd(); }
  static Register broadcast(double const* p) { return _mm512_set1_pd(*p); }
  static Register load(double const* p) { return _mm512_loadu_pd(p); }
  static void store(double* p, Register value) { _mm512_storeu_pd(p, value); }
  static Register multiply_add(Register a, Register b, Register sum) {
    return _mm512_fmadd_pd(a, b, sum);
  }
  static Register add(Register a, Register b) { return _mm512_add_pd(a, b); }
};

}  // namespace moenda::cpu::MOENDA_LEVEL::gemm_detail
#endif
