// SPDX-License-Identifier: Apache-2.0
#pragma once
// What the machine can do at most, measured, so that a benchmark can print its share of it.
#include <algorithm>
#include <chrono>
#include <cstddef>
#include <thread>
#include <vector>

#include "moenda/core/precision.hpp"
#include "moenda/cpu/kernels/gemm/rate.hpp"
#include "moenda/cpu/levels/level.hpp"

namespace moenda::bench {

[[nodiscard]] inline double seconds_now() {
  return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

/// Seconds of the quickest of `repetitions` calls: others may use the machine, and they only ever
/// add time.
template <class Body>
[[nodiscard]] double best_seconds(int repetitions, Body&& body) {
  double best = 1e30;
  for (int i = 0; i < repetitions; ++i) {
    double const begin = seconds_now();
    body();
    best = std::min(best, seconds_now() - begin);
  }
  return best;
}

/// Runs body(thread) on `threads` threads at once, the caller among them.
template <class Body>
void on_threads(int threads, Body&& body) {
  std::vector<std::thread> others;
  for (int i = 1; i < threads; ++i) others.emplace_back([&body, i] { body(i); });
  body(0);
  for (auto& other : others) other.join();
}

/// FLOP per second of one thread that multiplies and adds in registers of kind V.
template <class V>
[[nodiscard]] double register_rate() {
  return cpu::gemm_detail::multiply_add_rate<V>(20, 1 << 16);
}

#if MOENDA_AMX
/// FLOP per second of one thread in the tile unit: four chains of products of tiles, each 16 x 16
/// x 32.
[[nodiscard]] inline double tile_rate() {
  constexpr int steps = 1 << 12;
  cpu::gemm_detail::AmxBf16::Session const session;
  double const seconds = best_seconds(20, [&] {
    for (int step = 0; step < steps; ++step) {
      _tile_dpbf16ps(0, 4, 6);
      _tile_dpbf16ps(1, 4, 7);
      _tile_dpbf16ps(2, 5, 6);
      _tile_dpbf16ps(3, 5, 7);
    }
  });
  return 4.0 * 2 * 16 * 16 * 32 * steps / seconds;
}
#endif

/// Ways in which a processor multiplies bf16, and FLOP per second of one thread; 0 where it has
/// them not. By floats: each product of two rounded numbers as one of floats.
struct Bf16Rates {
  double by_floats = 0, by_dots = 0, by_tiles = 0;
  [[nodiscard]] double best() const { return std::max({by_floats, by_dots, by_tiles}); }
};
[[nodiscard]] inline Bf16Rates bf16_rates() {
  Bf16Rates rates{.by_floats = register_rate<cpu::gemm_detail::Native<float>>()};
#if MOENDA_AVX512_BF16
  rates.by_dots = register_rate<cpu::gemm_detail::Avx512Bf16>();
#endif
#if MOENDA_AMX
  if (cpu::highest_level() == cpu::Level::amx) rates.by_tiles = tile_rate();
#endif
  return rates;
}

/// What rate() measures on `threads` threads at once, added up.
template <class Rate>
[[nodiscard]] double sum_over_threads(int threads, Rate const& rate) {
  std::vector<double> rates(static_cast<std::size_t>(threads));
  on_threads(threads, [&](int thread) { rates[static_cast<std::size_t>(thread)] = rate(); });
  double total = 0;
  for (double const one : rates) total += one;
  return total;
}

/// FLOP per second of `threads` threads together, by the quickest instructions for these numbers.
template <class T>
[[nodiscard]] double peak_flops(int threads, Precision precision = Precision::fp32) {
  return sum_over_threads(threads, [=] {
    return precision == Precision::bf16 ? bf16_rates().best()
                                        : register_rate<cpu::gemm_detail::Native<T>>();
  });
}

}  // namespace moenda::bench
