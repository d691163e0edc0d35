// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <algorithm>
#include <cmath>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "moenda/core/after_step.hpp"
#include "moenda/core/fit.hpp"
#include "moenda/core/huge_pages.hpp"
#include "moenda/core/random.hpp"
#include "moenda/model/language_model.hpp"

namespace moenda {

/// The loss of a batch.
struct Loss {
  double cross_entropy = 0;  ///< mean over the counted targets, in nats; of a regressor the mean
                             ///< squared error
  double auxiliary = 0;      ///< weighted auxiliary losses; not part of validation
  std::int64_t tokens = 0;   ///< how many targets were counted
};

/// A model that runs: owns one flat arena of parameters and one of gradients, and the step memory.
/// Optimizers and checkpoints see the flat arenas; the model sees weights that point into them.
template <class M, class B>
class Network {
 public:
  using Model = M;
  using Scalar = typename B::Scalar;
  using Config = typename M::Config;
  using Params = typename M::template Params<B>;
  using Target = typename M::Target;

  /// Parameters are drawn from N(0, initial_std), by name and seed alone, so that equal parts of
  /// different models start equal. Throws ConfigError with every problem of `config`.
  Network(B& on, Config model_config, std::uint64_t seed = 1, double initial_std = 0.02)
      : backend(on), config(std::move(model_config)), seed_(seed) {
    if (auto const problems = M::check(config); !problems.empty()) {
      throw ConfigError(problems.str());
    }
    params = M::template params<B>(config);
    grads = params;
    auto const size = std::size_t(count(params));
    values = zeros_on_huge_pages<Scalar>(size);
    gradients = zeros_on_huge_pages<Scalar>(size);
    bind(params, values.data());
    bind(grads, gradients.data());
    initialise(seed, initial_std);
  }
  Network(Network const&) = delete;
  Network& operator=(Network const&) = delete;

  /// Adds the gradients of `share` times the loss; call zero_gradients() before the first.
  /// targets: M::target_count(batch) of them, of a language model one for every token; -1 counts
  /// nothing. `pass` numbers the training passes: it decides what is drawn. Throws DataError for
  /// ids outside the vocabulary.
  Loss accumulate_gradients(Batch const& batch, std::span<Target const> targets, double share = 1,
                            RoutingProbe<B>* probe = nullptr, std::uint64_t pass = 0) {
    M::check_batch(config, batch);
    auto const counted = count_targets(batch, targets);
    arena.rewind();
    Context<B> ctx{backend, arena, batch};
    ctx.loss_scale = share;
    ctx.seed = seed_;
    ctx.step = pass;
    ctx.values = values.data();
    ctx.gradients = gradients.data();
    ctx.probe = probe;
    auto const hidden = M::forward(ctx, config, params, cache_);
    double const scale = counted == 0 ? 0 : share / double(counted);
    auto const [sum, dhidden] =
        M::loss_with_gradient(ctx, config, params, grads, hidden, targets.data(), scale);
    M::backward(ctx, config, params, grads, cache_, dhidden);
    return {counted == 0 ? 0 : sum / double(counted), ctx.auxiliary_loss, counted};
  }
  /// The loss alone, without training behaviour. `losses`: empty, or one place for each target's
  /// loss. `forced`: choices that replace those of router::Forced.
  Loss evaluate(Batch const& batch, std::span<Target const> targets, std::span<Scalar> losses = {},
                RoutingProbe<B>* probe = nullptr, std::span<Tensor<B> const> forced = {}) {
    M::check_batch(config, batch);
    auto const counted = count_targets(batch, targets);
    require(losses.empty() || losses.size() == targets.size(),
            "Network::evaluate: losses must be empty or as long as targets",
            static_cast<long long>(losses.size()), static_cast<long long>(targets.size()));
    auto ctx = inference(batch, nullptr);
    ctx.probe = probe;
    ctx.forced = forced;
    auto const hidden = M::forward(ctx, config, params, cache_);
    double const sum = M::loss(ctx, config, params, hidden, targets.data(),
                               losses.empty() ? static_cast<Scalar*>(nullptr) : losses.data());
    return {counted == 0 ? 0 : sum / double(counted), 0, counted};
  }
  /// Logits of the batch (of a language model [tokens, vocab_size]; of a regressor its values),
  /// valid until the next call. With a memory, the batch continues what the memory holds.
  Tensor<B> logits(Batch const& batch, Memory<B>* memory = nullptr) {
    M::check_batch(config, batch);
    auto ctx = inference(batch, memory);
    auto const hidden = M::forward(ctx, config, params, cache_);
    if (memory != nullptr) memory->len = batch.position + batch.seq_len;
    return M::outputs(ctx, config, params, hidden);
  }
  /// Logits [batch_size, vocab_size] of the last position of every sequence.
  Tensor<B> last_logits(Batch const& batch, Memory<B>* memory = nullptr) {
    M::check_batch(config, batch);
    require(batch.seq_len >= 1, "Network::last_logits: seq_len must be at least 1", batch.seq_len,
            1);
    auto ctx = inference(batch, memory);
    auto const hidden = M::forward(ctx, config, params, cache_);
    require(hidden.rows == batch.rows(),
            "Network::last_logits: the model must answer for every token (its rows vs the batch's)",
            hidden.rows, batch.rows());
    if (memory != nullptr) memory->len = batch.position + batch.seq_len;
    auto last = ctx.tensor(batch.batch_size, hidden.cols);  // [batch_size, d_model]
    copy_blocks(backend, last.data, hidden.data + std::ptrdiff_t(batch.seq_len - 1) * hidden.cols,
                batch.batch_size, std::ptrdiff_t(hidden.cols), std::ptrdiff_t(hidden.cols),
                std::ptrdiff_t(batch.seq_len) * hidden.cols);
    return M::outputs(ctx, config, params, last);
  }
  /// Lets modules fill their state from how often each token occurs in the training text.
  void fit(std::span<std::int64_t const> token_counts) {
    moenda::fit<M>(TrainingText{token_counts}, config, params);
  }
  /// Lets modules act on what they saw in the optimizer step that just ended. `moments`: the
  /// optimizer's memories, laid out like the parameters.
  void after_step(std::int64_t step, std::int64_t steps, std::span<Scalar* const> moments) {
    StepEnd<B> end{backend, seed_, step, steps};
    end.values = values.data();
    end.moments = moments;
    moenda::after_step<M>(end, config, params, grads);
  }
  void zero_gradients() {
    fill(backend, gradients.data(), Scalar(0), std::ptrdiff_t(gradients.size()));
  }

