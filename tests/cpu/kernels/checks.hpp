// SPDX-License-Identifier: Apache-2.0
#pragma once
// What every kernel test needs: numbers that are the same on every machine, central differences,
// and the law that the number of threads changes no bit.
#include <catch2/catch.hpp>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <vector>

#include "moenda/cpu/backend.hpp"

namespace checks {

using moenda::cpu::Backend;

/// `count` numbers between low and high (SplitMix64).
template <class T>
std::vector<T> numbers(std::ptrdiff_t count, std::uint64_t seed, double low = -1, double high = 1) {
  std::vector<T> out(static_cast<std::size_t>(count));
  for (auto& value : out) {
    seed += 0x9e3779b97f4a7c15u;
    std::uint64_t z = seed;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    value = static_cast<T>(low + (high - low) * std::ldexp(static_cast<double>(z >> 11), -53));
    seed = z;
  }
  return out;
}

/// 0s and 1s, ones with the given share.
template <class T>
std::vector<T> mask(std::ptrdiff_t count, std::uint64_t seed, double share) {
  auto out = numbers<T>(count, seed, 0, 1);
  for (auto& value : out) value = static_cast<double>(value) < share ? T(1) : T(0);
  return out;
}

/// How far float and double results may lie from the double formula.
template <class T>
constexpr double tolerance = sizeof(T) == 4 ? 2e-5 : 1e-12;

template <class T, class U>
void require_near(std::vector<T> const& got, std::vector<U> const& expected, double bound) {
  REQUIRE(got.size() == expected.size());
  for (std::size_t i = 0; i < got.size(); ++i) {
    auto const want = static_cast<double>(expected[i]);
    INFO("index " << i << ": got " << got[i] << ", expected " << want);
    REQUIRE(std::abs(static_cast<double>(got[i]) - want) <= bound * (1 + std::abs(want)));
  }
}

template <class T>
void require_near(std::vector<T> const& got, std::vector<T> const& expected) {
  require_near(got, expected, tolerance<T>);
}

template <class T>
double dot(std::vector<T> const& a, std::vector<T> const& b) {
  double sum = 0;
  for (std::size_t i = 0; i < a.size(); ++i) {
    sum += static_cast<double>(a[i]) * static_cast<double>(b[i]);
  }
  return sum;
}

/// Compares `gradient` with central differences of loss() in each x.
template <class Loss>
void require_gradient(std::vector<double>& x, std::vector<double> const& gradient,
                      Loss const& loss) {
  REQUIRE(x.size() == gradient.size());
  double const step = 1e-5;
  for (std::size_t i = 0; i < x.size(); ++i) {
    double const kept = x[i];
    x[i] = kept + step;
    double const above = loss();
    x[i] = kept - step;
    double const below = loss();
    x[i] = kept;
    double const expected = (above - below) / (2 * step);
    INFO("index " << i << ": gradient " << gradient[i] << ", difference " << expected);
    REQUIRE(std::abs(gradient[i] - expected) <= 1e-7 * (1 + std::abs(expected)));
  }
}

/// run(backend) returns a vector; its bytes must not depend on the number of threads.
template <class T = float, class Run>
void require_same_bits(Run const& run) {
  Backend<T> one(1);
  auto const expected = run(one);
  for (int const threads : {2, 3, 8}) {
    Backend<T> many(threads);
    for (int repeat = 0; repeat < 2; ++repeat) {  // the second time with used scratch
      auto const got = run(many);
      INFO("threads " << threads << ", run " << repeat);
      REQUIRE(got.size() == expected.size());
      REQUIRE(std::memcmp(got.data(), expected.data(), got.size() * sizeof(got[0])) == 0);
    }
  }
}

template <class T>
void append(std::vector<T>& to, std::vector<T> const& from) {
  to.insert(to.end(), from.begin(), from.end());
}

}  // namespace checks
