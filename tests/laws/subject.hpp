// SPDX-License-Identifier: Apache-2.0
#pragma once
// One layer with everything it needs to run. A case names the layer and its sizes:
//
//   struct Rms {
//     using Module = moenda::norm::Rms;
//     static constexpr int width = 6;
//     static constexpr laws::Reach reach = laws::Reach::row;
//     static Module::Config config() { return {}; }
//   };
#include <vector>

#include "laws/gradient_check.hpp"
#include "laws/numbers.hpp"
#include "moenda/module/concepts.hpp"

namespace laws {

/// Which outputs may depend on an input row.
enum class Reach {
  row,             ///< the same row only
  whole_sequence,  ///< every row of the same sequence
  sequence,        ///< later rows of the same sequence too
  causal,          ///< all later rows of the batch too
};

template <class Case, class T>
class Subject {
 public:
  using Module = typename Case::Module;
  using Backend = moenda::cpu::Backend<T>;
  using Params = typename Module::template Params<Backend>;
  using Config = typename Module::Config;

  /// Outputs of one forward and backward.
  struct Result {
    std::vector<T> y, dx;
    double auxiliary = 0;
  };

  explicit Subject(int threads = 1) : backend(threads), config(Case::config()) {
    params = Module::template params<Backend>(config, Case::width);
    grads = params;
    auto const size = static_cast<std::size_t>(moenda::count(params));
    values.resize(size);
    gradients.resize(size);
    moenda::bind(params, values.data());
    moenda::bind(grads, gradients.data());
    fill_weights(params, 11);
  }

  /// Forward, and with dy backward too; gradients accumulate. Allocates nothing once `result` has
  /// its size.
  void run(moenda::Batch batch, std::vector<T> const& x, std::vector<T> const* dy, Result& result,
           moenda::RoutingHook<Backend>* probe = nullptr) {
    arena.rewind();
    moenda::Context<Backend> ctx{backend, arena, batch};
    ctx.hook = probe;
    auto const input = tensor(ctx, x);
    typename Module::template Cache<Backend> cache{};
    auto const y = Module::forward(ctx, config, params, cache, input);
    take(result.y, y);
    result.auxiliary = ctx.auxiliary_loss();
    if (dy == nullptr) return;
    auto const upstream = tensor(ctx, *dy);
    take(result.dx, Module::backward(ctx, config, params, grads, cache, upstream));
    inputs_kept = std::equal(x.begin(), x.end(), input.data) &&
                  std::equal(dy->begin(), dy->end(), upstream.data);
  }
  [[nodiscard]] Result run(moenda::Batch batch, std::vector<T> const& x, std::vector<T> const& dy) {
    Result result;
    run(batch, x, &dy, result);
    return result;
  }
  [[nodiscard]] std::vector<T> forward(moenda::Batch batch, std::vector<T> const& x) {
    Result result;
    run(batch, x, nullptr, result);
    return result.y;
  }
  void zero_gradients() { std::fill(gradients.begin(), gradients.end(), T(0)); }

  /// <dy, y> plus the auxiliary losses: a loss whose gradient is what backward computes.
  [[nodiscard]] Measured measure(moenda::Batch batch, std::vector<T> const& x,
                                 std::vector<T> const& dy) {
    ChoiceProbe<Backend> probe;
    Result result;
    run(batch, x, nullptr, result, &probe);
    Measured measured{result.auxiliary, std::move(probe.choices)};
    for (std::size_t i = 0; i < dy.size(); ++i)
      measured.loss += double(dy[i]) * double(result.y[i]);
    return measured;
  }

  Backend backend;
  Config config;
  Params params, grads;
  std::vector<T> values, gradients;
  moenda::StepMemory<Backend> arena;
  bool inputs_kept = true;  ///< neither pass wrote to x or dy

 private:
  static moenda::Tensor<Backend> tensor(moenda::Context<Backend>& ctx, std::vector<T> const& from) {
    auto t = ctx.tensor(ctx.batch.rows(), Case::width);  // [tokens, width]
    REQUIRE(std::size_t(t.size()) == from.size());
    std::copy(from.begin(), from.end(), t.data);
    return t;
  }
  static void take(std::vector<T>& to, moenda::Tensor<Backend> from) {
    to.assign(from.data, from.data + from.size());
  }
};

}  // namespace laws
