// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <array>
#include <cmath>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "moenda/core/error.hpp"
#include "moenda/core/pattern.hpp"
#include "moenda/core/suggest.hpp"
#include "moenda/data/text/text_batches.hpp"
#include "moenda/model/training.hpp"
#include "moenda/train/adamw.hpp"
#include "moenda/train/schedule.hpp"

namespace moenda {

/// What happens when a loss or gradient is not finite. The step is not applied either way.
enum class OnNonfinite { stop, skip_step };
constexpr auto enum_names(OnNonfinite) { return std::array{"stop", "skip_step"}; }

/// How a model is trained.
struct TrainConfig {
  std::int64_t steps = 0;  ///< optimizer steps; 0: as many as `epochs` take
  double epochs = 1;
  int batch_size = 8;             ///< sequences per backward pass
  int gradient_accumulation = 1;  ///< backward passes per step
  int stride = 0;                 ///< between training windows; 0: context_length
  std::uint64_t seed = 1;         ///< of the order of windows; the runner's initial weights too
  double initial_std = 0.02;      ///< of initial weights: what the runner gives to Training
  double gradient_clip = 1;       ///< largest global norm of the gradient; 0: no clipping
  OnNonfinite on_nonfinite = OnNonfinite::stop;
  std::vector<std::string>
      freeze{};  ///< names of tensors that keep their values; * for any letters
  optimizer::AdamW::Config optimizer{};
  Schedule::Config schedule{};
  MOENDA_FIELDS(TrainConfig, steps, epochs, batch_size, gradient_accumulation, stride, seed,
                initial_std, gradient_clip, on_nonfinite, freeze, optimizer, schedule);

  static void check(TrainConfig const& c, Problems& problems) {
    problems.expect(c.steps >= 0, "steps", "at least 0", c.steps);
    problems.expect(c.steps > 0 || c.epochs > 0, "epochs", "above 0 when steps is 0", c.epochs);
    problems.expect(c.batch_size >= 1, "batch_size", "at least 1", c.batch_size);
    problems.expect(c.gradient_accumulation >= 1, "gradient_accumulation", "at least 1",
                    c.gradient_accumulation);
    problems.expect(c.stride >= 0, "stride", "at least 0", c.stride);
    problems.expect(c.initial_std > 0, "initial_std", "above 0", c.initial_std);
    problems.expect(c.gradient_clip >= 0, "gradient_clip", "at least 0", c.gradient_clip);
    problems.in("optimizer", [&] { optimizer::AdamW::check(c.optimizer, problems); });
    problems.in("schedule", [&] { Schedule::check(c.schedule, problems); });
  }
};

/// What one optimizer step did.
struct StepResult {
  Loss loss;                 ///< before the update, mean over the step's tokens
  double gradient_norm = 0;  ///< before clipping
  double learning_rate = 0;
  bool applied = true;  ///< false: not finite, and skipped
};

/// Takes optimizer steps. Everything that happens in a step is a function of the step's number, so
/// a trainer that is given the weights, the moments and the number goes on exactly.
template <class Training, data::Examples Examples = data::TextBatches>
class Trainer {
 public:
  using B = std::remove_reference_t<decltype(std::declval<Training>().backend)>;
  using Scalar = typename Training::Scalar;

  /// Learns from `examples`, which give batches of how.batch_size. Throws ConfigError with every
  /// problem of the configuration.
  Trainer(Training& network, TrainConfig how, Examples examples)
      : state(optimizer::AdamW::start(network)),
        network_(network),
        config_(checked(std::move(how))),
        examples_(std::move(examples)) {
    for (auto const& pattern : config_.freeze) freeze(pattern);
    if constexpr (requires { examples_.token_counts(0); }) {
      network_.fit(examples_.token_counts(network_.config.vocab_size));
    } else {
      network_.fit({});
    }
  }
  /// Learns `tokens`, cut into windows of the network's context_length.
  /// Throws ConfigError, and DataError when the text is too short for one batch.
  Trainer(Training& network, TrainConfig const& how,
          data::TokenStream tokens) requires std::same_as<Examples, data::TextBatches>
      : Trainer(network, checked(how),
                data::TextBatches(std::move(tokens), checked(how).batch_size,
                                  network.config.context_length, how.stride, how.seed)) {}

