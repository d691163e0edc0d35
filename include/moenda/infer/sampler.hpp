// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <algorithm>
#include <cmath>
#include <cstdint>
#include <numeric>
#include <span>
#include <vector>

#include "moenda/core/error.hpp"
#include "moenda/core/fields.hpp"
#include "moenda/core/random.hpp"
#include "moenda/infer/unsorted_choice.hpp"
#include "moenda/module/rules.hpp"

namespace moenda {

/// Picks the next token from logits. What is drawn is said by the sorted list of them, which is
/// made only where it is short: of few logits, or of the top_k.
class Sampler {
 public:
  struct Config {
    double temperature = 1;  ///< 0: greedy, the largest logit (ties: the lowest id)
    int top_k = 0;           ///< keep the k most probable; 0: all
    double top_p = 1;        ///< keep the fewest whose probability reaches p: Holtzman et al. 2020
    double min_p = 0;        ///< keep those of at least p times the largest: Nguyen et al. 2024
    std::uint64_t seed = 1;
    MOENDA_FIELDS(Config, temperature, top_k, top_p, min_p, seed);
  };
  static void check(Config const& c, Problems& problems) {
    problems.expect(c.temperature >= 0, "temperature", "at least 0", c.temperature);
    problems.expect(c.top_k >= 0, "top_k", "at least 0", c.top_k);
    problems.expect(c.top_p > 0 && c.top_p <= 1, "top_p", "above 0 and at most 1", c.top_p);
    problems.expect(c.min_p >= 0 && c.min_p <= 1, "min_p", "in 0..1", c.min_p);
  }

  explicit Sampler(Config const& config)
      : config_(config), random_(config.seed, stream_of("sampler")) {
    Problems problems;
    check(config, problems);
    if (!problems.empty()) throw ConfigError("Sampler: " + problems.str());
  }

  /// The id at `position` of a text. logits [vocab_size]. The same position draws the same number.
  /// Throws NumericError when a logit is NaN or all are -infinity.
  template <class Scalar>
  [[nodiscard]] int pick(std::span<Scalar const> logits, std::uint64_t position) {
    auto const best = std::max_element(logits.begin(), logits.end());
    bool const has_nan =
        std::any_of(logits.begin(), logits.end(), [](Scalar z) { return std::isnan(z); });
    if (best == logits.end() || has_nan || !std::isfinite(*best)) {
      throw NumericError("Sampler: no logit may be NaN and the largest must be finite, got " +
                         std::to_string(best == logits.end() ? 0.0 : double(*best)) + " of " +
                         std::to_string(logits.size()));
    }
    if (config_.temperature == 0) return int(best - logits.begin());
    if (logits.size() >= many && !keeps_few(logits.size())) {
      UnsortedChoice<Scalar> choice(logits, {config_.temperature, config_.top_p, config_.min_p});
      if (auto const id = choice.pick(random_.uniform(position))) return *id;
    }
    rank(logits, double(*best));
    keep_likely();
    double const total = std::accumulate(probs_.begin(), probs_.end(), 0.0);
    double left = random_.uniform(position) * total;
    for (std::size_t i = 0; i < probs_.size(); ++i) {
      left -= probs_[i];
      if (left < 0) return ids_[i];
    }
    return ids_[probs_.size() - 1];
  }

 private:
  static constexpr std::size_t many = 2048;  // logits, of which sorting takes longer than buckets

  [[nodiscard]] bool keeps_few(std::size_t count) const {
    return config_.top_k > 0 && std::size_t(config_.top_k) < count;
  }
  /// ids_ by falling logit (ties: rising id), probs_ = exp((logit - best) / temperature).
  template <class Scalar>
  void rank(std::span<Scalar const> logits, double best) {
    ids_.resize(logits.size());
    std::iota(ids_.begin(), ids_.end(), 0);
    auto const before = [&](int a, int b) {
      auto const za = logits[std::size_t(a)], zb = logits[std::size_t(b)];
      return za != zb ? za > zb : a < b;
    };
    if (keeps_few(ids_.size())) {
      std::partial_sort(ids_.begin(), ids_.begin() + config_.top_k, ids_.end(), before);
      ids_.resize(std::size_t(config_.top_k));
    } else {
      std::sort(ids_.begin(), ids_.end(), before);
    }
    probs_.clear();
    for (int const id : ids_) {
      probs_.push_back(std::exp((double(logits[std::size_t(id)]) - best) / config_.temperature));
    }
  }
  void keep_likely() {
    double const total = std::accumulate(probs_.begin(), probs_.end(), 0.0);
    double sum = 0;
    std::size_t kept = 0;
    while (kept < probs_.size() && sum < config_.top_p * total &&
           probs_[kept] >= config_.min_p * probs_[0]) {
      sum += probs_[kept++];
    }
    probs_.resize(std::max<std::size_t>(kept, 1));
  }

  Config config_;
  Random random_;
  std::vector<int> ids_;
  std::vector<double> probs_;
};

}  // namespace moenda
