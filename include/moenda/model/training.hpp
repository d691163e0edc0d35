// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <cstdint>
#include <span>
#include <utility>
#include <vector>

#include "moenda/core/step_sums.hpp"
#include "moenda/model/network.hpp"
#include "moenda/module/after_step.hpp"
#include "moenda/module/fit.hpp"

namespace moenda {

/// A model that learns: a network and its gradients, which lie in one flat array like the values.
/// The optimizer keeps its memories itself (optimizer::AdamW::State).
template <class M, class B>
class Training : public Network<M, B> {
  using Base = Network<M, B>;

 public:
  using Base::backend, Base::config, Base::params, Base::values, Base::arena;
  using typename Base::Config;
  using typename Base::Params;
  using typename Base::Scalar;
  using typename Base::Target;

  /// Weights are drawn as Parameters says.
  explicit Training(B& on, Config model_config, std::uint64_t seed = 1, double initial_std = 0.02)
      : Base(on, std::move(model_config), seed, initial_std),
        grads(params),
        gradients(on, values.size()) {
    bind(grads, gradients.data());
  }

  /// Adds the gradients of `share` times the loss; call zero_gradients() before the first.
  /// targets: M::target_count(batch) of them, of a language model one for every token; -1 counts
  /// nothing. `pass` numbers the training passes: it decides what is drawn. Throws DataError for
  /// tokens and targets outside the vocabulary, before anything is computed.
  /// Nothing is read back: losses() does.
  void accumulate_gradients(Batch const& batch, std::span<Target const> targets, double share = 1,
                            RoutingHook<B>* hook = nullptr, std::uint64_t pass = 0) {
    Base::require_plain("Training");
    M::check_batch(config, batch);
    auto const counted = Base::count_targets(config, batch, targets);
    arena.rewind();
    Context<B> ctx{backend, arena};
    ctx.batch = Base::on_backend(ctx, batch);
    ctx.loss_scale = share;
    ctx.seed = seed_;
    ctx.step = pass;
    ctx.values = values.data();
    ctx.gradients = gradients.data();
    ctx.hook = hook;
    passes_.push_back({.tokens = counted});
    first_sums_.push_back(sums.size());
    ctx.losses = sums.take(2);
    auto const hidden = M::forward(ctx, config, params, cache_);
    double const scale = counted == 0 ? 0 : share / double(counted);
    auto const [sum, dhidden] = M::loss_with_gradient(ctx, config, params, grads, hidden,
                                                      Base::on_backend(ctx, targets), scale);
    require(sum == ctx.losses, "Training: a model must write its loss to ctx.loss_sum()", 0, 1);
    M::backward(ctx, config, params, grads, cache_, dhidden);
  }
  /// What the passes since zero_gradients() lost, in order. Reads all `sums` at once.
  [[nodiscard]] std::span<Loss const> losses() {
    auto const read = sums.read();
    for (std::size_t p = 0; p < passes_.size(); ++p) {
      auto& [mean, auxiliary, tokens] = passes_[p];
      mean = tokens == 0 ? 0 : read[first_sums_[p]] / double(tokens);
      auxiliary = read[first_sums_[p] + 1];
    }
    return passes_;
  }
  /// Lets modules fill their state from how often each token occurs in the training text.
  void fit(std::span<std::int64_t const> token_counts) {
    auto on_host = params;
    OnHost all(values);
    bind(on_host, all.data());
    moenda::fit<M>(TrainingText{token_counts}, config, on_host);
    all.give_back();
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
    sums.clear();
    passes_.clear();
    first_sums_.clear();
    fill(backend, gradients.data(), Scalar(0), std::ptrdiff_t(gradients.size()));
  }

  Params grads;
  Array<B, Scalar> gradients;
  StepSums<B> sums{backend};  ///< of the optimizer step: losses, and what an optimizer asks for

 private:
  using Base::seed_, Base::cache_;
  std::vector<Loss> passes_;             // since zero_gradients()
  std::vector<std::size_t> first_sums_;  // of each pass
};

}  // namespace moenda
