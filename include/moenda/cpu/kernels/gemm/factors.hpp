// SPDX-License-Identifier: Apache-2.0
#pragma once
// How numbers in memory become the factors of a product: as they are, or rounded to bf16. A step of
// the depth is one product, or the sum of two where the machine adds pairs.
#include <cstdint>
#include <type_traits>

#include "moenda/core/bf16.hpp"
#include "moenda/cpu/levels/instructions.hpp"

namespace moenda::cpu::MOENDA_LEVEL::gemm_detail {

template <class Element, int lanes>
struct Vector {
  using Type [[gnu::vector_size(lanes * sizeof(Element))]] = Element;
};

/// Registers of kind Kind whose factors are the numbers themselves.
template <class Kind>
struct Exact : Kind {
  using Scalar = typename Kind::Scalar;
  using Packed = Scalar;                   ///< a step of one row in a packed panel
  using Factor = typename Kind::Register;  ///< `lanes` of them
  static constexpr int pair = 1;           ///< numbers of the depth in a step
  static constexpr bool in_place = true;   ///< a row in memory serves as a row of a packed panel

  static Scalar rounded(Scalar value) { return value; }
  static Packed packed(Scalar first, Scalar) { return first; }
  /// `lanes` steps of one row, contiguous along the depth.
  static Factor along(Scalar const* from) { return Kind::load(from); }
  static Factor factor_of(Factor const* parts) { return *parts; }
  /// One step of `lanes` contiguous rows; the second pointer is of the step's other half.
  static Factor across(Scalar const* from, Scalar const*) { return Kind::load(from); }
};

/// Registers of kind Kind without instructions for bf16: the factors are rounded, then multiplied
/// as floats. A product of two of them is exact in fp32.
template <class Kind>
struct Rounded : Kind {
  using Packed = float;
  using Factor = typename Kind::Register;
  static constexpr int pair = 1;
  static constexpr bool in_place = false;

  static float rounded(float value) { return round_to_bf16(value); }
  static Packed packed(float first, float) { return round_to_bf16(first); }
  static Factor along(float const* from) { return round(Kind::load(from)); }
  static Factor factor_of(Factor const* parts) { return round(*parts); }
  static Factor across(float const* from, float const*) { return round(Kind::load(from)); }

 private:
  using Bits = typename Vector<std::uint32_t, Kind::lanes>::Type;
  static Factor round(Factor const& value) {
    auto const bits = reinterpret_cast<Bits>(value);
    auto const is_nan = reinterpret_cast<Bits>((bits & 0x7fffffffU) > 0x7f800000U);
    auto const nearest = bits + 0x7fffU + ((bits >> 16) & 1U);
    auto const quiet = bits | 0x00400000U;
    return reinterpret_cast<Factor>(((is_nan & quiet) | (~is_nan & nearest)) & 0xffff0000U);
  }
};

}  // namespace moenda::cpu::MOENDA_LEVEL::gemm_detail
