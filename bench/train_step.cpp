// SPDX-License-Identifier: Apache-2.0
// Times whole training steps (forward, backward, AdamW, no clipping) of document 1's two models at
// full size, and prints one line of JSON: the same measure as bench/peers/train_step.py.
//
// usage: train_step gpt2|moe_gqa [threads] [steps] [fp32|bf16]
#include <sys/resource.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <moenda/moenda.hpp>
#include <moenda/train/adamw.hpp>
#include <string>

namespace {

using namespace moenda;
using Backend = cpu::Backend<float>;
using Gpt2 = LanguageModel<
    TransformerBlock<norm::Layer, attention::MultiHead<position::Learned>, expert::Ffn>>;
using MoeGqa = LanguageModel<
    TransformerBlock<norm::Rms, attention::GroupedQuery<position::Rope, attention::QkNorm>,
                     Mixture<router::TopK, expert::SwiGlu>>>;

constexpr Gpt2::Config gpt2{
    .vocab_size = 50257,
    .context_length = 256,
    .d_model = 512,
    .num_layers = 8,
    .block = {.attention = {.num_heads = 8, .head_dim = 64}, .ffn = {.hidden = 2048}}};
constexpr MoeGqa::Config moe_gqa{
    .vocab_size = 50257,
    .context_length = 256,
    .d_model = 512,
    .num_layers = 8,
    .block = {.attention = {.num_heads = 8, .num_kv_heads = 4, .head_dim = 64},
              .ffn = {.router = {.top_k = 2}, .experts = {.count = 4, .each = {.hidden = 1024}}}}};

/// Multiply-adds of a training step per token: forward once, backward twice, over every active
/// weight of a matrix product, and attention over half of the context on average.
template <class Model>
double flops_per_token(typename Model::Config const& c, double heads_width) {
  auto const tables = double(c.vocab_size) * c.d_model;  // looked up, not multiplied
  double const attention = double(c.num_layers) * 2 * heads_width * (c.context_length + 1) / 2;
  return 6 * (double(Model::active_parameter_count(c)) - tables + attention);
}

template <class Model>
void measure(char const* name, typename Model::Config const& config, int threads, int steps,
             Precision precision) {
  constexpr int batch_size = 8, seq_len = 256, rows = batch_size * seq_len, warmup = 2;
  Backend backend(threads, cpu::MatmulKernel::packed, precision);
  Training<Model, Backend> network(backend, config);
  auto state = optimizer::AdamW::start(network);
  std::vector<int> ids(rows), targets(rows);
  std::vector<double> seconds;
  double first_loss = 0, last_loss = 0;
  for (int step = 0; step < warmup + steps; ++step) {
    Random const random(1, std::uint64_t(step));
    for (std::size_t i = 0; i < ids.size(); ++i) {
      ids[i] = int(random.bits(2 * i) % std::uint64_t(config.vocab_size));
      targets[i] = int(random.bits(2 * i + 1) % std::uint64_t(config.vocab_size));
    }
    auto const begin = std::chrono::steady_clock::now();
    network.zero_gradients();
    network.accumulate_gradients({ids.data(), batch_size, seq_len}, targets);
    last_loss = network.losses().back().mean;
    optimizer::AdamW::step({}, network, state, 5e-4, 1);
    double const took =
        std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
    if (step == 0) first_loss = last_loss;
    if (step >= warmup) seconds.push_back(took);
  }
  std::sort(seconds.begin(), seconds.end());
  double const median = seconds[seconds.size() / 2];
  double const flops = flops_per_token<Model>(
      config, config.block.attention.num_heads * config.block.attention.head_dim);
  double load = 0;
  getloadavg(&load, 1);
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  std::printf(
      "{\"peer\": \"moenda\", \"model\": \"%s\", \"parameters\": %td, \"precision\": \"%s\", "
      "\"threads\": %d, \"batch\": %d, \"seq\": %d, \"steps\": %d, \"seconds_per_step\": %.4f, "
      "\"seconds_smallest\": %.4f, \"seconds_largest\": %.4f, \"tokens_per_second\": %.1f, "
      "\"gflops\": %.1f, \"peak_rss_bytes\": %lld, \"first_loss\": %.4f, \"last_loss\": %.4f, "
      "\"load_average\": %.2f}\n",
      name, Model::parameter_count(config), enum_names(precision)[std::size_t(precision)],
      backend.pool.threads(), batch_size, seq_len, steps, median, seconds.front(), seconds.back(),
      rows / median, flops * rows / median * 1e-9, 1024LL * usage.ru_maxrss, first_loss, last_loss,
      load);
}

}  // namespace

int main(int argc, char** argv) {
  std::string const model = argc > 1 ? argv[1] : "";
  int const threads = argc > 2 ? std::atoi(argv[2]) : 0;
  int const steps = argc > 3 ? std::max(1, std::atoi(argv[3])) : 5;
  std::string const name = argc > 4 ? argv[4] : "fp32";
  auto const precision = name == "bf16" ? Precision::bf16 : Precision::fp32;
  bool const known = name == "fp32" || name == "bf16";
  if (known && model == "gpt2") {
    measure<Gpt2>("gpt2", gpt2, threads, steps, precision);
  } else if (known && model == "moe_gqa") {
    measure<MoeGqa>("moe_gqa", moe_gqa, threads, steps, precision);
  } else {
    std::fprintf(stderr, "usage: train_step gpt2|moe_gqa [threads] [steps] [fp32|bf16]\n");
    return 2;
  }
}
