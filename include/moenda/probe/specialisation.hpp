// SPDX-License-Identifier: Apache-2.0
#pragma once
// What each expert takes: which tokens, which kinds of tokens, and which experts work together.
#include <algorithm>
#include <cmath>
#include <cstdint>
#include <map>
#include <utility>
#include <vector>

#include "moenda/probe/batch_probe.hpp"
#include "moenda/probe/measures.hpp"

namespace moenda::probe {

/// A token that an expert takes more often than its share of all tokens would make it.
struct TypicalToken {
  int token = 0;
  std::int64_t count = 0;  ///< times that the expert was its first choice
  double share = 0;        ///< of all places where the token stands
};

/// The most experts of which pairs are counted: 65,536 numbers.
inline constexpr std::size_t most_paired = 256;

/// One mixture over a text. A token's first choice is the selected expert of largest weight.
struct Specialisation {
  int layer = 0, num_experts = 0;
  std::int64_t tokens = 0;
  std::vector<std::int64_t> tokens_per_expert{};  // [num_experts] all choices
  /// [num_experts, num_experts] items that went to both; the diagonal is tokens_per_expert. Empty
  /// above most_paired experts.
  std::vector<std::int64_t> coactivation{};
  std::vector<std::int64_t> classes{};  // [num_experts, num_classes] by first choice
  double token_information = 0;         ///< mutual_information of first choice and token id
  double class_information = 0;         ///< of first choice and token class
  double token_explains = 0;            ///< explained_share of the first choice, by token id
  double class_explains = 0;            ///< by token class
  std::vector<std::vector<TypicalToken>> typical{};  // [num_experts][at most most_typical]
};

/// Collects Specialisation of every mixture. `class_of_token` [vocab_size], classes from 0 on.
template <class B>
class SpecialisationProbe : public BatchProbe<B> {
 public:
  explicit SpecialisationProbe(std::vector<std::uint8_t> class_of_token)
      : class_of_token_(std::move(class_of_token)) {
    for (auto const c : class_of_token_) num_classes_ = std::max(num_classes_, std::size_t(c) + 1);
  }

  void begin(Batch const& batch) override { batch_ = batch; }
  void observe(RoutingSite at, Gates<B> const& gates, DispatchPlan<B> const& plan) override {
    auto const experts = std::size_t(plan.num_experts);
    Mixture& seen = mixtures_[at.mixture];
    seen.layer = at.layer;
    if (seen.num_experts == 0) seen.resize(experts, num_classes_);
    if (plan.num_items * plan.item_rows != batch_.rows()) return;  // rows of something else
    std::vector<std::size_t> chosen;
    for (int item = 0; item < plan.num_items; ++item) {
      auto const* const selected = gates.selected.slice(item, 1).data;
      chosen.clear();
      for (std::size_t e = 0; e < experts; ++e) {
        if (selected[e] != 0) chosen.push_back(e);
      }
      for (auto const a : chosen) {
        ++seen.tokens_per_expert[a];
        if (seen.coactivation.empty()) continue;
        for (auto const b : chosen) ++seen.coactivation[a * experts + b];
      }
      if (chosen.empty()) continue;
      auto const* const weights = gates.weights.slice(item, 1).data;
      auto const first = *std::max_element(chosen.begin(), chosen.end(),
                                           [&](auto a, auto b) { return weights[a] < weights[b]; });
      for (int row = 0; row < plan.item_rows; ++row) {
        count_token(seen, batch_.tokens[item * plan.item_rows + row], first);
      }
    }
  }

  /// One entry per mixture, in order.
  [[nodiscard]] std::vector<Specialisation> layers(std::size_t most_typical = 10) const {
    std::vector<Specialisation> all;
    for (auto const& [number, seen] : mixtures_) {
      all.push_back(summary(seen, most_typical));
    }
    return all;
  }

 private:
  using Counts = std::vector<std::int64_t>;
  struct Mixture {
    int layer = 0;
    std::size_t num_experts = 0;
    Counts tokens_per_expert, coactivation, classes;
    std::map<int, Counts> by_token;  // [num_experts] first choices

    void resize(std::size_t experts, std::size_t num_classes) {
      num_experts = experts;
      tokens_per_expert.resize(experts);
      if (experts <= most_paired) coactivation.resize(experts * experts);
      classes.resize(experts * num_classes);
    }
  };

  void count_token(Mixture& seen, int token, std::size_t expert) const {
    Counts& counts = seen.by_token[token];
    counts.resize(seen.num_experts);
    ++counts[expert];
    std::size_t const kind =
        std::size_t(token) < class_of_token_.size() ? class_of_token_[std::size_t(token)] : 0;
    if (num_classes_ > 0) ++seen.classes[expert * num_classes_ + kind];
  }

  Specialisation summary(Mixture const& seen, std::size_t most_typical) const {
    Specialisation s{.layer = seen.layer, .num_experts = int(seen.num_experts)};
    s.tokens_per_expert = seen.tokens_per_expert;
    s.coactivation = seen.coactivation;
    s.classes = seen.classes;
    Counts joint, by_token, by_expert(seen.num_experts), by_class(num_classes_);
    for (auto const& [token, counts] : seen.by_token) {
      std::int64_t all = 0;
      for (std::size_t e = 0; e < counts.size(); ++e) {
        by_expert[e] += counts[e];
        all += counts[e];
      }
      joint.insert(joint.end(), counts.begin(), counts.end());
      by_token.push_back(all);
      s.tokens += all;
    }
    for (std::size_t i = 0; i < seen.classes.size(); ++i) {
      by_class[i % num_classes_] += seen.classes[i];
    }
    using View = std::span<std::int64_t const>;
    s.token_information = mutual_information(View(joint), View(by_token), View(by_expert));
    s.class_information = mutual_information(View(seen.classes), View(by_class), View(by_expert));
    s.token_explains = explained_share(View(joint), View(by_token), View(by_expert));
    s.class_explains = explained_share(View(seen.classes), View(by_class), View(by_expert));
    for (std::size_t e = 0; e < seen.num_experts; ++e) {
      s.typical.push_back(
          typical_of(seen, by_token, e, double(by_expert[e]) / double(s.tokens), most_typical));
    }
    return s;
  }

  /// The tokens that add most to the mutual information: n ln(share / usual share). A token must
  /// have come twice, for once is chance. `totals`: of the tokens, in order.
  static std::vector<TypicalToken> typical_of(Mixture const& seen, Counts const& totals,
                                              std::size_t expert, double usual_share,
                                              std::size_t most) {
    std::vector<std::pair<double, TypicalToken>> found;
    auto total = totals.begin();
    for (auto const& [token, counts] : seen.by_token) {
      auto const count = counts[expert], all = *total++;
      if (count < 2) continue;
      double const share = double(count) / double(all);
      double const gain = double(count) * std::log(share / usual_share);
      if (gain > 0) found.push_back({-gain, {token, count, share}});
    }
    std::stable_sort(found.begin(), found.end(),
                     [](auto const& a, auto const& b) { return a.first < b.first; });
    std::vector<TypicalToken> typical;
    for (auto const& [gain, token] : found) {
      if (typical.size() < most) typical.push_back(token);
    }
    return typical;
  }

  std::vector<std::uint8_t> class_of_token_;
  std::size_t num_classes_ = 0;
  Batch batch_{};
  std::map<int, Mixture> mixtures_;  // by number
};

}  // namespace moenda::probe
