// SPDX-License-Identifier: Apache-2.0
// Times decoding at batch 1 with random weights of a published model's shape, and reading a prompt
// of 512 ids; prints one line of JSON: the same measure as bench/peers/llama_cpp.py and
// transformers_decode.py. Weights are laid out in their format at once: a layer of Mixtral has
// 1.4 billion.
//
// usage: decode --like NAME [--layers N] [--weights FORMAT] [--precision fp32|bf16] [--threads T]
//               [--prompt N] [--tokens N] [--rounds N] [--shapes bench/shapes.json]
// Take layers enough that the weights are several times the last-level cache.
#include <cstdio>
#include <cstdlib>
#include <map>

#include "bandwidth.hpp"
#include "decode_shapes.hpp"
#include "moenda/infer/generate.hpp"
#include "nothing.hpp"

namespace {

using namespace moenda;
using Backend = cpu::Backend<float>;
using DecodeNetwork = Network<bench::DecodeModel, Backend>;

struct Options {
  std::map<std::string, std::string> given{
      {"like", "mistral-7b"}, {"layers", "0"},  {"weights", "bf16"},
      {"precision", "fp32"},  {"threads", "0"}, {"prompt", "512"},
      {"tokens", "16"},       {"rounds", "3"},  {"shapes", "bench/shapes.json"}};

