// SPDX-License-Identifier: Apache-2.0
#pragma once
// How quickly registers multiply and add when nothing else holds them up.
#include <algorithm>
#include <chrono>

#include "moenda/cpu/kernels/gemm/micro.hpp"

namespace moenda::cpu::MOENDA_LEVEL::gemm_detail {

/// FLOP per second of one thread that only multiplies and adds in registers of kind V, the best of
/// `repetitions` runs of `steps`: 24 independent chains, more than latency times units of any core
/// known (12 where there are 16 registers).
template <class V>
[[nodiscard]] double multiply_add_rate(int repetitions, int steps) {
  constexpr int chains = sizeof(typename V::Register) == 64 ? 24 : 12;
  using T = typename V::Scalar;
  using Clock = std::chrono::steady_clock;
  T values[chains + V::lanes], out[V::lanes];  // all different, or chains would be merged
  for (int i = 0; i < chains + V::lanes; ++i) values[i] = T(1) / T(i + 2);
  typename V::Packed const factors[] = {V::packed(T(0.5), T(0.25)), V::packed(T(0.125), T(-0.5))};
  [[maybe_unused]] volatile T sink = 0;
  double best = 1e30;
  for (int i = 0; i < repetitions; ++i) {
    auto const begin = Clock::now();
    auto const a = V::broadcast(factors), b = V::broadcast(factors + 1);
    typename V::Register sums[chains];
    unroll<chains>([&](auto c) { sums[c] = V::load(values + c); });
    for (int step = 0; step < steps; ++step) {
      unroll<chains>([&](auto c) { sums[c] = V::multiply_add(a, b, sums[c]); });
    }
    auto total = V::zero();
    unroll<chains>([&](auto c) { total = V::add(total, sums[c]); });
    V::store(out, total);
    sink = out[0];
    best = std::min(best, std::chrono::duration<double>(Clock::now() - begin).count());
  }
  return 2.0 * V::lanes * V::pair * chains * steps / best;
}

}  // namespace moenda::cpu::MOENDA_LEVEL::gemm_detail
