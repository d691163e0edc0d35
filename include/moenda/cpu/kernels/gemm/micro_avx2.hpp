// SPDX-License-Identifier: Apache-2.0
#pragma once
// The registers of AVX2 with FMA. Present only where the compiler was told that the machine has
// them.
#include "moenda/cpu/levels/instructions.hpp"

#if MOENDA_AVX2
#include <immintrin.h>

namespace moenda::cpu::MOENDA_LEVEL::gemm_detail {

/// Tiles of 6 rows by 2 registers: 12 sums + 2 columns + 1 broadcast of 16 registers, and 12 chains
/// cover a latency of 5 cycles on 2 units.
template <class T>
struct Avx2;

template <>
struct Avx2<float> {
  using Scalar = float;
  using Register = __m256;
  static constexpr int lanes = 8, tile_rows = 6, tile_registers = 2;

  static Register zero() { return _mm256_setzero_ps(); }
  static Register broadcast(float const* p) { return _mm256_broadcast_ss(p); }
  static Register load(float const* p) { return _mm256_loadu_ps(p); }
  static void store(float* p, Register value) { _mm256_storeu_ps(p, value); }
  static Register multiply_add(Register a, Register b, Register sum) {
    return _mm256_fmadd_ps(a, b, sum);
  }
  static Register add(Register a, Register b) { return _mm256_add_ps(a, b); }
};

template <>
struct Avx2<double> {
  using Scalar = double;
  using Register = __m256d;
  static constexpr int lanes = 4, tile_rows = 6, tile_registers = 2;

  static Register zero() { return _mm256_setzero_pd(); }
  static Register broadcast(double const* p) { return _mm256_broadcast_sd(p); }
  static Register load(double const* p) { return _mm256_loadu_pd(p); }
  static void store(double* p, Register value) { _mm256_storeu_pd(p, value); }
  static Register multiply_add(Register a, Register b, Register sum) {
    return _mm256_fmadd_pd(a, b, sum);
  }
  static Register add(Register a, Register b) { return _mm256_add_pd(a, b); }
};

}  // namespace moenda::cpu::MOENDA_LEVEL::gemm_detail
#endif