  Options(int count, char** arguments) {
    for (int i = 1; i < count; i += 2) {
      std::string const name = arguments[i];
      auto const at = name.starts_with("--") ? given.find(name.substr(2)) : given.end();
      if (at == given.end() || i + 1 == count) {
        throw ConfigError("'" + name + "' must be an option with a value; see its source");
      }
      at->second = arguments[i + 1];
    }
  }
  [[nodiscard]] std::string const& operator[](char const* name) const { return given.at(name); }
  [[nodiscard]] int number(char const* name) const { return std::atoi(given.at(name).c_str()); }
  template <class E>
  [[nodiscard]] E one_of(char const* name) const {
    auto const names = enum_names(E{});
    auto const at = std::find(names.begin(), names.end(), given.at(name));
    if (at == names.end()) {
      throw ConfigError("--" + std::string(name) + ": unknown value " + given.at(name));
    }
    return static_cast<E>(at - names.begin());
  }
};

/// Seconds of one token in one mixture whose experts do nothing: router, plan, gather and combine.
/// Each of many routers in turn, so that their weights come from memory as in a model.
double routing_seconds(Backend& backend, bench::DecodeShape const& shape) {
  if (shape.num_experts == 0) return 0;
  using Routing = Mixture<router::TopK, bench::Nothing>;
  int const d_model = shape.model.d_model;
  Routing::Config const config{.router = {.top_k = shape.top_k},
                               .experts = {.count = shape.num_experts}};
  auto params = Routing::params<Backend>(config, d_model);
  auto const each = count(params);
  auto const copies = std::max<std::ptrdiff_t>(1, (std::ptrdiff_t{1} << 27) / each);  // 512 MB
  Array<Backend, float> values(backend, std::size_t(each * copies));
  for (std::size_t i = 0; i < values.size(); ++i) values[i] = float(i * 7919 % 1001) / 1e4F - 0.05F;
  StepMemory<Backend> arena;
  Routing::Cache<Backend> cache;
  return bench::best_seconds(3,
                             [&] {
                               for (std::ptrdiff_t i = 0; i < copies; ++i) {
                                 arena.rewind();
                                 Context<Backend> ctx{backend, arena};
                                 ctx.training = false;
                                 bind(params, values.data() + i * each);
                                 auto const x = ctx.tensor(1, d_model);
                                 for (int c = 0; c < d_model; ++c) x.data[c] = float(c % 17) - 8;
                                 Routing::forward(ctx, config, params, cache, x);
                               }
                             }) /
         double(copies);
}

/// Bytes per second of reading the model's own memory, by all its threads.
double read_rate(DecodeNetwork const& network) {
  auto const threads = network.backend.pool.threads();
  auto const* const stored = reinterpret_cast<float const*>(network.stored.data());
  bool const is_stored = network.stored.size() > network.values.size() * sizeof(float);
  return is_stored ? bench::read_rate(stored, network.stored.size() / sizeof(float), threads, 1)
                   : bench::read_rate(network.values.data(), network.values.size(), threads, 1);
}

int run(Options const& options) {
  int const prompt = std::max(1, options.number("prompt")),
            tokens = std::max(1, options.number("tokens")),
            rounds = std::max(1, options.number("rounds"));
  bench::DecodeShape const shape(options["shapes"], options["like"], options.number("layers"),
                                 prompt + tokens);
  Formats const formats(options.one_of<Format>("weights"));
  Backend backend(options.number("threads"), cpu::MatmulKernel::packed,
                  options.one_of<Precision>("precision"));
  DecodeNetwork network(backend, shape.model, unfilled, formats);
  bench::draw(network);
  std::vector<int> ids(std::size_t(prompt + tokens));
  for (std::size_t i = 0; i < ids.size(); ++i) {
    ids[i] = int(i * 7919 % std::size_t(shape.model.vocab_size));
  }
  double reading = 1e30, step = 1e30, read = 0;
  std::vector<double> steps;
  for (int round = 0; round < rounds; ++round) {  // the machine's rate beside each
    Memory<Backend> memory{.batch_size = 1, .max_seq_len = prompt + tokens};
    auto const seconds = [&](int begin, int count) {
      Batch const batch{ids.data() + begin, 1, count, begin};
      return bench::best_seconds(1, [&] { (void)network.last_logits(batch, &memory); });
    };
    double passes = 0;
    for (int begin = 0, count = 0; begin < prompt; begin += count) {
      passes += seconds(begin, count = std::min(rows_of_a_pass, prompt - begin));
    }
    reading = std::min(reading, passes);
    read = std::max(read, read_rate(network));
    for (int t = 0; t < tokens; ++t) steps.push_back(seconds(prompt + t, 1));
  }
  std::sort(steps.begin(), steps.end());
  step = steps.front();
  double const median = steps[steps.size() / 2];
  double const weights = shape.bytes_of_token(network.params, formats);
  double const keys = shape.bytes_of_keys(prompt);
  double const rate = (weights + keys) / step;
  double const routing = routing_seconds(backend, shape) * shape.model.num_layers;
  double load_average = 0;
  getloadavg(&load_average, 1);
  std::printf(
      "{\"peer\": \"moenda\", \"like\": \"%s\", \"layers\": %d, \"weights\": \"%s\", "
      "\"precision\": \"%s\", \"threads\": %d, \"prompt\": %d, \"tokens\": %d, \"rounds\": %d, "
      "\"bytes\": %.4g, \"bytes_of_weights_per_token\": %.4g, \"bytes_of_keys_per_token\": %.3g, "
      "\"seconds_per_token\": %.4g, \"median_seconds_per_token\": %.4g, "
      "\"tokens_per_second\": %.4g, \"bytes_per_second\": %.4g, \"read_bytes_per_second\": %.4g, "
      "\"share_of_reading\": %.3f, \"prompt_seconds\": %.4g, \"routing_share\": %.4f, "
      "\"load_average\": %.2f}\n",
      options["like"].c_str(), shape.model.num_layers, options["weights"].c_str(),
      options["precision"].c_str(), backend.pool.threads(), prompt, tokens, rounds,
      double(network.bytes()), weights, keys, step, median, 1 / step, rate, read, rate / read,
      reading, routing / step, load_average);
  return 0;
}

}  // namespace

int main(int count, char** arguments) {
  try {
    return run(Options(count, arguments));
  } catch (std::exception const& error) {
    std::fprintf(stderr, "decode: %s\n", error.what());
    return 2;
  }
}