  /// Steps of the whole run.
  [[nodiscard]] std::int64_t steps() const {
    if (config_.steps > 0) return config_.steps;
    double const steps =
        config_.epochs * double(examples_.batches()) / config_.gradient_accumulation;
    return std::max<std::int64_t>(1, std::llround(std::floor(std::min(steps, 1e15))));
  }
  /// Of a model of sequences, padding included.
  [[nodiscard]] std::int64_t tokens_per_step() const {
    return std::int64_t(config_.batch_size) * network_.config.context_length *
           config_.gradient_accumulation;
  }
  /// Steps taken so far, those skipped included.
  [[nodiscard]] std::int64_t step_count() const { return step_; }
  /// Continues a run: `steps` were taken before.
  void set_step_count(std::int64_t steps) { step_ = steps; }

  /// Throws NumericError when the loss or the gradient is not finite and on_nonfinite = stop.
  StepResult step(RoutingHook<B>* hook = nullptr) {
    StepResult result;
    network_.zero_gradients();
    double const share = 1.0 / config_.gradient_accumulation;
    for (int pass = 0; pass < config_.gradient_accumulation; ++pass) {
      auto const number = step_ * config_.gradient_accumulation + pass;
      examples_.load(number);
      network_.accumulate_gradients(examples_.batch(), examples_.targets(), share, hook,
                                    std::uint64_t(number));
    }
    auto const squares = sum_squares();
    for (auto const& loss : network_.losses()) {  // here the host waits for the backend, once
      result.loss.mean += share * loss.mean;
      result.loss.auxiliary += share * loss.auxiliary;
      result.loss.tokens += loss.tokens;
    }
    result.gradient_norm = norm_of(network_.sums.read().subspan(squares));
    result.learning_rate =
        config_.optimizer.learning_rate * Schedule::factor(config_.schedule, step_, steps());
    result.applied = std::isfinite(result.gradient_norm) &&
                     std::isfinite(result.loss.mean + result.loss.auxiliary);
    if (result.applied) {
      optimizer::AdamW::step(config_.optimizer, network_, state, result.learning_rate,
                             clip_factor(result.gradient_norm));
      std::array const moments{state.first_moment.data(), state.second_moment.data()};
      network_.after_step(step_, steps(), moments);
    } else if (config_.on_nonfinite == OnNonfinite::stop) {
      throw NumericError("Trainer: loss and gradient must be finite, but step " +
                         std::to_string(step_ + 1) + " has loss " +
                         std::to_string(result.loss.mean) + " and gradient norm " +
                         std::to_string(result.gradient_norm) +
                         "; lower the learning rate, or set on_nonfinite = \"skip_step\"");
    }
    ++step_;
    return result;
  }

  typename optimizer::AdamW::State<B> state;

 private:
  static TrainConfig checked(TrainConfig config) {
    Problems problems;
    TrainConfig::check(config, problems);
    if (!problems.empty()) throw ConfigError(problems.str());
    return config;
  }
  /// Throws ConfigError when no tensor has such a name.
  void freeze(std::string const& pattern) {
    int found = 0;
    std::vector<std::string> names;
    walk(network_.params, [&](Path const& path, auto& weight) {
      names.push_back(path.str());
      if (!matches(pattern, names.back())) return;
      weight.frozen = true;
      ++found;
    });
    if (found > 0) return;
    throw ConfigError("Trainer: freeze must name tensors of the model, but none matches '" +
                      pattern + "'" + did_you_mean(pattern, names));
  }
  /// Asks the backend for the squares of what is trained, one sum for every run of it; most models
  /// have one such run. Returns the place of the first among the network's sums.
  std::size_t sum_squares() {
    auto const first_sum = network_.sums.size();
    auto const& all = network_.gradients;
    std::ptrdiff_t begin = 0, end = 0;
    auto const add = [&] {
      sum_of_squares(network_.backend, network_.sums.take(1), all.data() + begin, end - begin);
    };
    for_each_trained_run(network_.params, [&](std::ptrdiff_t first, std::ptrdiff_t last, bool) {
      if (first != end) add(), begin = first;
      end = last;
    });
    add();
    return first_sum;
  }
  static double norm_of(std::span<double const> squares) {
    double sum = 0;
    for (double const part : squares) sum += part;
    return std::sqrt(sum);
  }
  /// Pascanu et al. 2013, algorithm 1, with PyTorch's 1e-6 in the denominator.
  [[nodiscard]] double clip_factor(double norm) const {
    if (config_.gradient_clip == 0) return 1;
    return std::min(1.0, config_.gradient_clip / (norm + 1e-6));
  }

  Training& network_;
  TrainConfig config_;
  Examples examples_;
  std::int64_t step_ = 0;
};

}  // namespace moenda
