// SPDX-License-Identifier: Apache-2.0
// Matrix products of training and decoding, in GFLOP/s, as a share of the multiply-add peak
// measured in the same process, and beside oneDNN where it is found: a table in markdown, of
// medians.
//   bench_matmul [fp32|bf16] [threads] [seconds per product] [dense|grouped|decoding]
#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <numeric>
#include <string>
#include <vector>

#include "moenda/cpu/backend.hpp"
#include "moenda/cpu/kernels/gemm/problem.hpp"
#include "moenda/cpu/kernels/loss/chunk_rows.hpp"
#include "onednn.hpp"
#include "peak.hpp"

namespace {

using namespace moenda;

enum class Pass { forward, backward_input, backward_weight };
constexpr Pass passes[] = {Pass::forward, Pass::backward_input, Pass::backward_weight};
constexpr char const* pass_names[] = {"forward", "dx", "dw"};
struct Shape {
  int rows, out, in;
};

constexpr int vocab_size = 50257;
constexpr Shape training_shapes[] = {{2048, 512, 512},
                                     {2048, 256, 512},
                                     {2048, 2048, 512},
                                     {2048, 512, 2048},
                                     {1024, 1024, 512},
                                     {1024, 512, 1024},
                                     {cpu::cross_entropy_chunk_rows(vocab_size), vocab_size, 512}};
constexpr Shape decoding_shapes[] = {
    {1, 512, 512}, {4, 512, 512}, {8, 2048, 512}, {1, vocab_size, 512}, {8, vocab_size, 512}};

struct Settings {
  Precision precision = Precision::fp32;
  int threads = 1;
  double seconds = 0.5;
  double peak = 0;
};

/// Numbers of mixed sizes and signs.
std::vector<float> filled(int rows, int cols) {
  std::vector<float> values(std::size_t(rows) * std::size_t(cols));
  for (std::size_t i = 0; i < values.size(); ++i) values[i] = float(std::sin(double(i % 1000)));
  return values;
}

/// Seconds of one call of each, in turns, until `seconds` are over: medians.
template <class Ours, class Theirs>
std::pair<double, double> medians(double seconds, Ours&& ours, Theirs&& theirs) {
  std::vector<double> times[2];
  auto const turn = [&](std::vector<double>& to, auto&& body) {
    body();  // whatever the other one left in the caches is gone
    for (int i = 0; i < 3; ++i) {
      double const begin = bench::seconds_now();
      body();
      to.push_back(bench::seconds_now() - begin);
    }
  };
  double const end = bench::seconds_now() + seconds;
  do {
    turn(times[0], ours);
    if (bench::OneDnnProduct::found) turn(times[1], theirs);
  } while (bench::seconds_now() < end);
  auto const middle = [](std::vector<double>& all) {
    if (all.empty()) return 0.0;
    std::nth_element(all.begin(), all.begin() + std::ptrdiff_t(all.size() / 2), all.end());
    return all[all.size() / 2];
  };
  return {middle(times[0]), middle(times[1])};
}

void print_row(std::string const& name, Settings const& settings, double flop, double ours,
               double theirs) {
  std::printf("| %-26s | %7.1f | %5.3f |", name.c_str(), flop / ours / 1e9,
              flop / ours / settings.peak);
  if (theirs > 0) {
    std::printf(" %7.1f | %5.2f |\n", flop / theirs / 1e9, theirs / ours);
  } else {
    std::printf("       - |     - |\n");
  }
  std::fflush(stdout);
}
void print_head(char const* what, Settings const& settings) {
  std::printf("\n%s, %s, %d thread%s, peak %.1f GFLOP/s\n\n", what,
              settings.precision == Precision::bf16 ? "bf16" : "fp32", settings.threads,
              settings.threads == 1 ? "" : "s", settings.peak / 1e9);
  std::printf("| %-26s | %7s | %5s | %7s | %5s |\n|---|---|---|---|---|\n", "rows x out x in",
              "GFLOP/s", "share", "oneDNN", "ratio");
}

void dense(Settings const& settings, Pass pass, Shape const& shape) {
  auto const [rows, out, in] = shape;
  auto x = filled(rows, in), w = filled(out, in), y = filled(rows, out);
  cpu::Backend<float> backend(settings.threads);
  namespace gemm = cpu::gemm_detail;
  auto const problem =
      pass == Pass::forward
          ? gemm::forward_of<float>(y.data(), {x.data(), in, 1}, w.data(), rows, out, in)
      : pass == Pass::backward_input
          ? gemm::backward_input_of<float>(x.data(), y.data(), w.data(), rows, out, in)
          : gemm::backward_weight_of<float>(w.data(), y.data(), {x.data(), in, 1}, rows, out, in);
  bench::OneDnnProduct peer(problem, settings.precision, settings.threads);
  auto const product = [&] {
    if (pass == Pass::forward) {
      cpu::matmul_forward<float>(backend, y.data(), x.data(), w.data(), rows, out, in,
                                 settings.precision);
    } else if (pass == Pass::backward_input) {
      cpu::matmul_backward_input<float>(backend, x.data(), y.data(), w.data(), rows, out, in,
                                        settings.precision);
    } else {
      cpu::matmul_backward_weight<float>(backend, w.data(), y.data(), x.data(), rows, out, in,
                                         settings.precision);
    }
  };
  auto const [ours, theirs] = medians(settings.seconds, product, [&] { peer.run(); });
  print_row(std::string(pass_names[int(pass)]) + " " + std::to_string(rows) + "x" +
                std::to_string(out) + "x" + std::to_string(in),
            settings, 2.0 * rows * out * in, ours, theirs);
}

/// `rows` cut among `groups`: in equal shares, or as 1, 1/2, 1/3, ...
std::vector<int> begins(int groups, int rows, bool zipf) {
  double total = 0, sum = 0;
  for (int g = 0; g < groups; ++g) total += zipf ? 1.0 / (g + 1) : 1.0;
  std::vector<int> begin(1, 0);
  for (int g = 0; g < groups; ++g) {
    sum += (zipf ? 1.0 / (g + 1) : 1.0) / total;
    begin.push_back(int(std::lround(sum * rows)));
  }
  return begin;
}

void grouped(Settings const& settings, Pass pass, int groups, bool zipf) {
  constexpr int rows = 4096, tokens = rows / 2, out = 1024, in = 512;
  auto x = filled(tokens, in), dx = filled(rows, in), w = filled(groups * out, in),
       y = filled(rows, out);
  auto const begin = begins(groups, rows, zipf);
  std::vector<int> row_of;
  for (int r = 0; r < rows; ++r) row_of.push_back(int(std::int64_t{r} * 1021 % tokens));
  std::vector<float*> weights;
  for (int g = 0; g < groups; ++g) weights.push_back(w.data() + std::ptrdiff_t{g} * out * in);
  cpu::Backend<float> backend(settings.threads);
  auto const ours = [&] {
    if (pass == Pass::forward) {
      grouped_matmul_forward<float>(backend, y.data(), x.data(), row_of.data(), weights.data(),
                                    begin.data(), groups, out, in, settings.precision);
    } else if (pass == Pass::backward_input) {
      grouped_matmul_backward_input<float>(backend, dx.data(), y.data(), weights.data(),
                                           begin.data(), groups, out, in, settings.precision);
    } else {
      grouped_matmul_backward_weight<float>(backend, weights.data(), y.data(), x.data(),
                                            row_of.data(), begin.data(), groups, out, in,
                                            settings.precision);
    }
  };
  std::vector<double> times;
  double const end = bench::seconds_now() + settings.seconds;
  for (ours(); bench::seconds_now() < end || times.empty();) {
    times.push_back(bench::best_seconds(1, ours));
  }
  std::nth_element(times.begin(), times.begin() + std::ptrdiff_t(times.size() / 2), times.end());
  print_row(std::string(pass_names[int(pass)]) + " " + std::to_string(groups) + " experts, " +
                (zipf ? "Zipf" : "equal"),
            settings, 2.0 * rows * out * in, times[times.size() / 2], 0);
}

void tables(Settings const& settings, std::string const& which) {
  if (which.empty() || which == "dense") {
    print_head("Linear layers and vocabulary head", settings);
    for (auto const& shape : training_shapes) {
      for (auto const pass : passes) dense(settings, pass, shape);
    }
  }
  if (which.empty() || which == "grouped") {
    print_head("Experts: 4096 assignments x 1024 x 512", settings);
    for (int const groups : {4, 16, 64}) {
      for (bool const zipf : {false, true}) {
        for (auto const pass : passes) grouped(settings, pass, groups, zipf);
      }
    }
  }
  if (which.empty() || which == "decoding") {
    print_head("Decoding", settings);
    for (auto const& shape : decoding_shapes) dense(settings, Pass::forward, shape);
  }
}

}  // namespace

int main(int argc, char** argv) {
  bench::let_openmp_sleep(argv);
  std::vector<Precision> precisions{Precision::fp32, Precision::bf16};
  std::vector<int> threads{1, std::max(1, int(std::thread::hardware_concurrency()))};
  if (argc > 1) precisions = {std::string(argv[1]) == "bf16" ? Precision::bf16 : Precision::fp32};
  if (argc > 2) threads = {std::clamp(std::atoi(argv[2]), 1, 1024)};
  for (auto const precision : precisions) {
    for (int const count : threads) {
      Settings settings{precision, count};
      if (argc > 3) settings.seconds = std::atof(argv[3]);
      settings.peak = bench::peak_flops<float>(count, precision);
      tables(settings, argc > 4 ? argv[4] : "");
    }
  }
}
