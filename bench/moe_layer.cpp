// SPDX-License-Identifier: Apache-2.0
// Times one mixture-of-experts layer, forward and backward, and the dense SwiGLU network of equal
// active FLOPs; prints one line of JSON per case: the same measure as bench/peers/moe_layer.py.
// Every case has d_model 512 and top_k * hidden = 2048.
//
// usage: moe_layer [--tokens 1,64,2048] [--experts 4,8] [--top_k 1,2] [--loads balanced,zipf]
//                  [--precision fp32|bf16] [--threads N] [--repetitions N] [--seconds S]
#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <functional>
#include <map>
#include <sstream>
#include <string>

#include "moe_layer_load.hpp"
#include "moenda/core/random.hpp"
#include "moenda/cpu/backend.hpp"
#include "moenda/expert/glu.hpp"
#include "moenda/mixture/mixture.hpp"
#include "moenda/router/top_k.hpp"
#include "nothing.hpp"
#include "peak.hpp"

namespace {

using namespace moenda;
using Backend = cpu::Backend<float>;
constexpr int d_model = 512, active_hidden = 2048;

using Moe = Mixture<router::TopK, expert::SwiGlu>;
using Routing = Mixture<router::TopK, bench::Nothing>;
using Dense = expert::SwiGlu;

struct Options {
  std::vector<int> tokens{2048}, experts{8}, top_k{2};
  std::vector<std::string> loads{"balanced"};
  Precision precision = Precision::fp32;
  int threads = 0, repetitions = 5;
  double seconds = 0.3;
};

/// A layer with its weights, its gradients and the memory of a step.
template <class Layer>
class Subject {
 public:
  Subject(Backend& backend, typename Layer::Config const& config)
      : backend_(backend),
        config_(config),
        params_(Layer::template params<Backend>(config, d_model)),
        grads_(params_),
        values_(backend_, std::size_t(count(params_))),
        gradients_(backend_, values_.size()) {
    bind(params_, values_.data());
    bind(grads_, gradients_.data());
    std::vector<float> some(10007);  // repeated: the time depends on no single value
    for (std::size_t i = 0; i < some.size(); ++i) some[i] = float(Random(1).normal(i) * 0.02);
    for (std::size_t i = 0; i < values_.size(); ++i) values_[i] = some[i % some.size()];
    if constexpr (requires { params_.router; }) {  // the logit of expert e is the token's entry e
      auto const& w = params_.router.weight;
      std::fill_n(w.data, w.size(), 0.0F);
      for (int e = 0; e < w.rows; ++e) w.data[std::ptrdiff_t(e) * (w.cols + 1)] = 1;
    }
  }
  void zero_gradients() {
    fill(backend_, gradients_.data(), 0.0F, std::ptrdiff_t(gradients_.size()));
  }
  void step(Tensor<Backend> x, Tensor<Backend> dy) {
    zero_gradients();
    arena_.rewind();
    Context<Backend> ctx{backend_, arena_, {.batch_size = 1, .seq_len = x.rows}};
    Layer::forward(ctx, config_, params_, cache_, x);
    Layer::backward(ctx, config_, params_, grads_, cache_, dy);
  }
  [[nodiscard]] auto const& cache() const { return cache_; }