  B& backend;
  Config config;
  Params params, grads;
  std::vector<Scalar> values, gradients;
  Arena arena;

 private:
  std::uint64_t seed_;

  Context<B> inference(Batch const& batch, Memory<B>* memory) {
    arena.rewind();
    if (memory != nullptr) {
      require(batch.position <= memory->len,
              "Network: a batch must continue what the memory holds (position vs length)",
              batch.position, memory->len);
      memory->cursor = 0;
    }
    Context<B> ctx{backend, arena, batch};
    ctx.training = false;
    ctx.memory = memory;
    return ctx;
  }
  static bool counts(int target) { return target != -1; }
  static bool counts(float target) { return !std::isnan(target); }
  static bool counts(auto const&) { return true; }
  static std::int64_t count_targets(Batch const& batch, std::span<Target const> targets) {
    require(std::int64_t(targets.size()) == M::target_count(batch),
            "Batch: targets must be as many as the batch has to predict",
            static_cast<long long>(targets.size()), static_cast<long long>(M::target_count(batch)));
    return std::count_if(targets.begin(), targets.end(),
                         [](Target const& target) { return counts(target); });
  }
  void initialise(std::uint64_t seed, double initial_std) {
    double const residual_std = initial_std / std::sqrt(2.0 * std::max(1, config.num_layers));
    walk(params, [&](Path const& path, auto& weight) {
      if (weight.kind == WeightKind::gain || weight.kind == WeightKind::bias ||
          weight.kind == WeightKind::state) {
        fill(backend, weight.data, Scalar(weight.kind == WeightKind::gain), weight.size());
        return;
      }
      Random const random(seed, stream_of(path.str()));
      double const usual = weight.kind == WeightKind::residual ? residual_std : initial_std;
      double const std = usual * weight.initial_scale;
      backend.pool.parallel_for(weight.size(), [&](std::int64_t begin, std::int64_t end) {
        for (auto i = begin; i < end; ++i) {
          weight.data[i] = Scalar(std * random.normal(std::uint64_t(i)));
        }
      });
    });
  }

  typename M::template Cache<B> cache_;
};

}  // namespace moenda
