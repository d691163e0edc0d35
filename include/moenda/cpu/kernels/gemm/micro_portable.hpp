// SPDX-License-Identifier: Apache-2.0
#pragma once
// The registers of any machine: 16 byte vectors, which every 64-bit x86 and ARM has, and which the
// compiler lowers to plain arithmetic elsewhere.
#include <cstring>

#include "moenda/cpu/levels/instructions.hpp"

namespace moenda::cpu::MOENDA_LEVEL::gemm_detail {

/// Sixteen byte registers, spelt without instruction names. A tile is 4 rows by 2 registers: the 8
/// sums, 2 columns and 1 broadcast fit the 16 registers of baseline x86-64.
template <class T>
struct Portable {
  using Scalar = T;
  using Register [[gnu::vector_size(16)]] = T;
  static constexpr int lanes = 16 / sizeof(T), tile_rows = 4, tile_registers = 2;

  static Register zero() { return Register{}; }
  static Register broadcast(T const* p) { return Register{} + *p; }
  static Register load(T const* p) {
    Register value;
    std::memcpy(&value, p, sizeof value);
    return value;
  }
  static void store(T* p, Register value) { std::memcpy(p, &value, sizeof value); }
  static Register multiply_add(Register a, Register b, Register sum) { return a * b + sum; }
  static Register add(Register a, Register b) { return a + b; }
};

}  // namespace moenda::cpu::MOENDA_LEVEL::gemm_detail
