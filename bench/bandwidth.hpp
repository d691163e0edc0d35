// SPDX-License-Identifier: Apache-2.0
#pragma once
// How quickly memory moves at most, measured, for working sets of any size.
#include <numeric>

#include "peak.hpp"

namespace moenda::bench {

/// Bytes read per second by `threads` threads, each over its own part of data[numbers].
[[nodiscard]] inline double read_rate(float const* data, std::size_t numbers, int threads,
                                      int repetitions = 8) {
  using V = cpu::gemm_detail::Native<float>;
  auto const part = numbers / static_cast<std::size_t>(threads) / 64 * 64;
  std::vector<float> sinks(static_cast<std::size_t>(threads) * 64);
  double const seconds = best_seconds(repetitions, [&] {
    on_threads(threads, [&](int thread) {
      float const* const begin = data + part * static_cast<std::size_t>(thread);
      typename V::Register sums[4] = {V::zero(), V::zero(), V::zero(), V::zero()};
      for (std::size_t i = 0; i + 4 * V::lanes <= part; i += 4 * V::lanes) {
        cpu::gemm_detail::unroll<4>(
            [&](auto j) { sums[j] = V::add(sums[j], V::load(begin + i + j * V::lanes)); });
      }
      V::store(sinks.data() + thread * 64,
               V::add(V::add(sums[0], sums[1]), V::add(sums[2], sums[3])));
    });
  });
  float volatile sink = std::accumulate(sinks.begin(), sinks.end(), 0.0F);
  static_cast<void>(sink);
  return double(part) * threads * sizeof(float) / seconds;
}

/// Bytes read and written per second by y = x on `threads` threads, over `bytes` in all: a small
/// working set stays in the caches, so an operation is compared with a copy of its own size.
[[nodiscard]] inline double copy_rate(std::size_t bytes, int threads) {
  auto const part = bytes / sizeof(float) / 2 / static_cast<std::size_t>(threads);
  std::vector<double> seconds(static_cast<std::size_t>(threads));
  on_threads(threads, [&](int thread) {
    std::vector<float> x(part, 1.0F), y(part, 0.0F);
    auto const rounds = std::max(std::size_t{1}, (std::size_t{1} << 22) / (part + 1));
    seconds[static_cast<std::size_t>(thread)] =
        best_seconds(8,
                     [&] {
                       for (std::size_t round = 0; round < rounds; ++round) {
                         std::copy(x.begin(), x.end(), y.begin());
                         x[round % part] =
                             y[part / 2];  // or the loop would be found to repeat itself
                       }
                     }) /
        double(rounds);
  });
  double const slowest = *std::max_element(seconds.begin(), seconds.end());
  return 2.0 * double(part) * threads * sizeof(float) / slowest;
}

}  // namespace moenda::bench
