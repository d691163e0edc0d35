// SPDX-License-Identifier: Apache-2.0
#pragma once
// exp, tanh and the logistic function without branches or calls, so that a loop over floats becomes
// vector code. double goes to the standard library: it serves gradient checks, where accuracy
// matters and speed does not.
#include <bit>
#include <cmath>
#include <cstdint>
#include <type_traits>

#include "moenda/cpu/levels/instructions.hpp"

namespace moenda::cpu::MOENDA_LEVEL {

/// e^x. float: within 1.5 units in the last place, 0 below -104, infinity above 88.73, NaN stays.
/// x = n ln 2 + r with |r| <= ln 2 / 2; e^r is a minimax polynomial of degree 6, e^x = 2^n e^r.
/// Needs the rounding of IEEE 754: do not compile with -ffast-math.
template <class T>
[[nodiscard]] inline T exponential(T x) {
  static_assert(std::is_floating_point_v<T>, "exponential: the scalar must be a floating type");
  if constexpr (!std::is_same_v<T, float>) {
    return std::exp(x);
  } else {
    // Clamped to -104 .. 89 as integers: below 0 the order of the bits, unsigned, is that of the
    // sizes, above 0 it is that of the numbers. Comparisons of floats would, for the sake of NaN,
    // become branches that vector code turns into masks for every line.
    auto const bits = std::bit_cast<std::uint32_t>(x);
    constexpr auto least = std::bit_cast<std::uint32_t>(-104.0f);
    constexpr auto most = std::bit_cast<std::int32_t>(89.0f);
    auto const above = std::bit_cast<std::int32_t>(bits < least ? bits : least);
    auto const clamped = std::bit_cast<float>(above < most ? above : most);
    // 1.5 * 2^23: adding it leaves the rounded integer in the low bits, where no cast of a NaN to
    // an integer (undefined) is needed to read it.
    constexpr float shift = 12582912.0f;
    float const shifted = clamped * 1.44269504f + shift;
    float const n = shifted - shift;
    // ln 2 in two parts, the first with trailing zeros so that n times it is exact.
    float const r = (clamped - n * 0.693359375f) + n * 2.12194440e-4f;
    float p = 0.0013814610429108143f;
    p = p * r + 0.008368724957108498f;
    p = p * r + 0.04166838899254799f;
    p = p * r + 0.1666652113199234f;
    p = p * r + 0.4999999403953552f;
    float const e = p * (r * r) + r + 1.0f;
    // 2^n as two factors, each of them a normal number: n = 128 and the subnormal results work.
    auto const exponent = std::bit_cast<std::int32_t>(shifted) - std::bit_cast<std::int32_t>(shift);
    std::int32_t const half = exponent >> 1;
    auto const first = static_cast<std::uint32_t>(half + 127) << 23;
    auto const second = static_cast<std::uint32_t>(exponent - half + 127) << 23;
    float const result = e * std::bit_cast<float>(first) * std::bit_cast<float>(second);
    return x == x ? result : x;  // NaN stays
  }
}

/// tanh x, within 3 units in the last place for floats, also near 0 where 1 - 2 / (e^2x + 1)
/// cancels: there it is x + x^3 p(x^2) with a minimax polynomial p.
template <class T>
[[nodiscard]] inline T hyperbolic_tangent(T x) {
  if constexpr (!std::is_same_v<T, float>) {
    return std::tanh(x);
  } else {
    float const size = std::fabs(x);
    float const square = x * x;
    float p = 0.0015930177178233862f;
    p = p * square - 0.007425172720104456f;
    p = p * square + 0.021313974633812904f;
    p = p * square - 0.05385584011673927f;
    p = p * square + 0.13332270085811615f;
    p = p * square - 0.33333298563957214f;
    float const near_zero = size + size * (square * p);
    float const far = 1.0f - 2.0f / (exponential(2.0f * size) + 1.0f);
    return std::copysign(size < 0.7f ? near_zero : far, x);
  }
}

/// The logistic function 1 / (1 + e^-x).
template <class T>
[[nodiscard]] inline T sigmoid(T x) {
  return T(1) / (T(1) + exponential(-x));
}

}  // namespace moenda::cpu::MOENDA_LEVEL
