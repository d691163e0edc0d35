// SPDX-License-Identifier: Apache-2.0
#pragma once
// Whether hard tokens take more experts than easy ones.
#include <algorithm>
#include <array>
#include <cstdint>
#include <map>
#include <numeric>
#include <span>
#include <utility>
#include <vector>

#include "moenda/probe/batch_probe.hpp"

namespace moenda::probe {

/// The mean number of experts of one layer in each quarter of a text's tokens, from the easiest
/// tokens to the hardest.
struct ExpertsByDifficulty {
  static constexpr std::size_t quarters = 4;
  int layer = 0;
  /// Ordered by the loss of predicting what follows the token: what the model is unsure of.
  std::array<double, quarters> by_loss{};
  /// Ordered by how often the token stands in the text, the most frequent first.
  std::array<double, quarters> by_rarity{};
};

/// Collects ExpertsByDifficulty of every mixture. An expert over capacity counts: it was chosen.
template <class B>
class DifficultyProbe : public BatchProbe<B> {
 public:
  void begin(Batch const& batch) override {
    rows_ = std::size_t(batch.rows());
    tokens_.insert(tokens_.end(), batch.tokens, batch.tokens + rows_);
  }
  void observe(RoutingSite at, Gates<B> const& gates, DispatchPlan<B> const& plan) override {
    auto& [layer, chosen] = chosen_[at.mixture];
    layer = at.layer;
    bool const fits = chosen.size() + rows_ == tokens_.size();
    // Rows that are not those of the batch.
    if (!fits || std::size_t(plan.num_items) * std::size_t(plan.item_rows) != rows_) return;
    for (int item = 0; item < plan.num_items; ++item) {
      auto const* const selected = gates.selected.slice(item, 1).data;
      auto const experts = std::count_if(selected, selected + plan.num_experts,
                                         [](auto value) { return value != 0; });
      chosen.insert(chosen.end(), std::size_t(plan.item_rows), int(experts));
    }
  }
  void end(std::span<typename B::Scalar const> losses) override {
    losses_.insert(losses_.end(), losses.begin(), losses.end());
  }

  /// One entry per mixture that routed every token, in order; none for fewer tokens than quarters.
  [[nodiscard]] std::vector<ExpertsByDifficulty> layers() const {
    std::vector<ExpertsByDifficulty> all;
    if (losses_.size() != tokens_.size() || tokens_.size() < ExpertsByDifficulty::quarters) {
      return all;
    }
    std::map<int, std::int64_t> frequency;
    for (int const token : tokens_) ++frequency[token];
    auto const by_loss = ordered([&](std::size_t t) { return losses_[t]; });
    // Equally frequent tokens stand together, so that a token falls in two quarters at most.
    auto const by_rarity =
        ordered([&](std::size_t t) { return std::pair(-frequency[tokens_[t]], tokens_[t]); });
    for (auto const& [mixture, seen] : chosen_) {
      auto const& [layer, chosen] = seen;
      if (chosen.size() != tokens_.size()) continue;
      all.push_back({layer, means(chosen, by_loss), means(chosen, by_rarity)});
    }
    return all;
  }

 private:
  using Means = std::array<double, ExpertsByDifficulty::quarters>;

  /// The places of the text, by what `key` says of them.
  template <class Key>
  [[nodiscard]] std::vector<std::size_t> ordered(Key&& key) const {
    std::vector<std::size_t> places(tokens_.size());
    std::iota(places.begin(), places.end(), std::size_t{0});
    std::stable_sort(places.begin(), places.end(),
                     [&](std::size_t a, std::size_t b) { return key(a) < key(b); });
    return places;
  }
  static Means means(std::vector<int> const& chosen, std::vector<std::size_t> const& places) {
    Means means{};
    for (std::size_t q = 0; q < means.size(); ++q) {
      auto const first = places.size() * q / means.size();
      auto const last = places.size() * (q + 1) / means.size();
      for (auto i = first; i < last; ++i) means[q] += chosen[places[i]];
      means[q] /= double(last - first);
    }
    return means;
  }

  std::size_t rows_ = 0;  // of the batch
  std::vector<int> tokens_;
  std::vector<typename B::Scalar> losses_;  // [tokens]
  struct Chosen {
    int layer = 0;
    std::vector<int> experts;  // [tokens] how many
  };
  std::map<int, Chosen> chosen_;  // by mixture
};

}  // namespace moenda::probe
