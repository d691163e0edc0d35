// SPDX-License-Identifier: Apache-2.0
// Every operation but the plain products, at the sizes of a training step: 8 x 256 tokens, d_model
// 512. Those that wait for memory are counted in GB/s, as a share of a copy of the same bytes on as
// many threads; attention and cross entropy in GFLOP/s, as a share of the multiply-add peak.
#include <benchmark/benchmark.h>

#include <functional>
#include <map>
#include <string>
#include <tuple>

#include "bandwidth.hpp"
#include "moe_layer_load.hpp"
#include "moenda/core/random.hpp"
#include "moenda/cpu/backend.hpp"
#include "moenda/ops/ops.hpp"

namespace {

using namespace moenda;
using Backend = cpu::Backend<float>;
using Ctx = Context<Backend>;
using Values = Tensor<Backend>;
using Body = std::function<void(Ctx&)>;

constexpr int batch_size = 8, seq_len = 256, tokens = batch_size * seq_len, d_model = 512;
constexpr int vocab_size = 50257, experts = 8, top_k = 2;

/// `traffic`: bytes that must be read or written at least; 0: counted by `flops`.
struct Operation {
  std::string name;
  double traffic, flops;
  std::function<Body(Ctx& kept)> prepare;  // what it takes from `kept` outlives every repetition
  Precision precision = Precision::fp32;
};

Values noise(Ctx& kept, int rows, int cols) {
  auto const x = kept.tensor(rows, cols);
  Random const random(1, std::uint64_t(rows) * 65536 + std::uint64_t(cols));
  for (std::ptrdiff_t i = 0; i < x.size(); ++i)
    x.data[i] = float(random.uniform(std::uint64_t(i)) - 0.5);
  return x;
}
Weight<Backend> weight(Ctx& kept, int rows, int cols) {
  Weight<Backend> w{rows, cols};
  w.data = noise(kept, rows, cols).data;
  return w;
}
std::span<int> ids(Ctx& kept) {
  auto const all = kept.make<int>(tokens);
  for (std::size_t t = 0; t < all.size(); ++t) all[t] = int(Random(2).bits(t) % vocab_size);
  return all;
}
double bytes(double rows, double cols) { return rows * cols * sizeof(float); }

void add_norms(std::vector<Operation>& all) {
  double const x = bytes(tokens, d_model);
  all.push_back({"rms_norm/forward", 2 * x, 0, [](Ctx& kept) -> Body {
                   auto const in = noise(kept, tokens, d_model);
                   auto const gain = weight(kept, 1, d_model);
                   return [=](Ctx& ctx) {
                     ops::RmsNormCache<Backend> cache;
                     ops::rms_norm(ctx, in, gain, 1e-6, cache);
                   };
                 }});
  all.push_back({"rms_norm/backward", 3 * x, 0, [](Ctx& kept) -> Body {
                   auto const in = noise(kept, tokens, d_model);
                   auto const gain = weight(kept, 1, d_model), dgain = weight(kept, 1, d_model);
                   ops::RmsNormCache<Backend> cache;
                   ops::rms_norm(kept, in, gain, 1e-6, cache);
                   return [=](Ctx& ctx) { ops::rms_norm_backward(ctx, in, cache, gain, dgain); };
                 }});
  all.push_back({"layer_norm/forward", 2 * x, 0, [](Ctx& kept) -> Body {
                   auto const in = noise(kept, tokens, d_model);
                   auto const gain = weight(kept, 1, d_model), bias = weight(kept, 1, d_model);
                   return [=](Ctx& ctx) {
                     ops::LayerNormCache<Backend> cache;
                     ops::layer_norm(ctx, in, gain, bias, 1e-5, cache);
                   };
                 }});
  all.push_back({"layer_norm/backward", 3 * x, 0, [](Ctx& kept) -> Body {
                   auto const in = noise(kept, tokens, d_model);
                   auto const gain = weight(kept, 1, d_model), dgain = weight(kept, 1, d_model);
                   ops::LayerNormCache<Backend> cache;
                   ops::layer_norm(kept, in, gain, gain, 1e-5, cache);
                   return [=](Ctx& ctx) {
                     ops::layer_norm_backward(ctx, in, cache, gain, dgain, dgain);
                   };
                 }});
}

void add_elementwise(std::vector<Operation>& all) {
  constexpr int hidden = 2048;
  double const x = bytes(tokens, hidden);
  auto const with = [&](char const* name, double times, auto operation) {
    all.push_back({name, times * x, 0, [=](Ctx& kept) -> Body {
                     auto const a = noise(kept, tokens, hidden), b = noise(kept, tokens, hidden),
                                c = noise(kept, tokens, hidden);
                     return [=](Ctx& ctx) { operation(ctx, a, b, c); };
                   }});
  };
  with("add", 3, [](Ctx& ctx, Values a, Values b, Values) { ops::add(ctx, a, b); });
  with("gelu/forward", 2, [](Ctx& ctx, Values a, Values, Values) { ops::gelu(ctx, a); });
  with("gelu/backward", 3,
       [](Ctx& ctx, Values a, Values b, Values) { ops::gelu_backward(ctx, a, b); });
  with("silu/forward", 2, [](Ctx& ctx, Values a, Values, Values) { ops::silu(ctx, a); });
  with("silu/backward", 3,
       [](Ctx& ctx, Values a, Values b, Values) { ops::silu_backward(ctx, a, b); });
  with("swiglu/forward", 3, [](Ctx& ctx, Values a, Values b, Values) { ops::swiglu(ctx, a, b); });
  with("swiglu/backward", 5,
       [](Ctx& ctx, Values a, Values b, Values c) { ops::swiglu_backward(ctx, a, b, c); });
  with("rope", 2, [](Ctx& ctx, Values a, Values, Values) { ops::rope(ctx, a, 64, 1e4, 1); });
}

void add_embedding(std::vector<Operation>& all) {
  double const x = bytes(tokens, d_model);
  all.push_back({"embedding/forward", 2 * x, 0, [](Ctx& kept) -> Body {
                   auto const table = weight(kept, vocab_size, d_model);
                   auto const some = ids(kept);
                   return [=](Ctx& ctx) { ops::embedding(ctx, some.data(), tokens, table); };
                 }});
  all.push_back({"embedding/backward", 3 * x, 0, [](Ctx& kept) -> Body {
                   auto const table = weight(kept, vocab_size, d_model);
                   auto const dtable = weight(kept, vocab_size, d_model);
                   auto const some = ids(kept);
                   auto const dy = noise(kept, tokens, d_model);
                   return [=](Ctx& ctx) {
                     ops::embedding_backward(ctx, dy, some.data(), table, dtable);
                   };
                 }});
}

void add_attention(std::vector<Operation>& all) {
  static constexpr ops::Heads heads{.num_heads = 8, .num_kv_heads = 4, .head_dim = 64};
  // Two products over the visible half of the scores; backward recomputes one and adds four.
  double const forward = 2.0 * 2 * batch_size * 8 * 64 * seq_len * (seq_len + 1) / 2;
  all.push_back({"attention/forward", 0, forward, [](Ctx& kept) -> Body {
                   auto const q = noise(kept, tokens, 512), k = noise(kept, tokens, 256);
                   return [=](Ctx& ctx) {
                     ops::AttentionCache<Backend> cache;
                     ops::attention(ctx, q, k, k, heads, cache);
                   };
                 }});
  all.push_back({"attention/backward", 0, 2.5 * forward, [](Ctx& kept) -> Body {
                   auto const q = noise(kept, tokens, 512), k = noise(kept, tokens, 256);
                   ops::AttentionCache<Backend> cache;
                   ops::attention(kept, q, k, k, heads, cache);
                   return [=](Ctx& ctx) { ops::attention_backward(ctx, q, cache, heads); };
                 }});
}

void add_head(std::vector<Operation>& all, Precision precision) {
  double const product = 2.0 * tokens * d_model * vocab_size;
  auto const name = std::string("cross_entropy/") + enum_names(precision)[std::size_t(precision)];
  auto const with = [&](char const* what, double flops, auto operation) {
    all.push_back({name + what, 0, flops,
                   [=](Ctx& kept) -> Body {
                     auto const x = noise(kept, tokens, d_model);
                     auto const head = weight(kept, vocab_size, d_model),
                                dhead = weight(kept, vocab_size, d_model);
                     auto const targets = ids(kept);
                     return [=](Ctx& ctx) { operation(ctx, x, head, dhead, targets.data()); };
                   },
                   precision});
  };
  using Matrix = Weight<Backend>;
  with("/loss", product,
       [](Ctx& ctx, Values x, Matrix const& head, Matrix const&, int const* targets) {
         ops::cross_entropy(ctx, x, head, targets);
       });
  with("/gradient", 3 * product,
       [](Ctx& ctx, Values x, Matrix const& head, Matrix const& dhead, int const* targets) {
         ops::cross_entropy_with_gradient(ctx, x, head, dhead, targets, 1e-3);
       });
}
void add_heads(std::vector<Operation>& all) {
  add_head(all, Precision::fp32);
  add_head(all, Precision::bf16);
}

/// Gates of a balanced load, where only selected and weights are read.
Gates<Backend> gates(Ctx& kept) {
  auto const table = ops::zeros(kept, tokens, experts);  // [tokens, experts]
  auto const chosen = bench::choose_experts(tokens, experts, top_k, "balanced");
  for (std::size_t i = 0; i < chosen.size(); ++i) {
    table.data[i / top_k * experts + std::size_t(chosen[i])] = 1;
  }
  return {table, table, {}, {}};
}

void add_routing(std::vector<Operation>& all) {
  double const table = bytes(tokens, experts), x = bytes(tokens, d_model), slots = top_k * x;
  auto const with = [&](char const* name, double traffic, auto operation) {
    all.push_back({name, traffic, 0, [=](Ctx& kept) -> Body {
                     auto const some = gates(kept);
                     auto const plan = ops::make_plan(kept, some, 1, -1);
                     auto const in = noise(kept, tokens, d_model);
                     auto const out = noise(kept, tokens * top_k, d_model);
                     return [=](Ctx& ctx) { operation(ctx, some, plan, in, out); };
                   }});
  };
  using Plan = DispatchPlan<Backend>;
  using Some = Gates<Backend>;
  with("routing/top_k", 2 * table, [](Ctx& ctx, Some const& g, Plan const&, Values, Values) {
    ops::top_k_of_rows(ctx, g.weights, top_k);
  });
  with("routing/softmax", 2 * table,
       [](Ctx& ctx, Some const& g, Plan const&, Values, Values) { ops::softmax(ctx, g.weights); });
  with("routing/softmax_backward", 3 * table,
       [](Ctx& ctx, Some const& g, Plan const&, Values, Values) {
         ops::softmax_backward(ctx, g.weights, g.selected);
       });
  with("routing/plan", 2 * table + 20.0 * tokens * top_k,
       [](Ctx& ctx, Some const& g, Plan const&, Values, Values) { ops::make_plan(ctx, g, 1, -1); });
  with("routing/dispatch", x + slots,
       [](Ctx& ctx, Some const&, Plan const& plan, Values in, Values) {
         ops::dispatch(ctx, plan, in);
       });
  with("routing/dispatch_backward", x + slots,
       [](Ctx& ctx, Some const&, Plan const& plan, Values, Values out) {
         ops::dispatch_backward(ctx, plan, out);
       });
  with("routing/combine", x + slots,
       [](Ctx& ctx, Some const&, Plan const& plan, Values, Values out) {
         ops::combine(ctx, plan, out);
       });
  with("routing/combine_backward", x + 2 * slots,
       [](Ctx& ctx, Some const& g, Plan const& plan, Values in, Values out) {
         ops::combine_backward(ctx, plan, out, in, {g.weights, {}, {}});
       });
}

void add_training(std::vector<Operation>& all) {
  constexpr int rows = 8192, cols = 2048;  // 16.8 million parameters
  double const n = bytes(rows, cols);
  all.push_back({"adamw", 7 * n, 0, [](Ctx& kept) -> Body {
                   auto const w = noise(kept, rows, cols), m = noise(kept, rows, cols);
                   auto const v = ops::zeros(kept, rows, cols), g = noise(kept, rows, cols);
                   return [=](Ctx& ctx) {
                     adamw_step(ctx.backend, w.data, m.data, v.data, g.data,
                                {1e-3, 0.9, 0.95, 1e-8, 0.1, 0.1, 0.05, 1}, w.size());
                   };
                 }});
  all.push_back({"sum_of_squares", n, 0, [](Ctx& kept) -> Body {
                   auto const g = noise(kept, rows, cols);
                   return [=](Ctx& ctx) {
                     double sum = 0;
                     sum_of_squares(ctx.backend, &sum, g.data, g.size());
                     benchmark::DoNotOptimize(sum);
                   };
                 }});
  all.push_back({"zero_gradients", n, 0, [](Ctx& kept) -> Body {
                   auto const g = noise(kept, rows, cols);
                   return [=](Ctx& ctx) { fill(ctx.backend, g.data, 0.0F, g.size()); };
                 }});
}

/// What the machine does at most, each number measured once.
double limit_of(Operation const& operation, int threads) {
  static std::map<std::tuple<double, Precision, int>, double> known;
  auto& limit = known[{operation.traffic, operation.precision, threads}];
  if (limit == 0) {
    limit = operation.traffic > 0 ? bench::copy_rate(std::size_t(operation.traffic), threads)
                                  : bench::peak_flops<float>(threads, operation.precision);
  }
  return limit;
}

void run(benchmark::State& state, Operation const& operation, int threads) {
  double const limit = limit_of(operation, threads);
  Backend backend(threads, cpu::MatmulKernel::packed, operation.precision);
  StepMemory<Backend> kept_memory, memory;
  Ctx kept{backend, kept_memory, {nullptr, batch_size, seq_len, 0}};
  Ctx ctx{backend, memory, kept.batch};
  auto const body = operation.prepare(kept);
  body(ctx);  // the arena grows to its size
  double best = 1e30;
  for (auto _ : state) {
    memory.rewind();
    double const begin = bench::seconds_now();
    body(ctx);
    best = std::min(best, bench::seconds_now() - begin);
  }
  bool const counts_bytes = operation.traffic > 0;
  double const rate = (counts_bytes ? operation.traffic : operation.flops) / best;
  state.counters["us"] = best * 1e6;
  state.counters[counts_bytes ? "GB/s" : "GFLOP/s"] = rate * 1e-9;
  state.counters[counts_bytes ? "share_of_copy" : "share_of_peak"] = rate / limit;
}

}  // namespace

int main(int argc, char** argv) {
  std::vector<Operation> all;
  for (auto const add : {add_norms, add_elementwise, add_embedding, add_attention, add_heads,
                         add_routing, add_training}) {
    add(all);
  }
  int const most = std::max(1, int(std::thread::hardware_concurrency()));
  for (int threads = 1; threads <= most; threads = threads == 1 ? std::max(2, most) : most + 1) {
    for (auto const& operation : all) {
      auto const name = operation.name + "/threads:" + std::to_string(threads);
      benchmark::RegisterBenchmark(name.c_str(), [&operation, threads](benchmark::State& state) {
        run(state, operation, threads);
      })->UseRealTime();
    }
  }
  benchmark::Initialize(&argc, argv);
  if (benchmark::ReportUnrecognizedArguments(argc, argv)) return 2;
  benchmark::RunSpecifiedBenchmarks();
  benchmark::Shutdown();
}
