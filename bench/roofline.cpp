// SPDX-License-Identifier: Apache-2.0
// Prints what this machine can do: multiply-adds in registers by every kind of instructions that
// the processor has, and bytes from memory, on one thread and on all of them.
#include <cstdio>
#include <string>

#include "bandwidth.hpp"

namespace {

using namespace moenda::bench;

constexpr std::size_t numbers = std::size_t{1} << 25;  // 128 MiB of floats: more than any cache

/// Bytes read and written per second by y = x on `threads` threads.
double copy_rate(std::vector<float>& data, int threads) {
  auto const part = numbers / 2 / static_cast<std::size_t>(threads);
  double const seconds = best_seconds(8, [&] {
    on_threads(threads, [&](int thread) {
      float* const begin = data.data() + 2 * part * static_cast<std::size_t>(thread);
      std::copy_n(begin, part, begin + part);
    });
  });
  return 2.0 * double(part) * threads * sizeof(float) / seconds;
}

}  // namespace

int main() {
  int const all = std::max(1, static_cast<int>(std::thread::hardware_concurrency()));
  std::vector<float> data(numbers, 1.0F);
  std::printf("%-28s %12s %12s\n", "", "1 thread", (std::to_string(all) + " threads").c_str());
  auto const row = [&](char const* name, double one, double many) {
    std::printf("%-28s %12.1f %12.1f\n", name, one / 1e9, many / 1e9);
  };
  row("multiply-add float  GFLOP/s", peak_flops<float>(1), peak_flops<float>(all));
  row("products of bf16    GFLOP/s", peak_flops<float>(1, moenda::Precision::bf16),
      peak_flops<float>(all, moenda::Precision::bf16));
  auto const bf16_row = [&](char const* name, double Bf16Rates::*kind) {
    auto const rate = [=] { return bf16_rates().*kind; };
    double const one = rate();
    if (one > 0) row(name, one, sum_over_threads(all, rate));
  };
  bf16_row("dots of bf16 pairs  GFLOP/s", &Bf16Rates::by_dots);
  bf16_row("tiles of bf16       GFLOP/s", &Bf16Rates::by_tiles);
  row("multiply-add double GFLOP/s", peak_flops<double>(1), peak_flops<double>(all));
  row("memory read         GB/s", read_rate(data.data(), numbers, 1),
      read_rate(data.data(), numbers, all));
  row("memory copy         GB/s", copy_rate(data, 1), copy_rate(data, all));
}
