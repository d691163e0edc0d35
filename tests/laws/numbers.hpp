// SPDX-License-Identifier: Apache-2.0
#pragma once
// What every law needs: numbers that are the same on every machine, how close is close, and
// comparison to the bit.
#include <catch2/catch.hpp>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <span>
#include <vector>

#include "moenda/core/random.hpp"
#include "moenda/core/walk.hpp"
#include "moenda/cpu/backend.hpp"

namespace laws {

using Float = moenda::cpu::Backend<float>;
using Double = moenda::cpu::Backend<double>;

/// How far a result may lie from its reference, relative to 1 + |reference|.
template <class B>
struct Tolerance;
template <>
struct Tolerance<Float> {
  static constexpr double value = 2e-5;      // one layer, forward or backward
  static constexpr double model = 1e-4;      // some layers
  static constexpr double optimizer = 1e-3;  // after some optimizer steps
};
template <>
struct Tolerance<Double> {
  static constexpr double value = 1e-12;
  static constexpr double model = 1e-11;
  static constexpr double optimizer = 1e-9;
};

/// `count` numbers in low .. high.
template <class T>
std::vector<T> numbers(std::ptrdiff_t count, std::uint64_t seed, double low = -1, double high = 1) {
  moenda::Random const random(seed, 77);
  std::vector<T> out(static_cast<std::size_t>(count));
  for (std::size_t i = 0; i < out.size(); ++i) {
    out[i] = static_cast<T>(low + (high - low) * random.uniform(i));
  }
  return out;
}
/// `count` ids in 0 .. limit - 1.
inline std::vector<int> ids(std::ptrdiff_t count, int limit, std::uint64_t seed) {
  moenda::Random const random(seed, 78);
  std::vector<int> out(static_cast<std::size_t>(count));
  for (std::size_t i = 0; i < out.size(); ++i) {
    out[i] = static_cast<int>(random.bits(i) % static_cast<std::uint64_t>(limit));
  }
  return out;
}
/// Larger than a real initialisation, so that every term of a gradient is visible.
template <class Params>
void fill_weights(Params& params, std::uint64_t seed, double spread = 0.5) {
  moenda::walk(params, [&](moenda::Path const& path, auto& weight) {
    moenda::Random const random(seed, moenda::stream_of(path.str()));
    double const middle = weight.kind == moenda::WeightKind::gain ? 1 : 0;
    using Scalar = std::remove_reference_t<decltype(*weight.data)>;
    for (std::ptrdiff_t i = 0; i < weight.size(); ++i) {
      double const u = 2 * random.uniform(static_cast<std::uint64_t>(i)) - 1;
      weight.data[i] = static_cast<Scalar>(middle + spread * u);
    }
  });
}

/// Of vectors, spans and arrays of numbers alike.
template <class A, class B>
[[nodiscard]] bool same_bits(A const& a, B const& b) {
  static_assert(std::is_same_v<std::remove_cvref_t<decltype(*a.data())>,
                               std::remove_cvref_t<decltype(*b.data())>>);
  return a.size() == b.size() &&
         (a.size() == 0 || std::memcmp(a.data(), b.data(), a.size() * sizeof(*a.data())) == 0);
}
template <class A>
[[nodiscard]] bool all_finite(A const& values) {
  for (auto const value : values) {
    if (!std::isfinite(value)) return false;
  }
  return true;
}
/// The largest |got - expected| / (1 + |expected|); infinite when sizes differ or a NaN is there.
template <class A, class B>
[[nodiscard]] double distance(A const& got, B const& expected) {
  if (got.size() != expected.size()) return INFINITY;
  double worst = 0;
  for (std::size_t i = 0; i < got.size(); ++i) {
    auto const want = static_cast<double>(expected[i]);
    double const off = std::abs(static_cast<double>(got[i]) - want) / (1 + std::abs(want));
    if (!(off <= worst)) worst = std::isnan(off) ? INFINITY : off;
  }
  return worst;
}

}  // namespace laws