 private:
  Backend& backend_;
  typename Layer::Config config_;
  typename Layer::template Params<Backend> params_, grads_;
  Array<Backend, float> values_, gradients_;
  StepMemory<Backend> arena_;
  typename Layer::template Cache<Backend> cache_;
};

/// Sorted seconds of at least `repetitions` calls over at least `seconds`, two to warm up before.
template <class Body>
std::vector<double> repeat(Options const& options, Body body) {
  std::vector<double> times;
  double const start = bench::seconds_now();
  for (int i = 0; i < options.repetitions + 2 || bench::seconds_now() - start < options.seconds;
       ++i) {
    double const begin = bench::seconds_now();
    body();
    if (i >= 2) times.push_back(bench::seconds_now() - begin);
  }
  std::sort(times.begin(), times.end());
  return times;
}

double median(std::vector<double> const& sorted) { return sorted[sorted.size() / 2]; }

struct Case {
  std::string variant, load;
  int tokens, experts, top_k, hidden;
};

void print(Options const& options, Case const& c, std::vector<double> const& times, double routing,
           double zeroing, std::string const& tokens_per_expert, int threads) {
  static double const peak = bench::peak_flops<float>(threads, options.precision) * 1e-9;
  double const seconds = median(times), gflops = 18e-9 * c.tokens * d_model * active_hidden;
  double load_average = 0;
  getloadavg(&load_average, 1);
  std::printf(
      "{\"peer\": \"moenda\", \"variant\": \"%s\", \"precision\": \"%s\", \"threads\": %d, "
      "\"tokens\": %d, \"d_model\": %d, \"experts\": %d, \"top_k\": %d, \"hidden\": %d, "
      "\"load\": \"%s\", \"tokens_per_expert\": [%s], \"repetitions\": %zu, \"seconds\": %.3g, "
      "\"seconds_smallest\": %.3g, \"seconds_largest\": %.3g, \"routing_seconds\": %.3g, "
      "\"zeroing_seconds\": %.3g, \"gflops\": %.1f, \"peak_gflops\": %.1f, "
      "\"load_average\": %.2f}\n",
      c.variant.c_str(), enum_names(options.precision)[std::size_t(options.precision)], threads,
      c.tokens, d_model, c.experts, c.top_k, c.hidden, c.load.c_str(), tokens_per_expert.c_str(),
      times.size(), seconds, times.front(), times.back(), routing, zeroing, gflops / seconds, peak,
      load_average);
  std::fflush(stdout);
}

/// Noise [rows, d_model], the same for every case.
std::vector<float> noise(int rows, std::uint64_t stream) {
  std::vector<float> values(std::size_t(rows) * d_model);
  Random const random(1, stream);
  for (std::size_t i = 0; i < values.size(); ++i) values[i] = float(random.normal(i));
  return values;
}

void measure_mixture(Backend& backend, Options const& options, Case const& c, std::vector<float> x,
                     std::vector<float>& dy) {
  auto const chosen = bench::choose_experts(c.tokens, c.experts, c.top_k, c.load);
  for (std::size_t i = 0; i < chosen.size(); ++i) {
    x[i / std::size_t(c.top_k) * d_model + std::size_t(chosen[i])] += bench::direction;
  }
  Tensor<Backend> const input{x.data(), c.tokens, d_model}, dout{dy.data(), c.tokens, d_model};
  Subject<Moe> moe(backend, {.router = {.top_k = c.top_k},
                             .experts = {.count = c.experts, .each = {.hidden = c.hidden}}});
  auto const times = repeat(options, [&] { moe.step(input, dout); });
  std::string loads;
  for (int e = 0; e < c.experts; ++e) {
    loads += (e > 0 ? ", " : "") + std::to_string(moe.cache().plan.tokens_per_expert(e));
  }
  double const zeroing = median(repeat(options, [&] { moe.zero_gradients(); }));
  Subject<Routing> routing(backend,
                           {.router = {.top_k = c.top_k}, .experts = {.count = c.experts}});
  auto const routing_times = repeat(options, [&] { routing.step(input, dout); });
  print(options, c, times, median(routing_times), zeroing, loads, backend.pool.threads());
}

void measure_all(Options const& options) {
  Backend backend(options.threads, cpu::MatmulKernel::packed, options.precision);
  int const most = *std::max_element(options.tokens.begin(), options.tokens.end());
  auto x = noise(most, 1), dy = noise(most, 2);
  for (int const tokens : options.tokens) {
    Subject<Dense> dense(backend, {.hidden = active_hidden});
    Tensor<Backend> const input{x.data(), tokens, d_model}, dout{dy.data(), tokens, d_model};
    auto const times = repeat(options, [&] { dense.step(input, dout); });
    double const zeroing = median(repeat(options, [&] { dense.zero_gradients(); }));
    print(options, {"dense", "none", tokens, 0, 0, active_hidden}, times, 0, zeroing, "",
          backend.pool.threads());
    for (int const experts : options.experts) {
      for (int const top_k : options.top_k) {
        if (top_k > experts) continue;
        for (auto const& load : options.loads) {
          Case const c{"mixture", load, tokens, experts, top_k, active_hidden / top_k};
          measure_mixture(backend, options, c, x, dy);
        }
      }
    }
  }
}

/// The words of "a,b". Throws ConfigError for one that is not allowed; `allowed` empty: all are.
std::vector<std::string> words(std::string const& option, std::string const& text,
                               std::vector<std::string> const& allowed) {
  std::vector<std::string> found;
  std::istringstream stream(text);
  for (std::string word; std::getline(stream, word, ',');) found.push_back(word);
  if (found.empty()) throw ConfigError(option + ": needs a value");
  for (auto const& word : found) {
    if (!allowed.empty() && std::find(allowed.begin(), allowed.end(), word) == allowed.end()) {
      throw ConfigError(option + ": must be " + allowed[0] + " or " + allowed[1] + ", got '" +
                        word + "'");
    }
  }
  return found;
}
std::vector<int> numbers(std::string const& option, std::string const& text, int most) {
  std::vector<int> found;
  for (auto const& word : words(option, text, {})) {
    int const number = std::atoi(word.c_str());
    if (number < 1 || number > most) {
      throw ConfigError(option + ": must lie in 1.." + std::to_string(most) + ", got '" + word +
                        "'");
    }
    found.push_back(number);
  }
  return found;
}

/// Throws ConfigError for an option that does not exist or a value that it does not take.
Options options_from(int argc, char** argv) {
  Options options;
  std::string name, value;
  std::map<std::string, std::function<void()>> const known{
      {"--tokens", [&] { options.tokens = numbers(name, value, 1 << 16); }},
      {"--experts", [&] { options.experts = numbers(name, value, d_model); }},
      {"--top_k", [&] { options.top_k = numbers(name, value, active_hidden); }},
      {"--loads",
       [&] {
         options.loads = words(name, value, {"balanced", "zipf"});
       }},
      {"--precision",
       [&] {
         options.precision =
             words(name, value, {"fp32", "bf16"})[0] == "bf16" ? Precision::bf16 : Precision::fp32;
       }},
      {"--threads", [&] { options.threads = numbers(name, value, 1024)[0]; }},
      {"--repetitions", [&] { options.repetitions = numbers(name, value, 1 << 20)[0]; }},
      {"--seconds", [&] { options.seconds = std::atof(value.c_str()); }}};
  for (int i = 1; i < argc; i += 2) {
    name = argv[i];
    value = i + 1 < argc ? argv[i + 1] : "";
    auto const found = known.find(name);
    if (found == known.end()) throw ConfigError("moe_layer: there is no option " + name);
    found->second();
  }
  return options;
}

}  // namespace

int main(int argc, char** argv) {
  try {
    measure_all(options_from(argc, argv));
  } catch (Error const& error) {
    std::fprintf(stderr, "moe_layer: %s\n", error.what());
    return 2;
  }
}
