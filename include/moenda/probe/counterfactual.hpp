// SPDX-License-Identifier: Apache-2.0
#pragma once
// What would have happened if a token had gone to another expert.
#include <algorithm>
#include <cmath>
#include <numeric>
#include <string>
#include <vector>

#include "moenda/model/network.hpp"
#include "moenda/probe/forced_choices.hpp"

namespace moenda::probe {

/// The loss of every token of a batch, had the router of one mixture sent this token, and no other,
/// to each of the experts.
struct Counterfactual {
  int num_experts = 0;
  std::vector<double> losses{};  // [tokens, num_experts] cross entropy at the token's position
  std::vector<int> chosen{};     // [tokens] where the router sent it

  [[nodiscard]] int tokens() const { return int(chosen.size()); }
  [[nodiscard]] double loss_of(int token, int expert) const {
    return losses[std::size_t(token) * std::size_t(num_experts) + std::size_t(expert)];
  }
  /// The first of those with the lowest loss.
  [[nodiscard]] int best_expert(int token) const {
    auto const begin = losses.begin() + std::ptrdiff_t(token) * num_experts;
    return int(std::min_element(begin, begin + num_experts) - begin);
  }
  [[nodiscard]] double best_of(int token) const { return loss_of(token, best_expert(token)); }
  [[nodiscard]] double chosen_loss_of(int token) const {
    return loss_of(token, chosen[std::size_t(token)]);
  }
  /// The mean over all experts: what an expert drawn by chance would give.
  [[nodiscard]] double chance_loss_of(int token) const {
    auto const begin = losses.begin() + std::ptrdiff_t(token) * num_experts;
    return std::accumulate(begin, begin + num_experts, 0.0) / num_experts;
  }
  /// How much better the best expert would have been: 0 where the router was right.
  [[nodiscard]] double regret_of(int token) const { return chosen_loss_of(token) - best_of(token); }
  [[nodiscard]] double mean_loss() const {
    return mean([&](int t) { return chosen_loss_of(t); });
  }
  /// The mean loss if every token alone were sent to its best expert: an oracle router's bound, not
  /// what sending all of them there at once would give.
  [[nodiscard]] double oracle_loss() const {
    return mean([&](int t) { return best_of(t); });
  }
  [[nodiscard]] double mean_regret() const { return mean_loss() - oracle_loss(); }

 private:
  template <class F>
  [[nodiscard]] double mean(F&& of) const {
    double sum = 0;
    for (int t = 0; t < tokens(); ++t) sum += of(t);
    return tokens() == 0 ? 0 : sum / tokens();
  }
};

namespace detail {

/// Keeps the choices of one mixture.
template <class B>
struct OwnChoice : RoutingHook<B> {
  explicit OwnChoice(int mixture) : mixture_(mixture) {}
  void observe(RoutingSite at, Gates<B> const& gates, DispatchPlan<B> const&) override {
    if (at.mixture != mixture_) return;
    num_experts = gates.selected.cols;
    selected.assign(gates.selected.data, gates.selected.data + gates.selected.size());
  }
  /// Appends the choices, those of one item replaced.
  void append_with(std::vector<typename B::Scalar>& table, int item, int expert) const {
    auto const begin = std::ptrdiff_t(table.size()) + std::ptrdiff_t(item) * num_experts;
    table.insert(table.end(), selected.begin(), selected.end());
    std::fill_n(table.begin() + begin, num_experts, typename B::Scalar(0));
    table[std::size_t(begin + expert)] = 1;
  }
  int num_experts = 0;
  std::vector<typename B::Scalar> selected;  // [items, num_experts]

