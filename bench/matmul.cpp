// SPDX-License-Identifier: Apache-2.0
// The packed matrix product and Eigen's on the shapes of training and decoding, in GFLOP/s and as a
// share of the multiply-add peak measured in the same process. The best repetition counts.
#include <benchmark/benchmark.h>

#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <map>
#include <string>

#include "moenda/cpu/backend.hpp"
#include "moenda/cpu/kernels/matmul.hpp"
#include "peak.hpp"

namespace {

using namespace moenda;
using cpu::MatmulKernel;

enum class Pass { forward, backward_input, backward_weight };
struct Shape {
  int rows, out, in;
};

constexpr Shape training_shapes[] = {
    {2048, 512, 512},  {2048, 256, 512},  {2048, 2048, 512}, {2048, 512, 2048}, {1024, 1024, 512},
    {1024, 512, 1024}, {512, 50257, 512}, {2048, 4, 512},    {2048, 384, 384},  {512, 128, 128}};
constexpr Shape decoding_shapes[] = {
    {1, 512, 512}, {4, 512, 512}, {8, 2048, 512}, {1, 50257, 512}, {8, 50257, 512}};

double peak_of(int threads) {
  static std::map<int, double> peaks;
  if (!peaks.contains(threads)) peaks[threads] = bench::peak_flops<float>(threads);
  return peaks[threads];
}

void run(benchmark::State& state, Pass pass, Shape shape, MatmulKernel kernel, int threads) {
  cpu::Backend<float> backend(threads, kernel);
  auto const size = [](int a, int b) { return std::size_t(a) * std::size_t(b); };
  auto const filled = [](std::size_t count) {
    std::vector<float> values(count);
    for (std::size_t i = 0; i < count; ++i) values[i] = float(std::sin(double(i % 1000)));
    return values;
  };
  auto x = filled(size(shape.rows, shape.in)), w = filled(size(shape.out, shape.in)),
       y = filled(size(shape.rows, shape.out));
  double const flop = 2.0 * shape.rows * shape.out * shape.in;
  double best = 1e30;
  for (auto _ : state) {
    double const begin = bench::seconds_now();
    if (pass == Pass::forward) {
      matmul_forward(backend, y.data(), x.data(), w.data(), shape.rows, shape.out, shape.in,
                     Precision::fp32);
    } else if (pass == Pass::backward_input) {
      matmul_backward_input(backend, x.data(), y.data(), w.data(), shape.rows, shape.out, shape.in,
                            Precision::fp32);
    } else {
      matmul_backward_weight(backend, w.data(), y.data(), x.data(), shape.rows, shape.out, shape.in,
                             Precision::fp32);
    }
    best = std::min(best, bench::seconds_now() - begin);
  }
  state.counters["GFLOP/s"] = flop / best / 1e9;
  state.counters["share_of_peak"] = flop / best / peak_of(threads);
}

void add(Pass pass, Shape shape, MatmulKernel kernel, int threads) {
  constexpr char const* passes[] = {"forward", "backward_input", "backward_weight"};
  auto const name = std::string(kernel == MatmulKernel::packed ? "packed/" : "eigen/") +
                    passes[int(pass)] + "/" + std::to_string(shape.rows) + "x" +
                    std::to_string(shape.out) + "x" + std::to_string(shape.in) +
                    "/threads:" + std::to_string(threads);
  benchmark::RegisterBenchmark(name.c_str(), [=](benchmark::State& state) {
    run(state, pass, shape, kernel, threads);
  })->UseRealTime();
}

}  // namespace

int main(int argc, char** argv) {
  for (int threads : {1, 2}) {
    for (auto const kernel : {MatmulKernel::packed, MatmulKernel::eigen}) {
      // Eigen's product runs on one thread here: it is the reference, not a competitor.
      if (kernel == MatmulKernel::eigen && threads > 1) continue;
      for (auto const& shape : training_shapes) {
        for (auto const pass : {Pass::forward, Pass::backward_input, Pass::backward_weight}) {
          add(pass, shape, kernel, threads);
        }
      }
      for (auto const& shape : decoding_shapes) add(Pass::forward, shape, kernel, threads);
    }
  }
  benchmark::Initialize(&argc, argv);
  if (benchmark::ReportUnrecognizedArguments(argc, argv)) return 2;
  benchmark::RunSpecifiedBenchmarks();
  benchmark::Shutdown();
}