 private:
  int mixture_;
};

/// The choices of the router, checked: one expert for every token.
template <class M, class B>
[[nodiscard]] OwnChoice<B> own_choices(Network<M, B>& network, Batch const& batch,
                                       std::span<int const> targets, int mixture) {
  OwnChoice<B> own(mixture);
  network.evaluate(batch, targets, {}, &own);
  auto const experts = std::size_t(own.num_experts);
  if (experts == 0 || own.selected.size() != experts * std::size_t(batch.rows())) {
    throw ConfigError("counterfactual: mixture " + std::to_string(mixture) +
                      " must route every token of the batch");
  }
  for (auto row = own.selected.begin(); row != own.selected.end(); row += own.num_experts) {
    auto const count = std::count(row, row + own.num_experts, typename B::Scalar(1));
    require(count == 1, "counterfactual: the router must choose one expert for a token", count, 1);
  }
  return own;
}

/// Throws ConfigError where the router's own choices, when forced, do not give the losses that it
/// has when free: then its weights for other choices are not known either.
template <class M, class B>
void require_own_losses(Network<M, B>& network, Batch const& batch, std::span<int const> targets,
                        Counterfactual const& found) {
  constexpr double noise = 0.01;  // nats, of products that round elsewhere in a larger batch
  std::vector<typename B::Scalar> own(targets.size());
  network.evaluate(batch, targets, own);
  double off = 0;
  for (int t = 0; t < found.tokens(); ++t) {
    off += std::abs(found.chosen_loss_of(t) - double(own[std::size_t(t)])) / found.tokens();
  }
  if (off <= noise) return;
  throw ConfigError(
      "counterfactual: to force the router's own choices must change nothing, but their losses are "
      "off by " +
      std::to_string(off) + " nats on average: it weighs experts by a rule of its own");
}

}  // namespace detail

/// Tries every expert of `mixture` for every token of one sequence, `batch` of batch_size 1. Its
/// router must choose one expert for every token. Takes num_experts passes over seq_len
/// copies of the sequence, `copies` of them at a time: copy t changes the choice of token t alone,
/// so that no other change reaches it through attention. Throws ConfigError for a router whose
/// weights for another choice nobody can know.
template <class M, class B>
[[nodiscard]] Counterfactual counterfactual(Network<M, B>& network, Batch const& batch,
                                            std::span<int const> targets, int mixture,
                                            int copies = 16) {
  using Scalar = typename B::Scalar;
  require(batch.batch_size == 1, "counterfactual: the batch must be one sequence", batch.batch_size,
          1);
  require(copies >= 1, "counterfactual: copies must be at least 1", copies, 1);
  auto const own = detail::own_choices(network, batch, targets, mixture);
  int const length = batch.seq_len, experts = own.num_experts;
  copies = std::min(copies, length);
  Counterfactual result{.num_experts = experts};
  result.losses.resize(own.selected.size());
  for (auto row = own.selected.begin(); row != own.selected.end(); row += experts) {
    result.chosen.push_back(int(std::find(row, row + experts, Scalar(1)) - row));
  }
  std::vector<int> tokens, wanted;  // [copies * length]
  for (int copy = 0; copy < copies; ++copy) {
    tokens.insert(tokens.end(), batch.tokens, batch.tokens + length);
    wanted.insert(wanted.end(), targets.begin(), targets.end());
  }
  std::vector<Scalar> table, losses;  // [copies * length, experts]; rows
  ForcedChoices<B> forced;            // the other mixtures stay free
  for (int first = 0; first < length; first += copies) {
    int const some = std::min(copies, length - first), rows = some * length;
    for (int expert = 0; expert < experts; ++expert) {
      table.clear();
      for (int t = first; t < first + some; ++t) own.append_with(table, t, expert);
      forced.force(mixture, {table.data(), rows, experts});
      losses.resize(std::size_t(rows));
      network.evaluate({tokens.data(), some, length},
                       std::span<int const>(wanted).first(losses.size()), losses, &forced);
      for (int t = first; t < first + some; ++t) {
        result.losses[std::size_t(t * experts + expert)] =
            double(losses[std::size_t((t - first) * length + t)]);
      }
    }
  }
  detail::require_own_losses(network, batch, targets, result);
  return result;
}

}  // namespace moenda::probe
