// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <algorithm>
#include <cmath>
#include <cstdint>
#include <functional>
#include <numeric>
#include <span>
#include <string>
#include <type_traits>
#include <vector>

#include "moenda/data/text/completion_task.hpp"
#include "moenda/model/network.hpp"

namespace moenda {

/// How likely a network finds an ending: the cross entropy of its tokens given the context.
struct EndingLoss {
  double sum = 0;           ///< nats
  std::int64_t tokens = 0;  ///< that were scored
  [[nodiscard]] double mean() const { return sum / double(tokens); }
};

/// How often the true ending was the likeliest. A tie counts as the chance to guess right.
struct CompletionScore {
  std::int64_t tasks = 0;
  double right_by_mean = 0;  ///< least mean loss of its tokens: HellaSwag's acc_norm, nearly
  double right_by_sum = 0;   ///< least sum: favours short endings
  double chance = 0;         ///< what guessing at random would get, as a share

  [[nodiscard]] double accuracy() const { return share(right_by_mean); }
  [[nodiscard]] double accuracy_by_sum() const { return share(right_by_sum); }
  /// Of the accuracy, from the number of tasks alone: sqrt(p (1 - p) / n). It says nothing about
  /// other seeds.
  [[nodiscard]] double standard_error() const {
    return tasks == 0 ? 0 : std::sqrt(accuracy() * (1 - accuracy()) / double(tasks));
  }

 private:
  [[nodiscard]] double share(double right) const { return tasks == 0 ? 0 : right / double(tasks); }
};

/// Contexts joined with endings, as rows of equal length.
class CompletionRows {
 public:
  /// One ending of one task, by place in the result.
  struct Sequence {
    std::size_t task = 0, ending = 0, place = 0;
    int length = 0, scored = 0;  ///< tokens the network reads, and of them those it is asked about
  };

  /// Throws DataError for a task without context, or an ending without tokens.
  CompletionRows(std::span<data::CompletionTask const> tasks, int context_length) : tasks_(tasks) {
    for (std::size_t t = 0; t < tasks.size(); ++t) {
      for (std::size_t e = 0; e < tasks[t].endings.size(); ++e) {
        auto const context = tasks[t].context.size(), ending = tasks[t].endings[e].size();
        if (context == 0 || ending == 0) {
          throw DataError("score_completions: a context and an ending must have tokens, in task " +
                          std::to_string(t));
        }
        auto const most = std::size_t(context_length);
        sequences_.push_back({t, e, sequences_.size(), int(std::min(context + ending - 1, most)),
                              int(std::min(ending, most))});
      }
    }
    // Longest first: little padding, and the first batch takes the most memory.
    std::stable_sort(sequences_.begin(), sequences_.end(),
                     [](auto const& a, auto const& b) { return a.length > b.length; });
  }
  [[nodiscard]] std::span<Sequence const> sequences() const { return sequences_; }

  /// inputs, targets [seq_len]: the last tokens of the sequence, then padding that counts nothing.
  void fill(Sequence const& s, std::span<int> inputs, std::span<int> targets) const {
    auto const& context = tasks_[s.task].context;
    auto const& ending = tasks_[s.task].endings[s.ending];
    auto const token = [&](std::size_t i) {
      return i < context.size() ? context[i] : ending[i - context.size()];
    };
    auto const first = context.size() + ending.size() - 1 - std::size_t(s.length);
    for (std::size_t i = 0; i < inputs.size(); ++i) {
      bool const there = i < std::size_t(s.length);
      bool const counts = there && i >= std::size_t(s.length - s.scored);
      inputs[i] = there ? token(first + i) : 0;
      targets[i] = counts ? token(first + i + 1) : -1;
    }
  }

 private:
  std::span<data::CompletionTask const> tasks_;
  std::vector<Sequence> sequences_;
};

/// The loss of every ending of every task, task after task. `batch_size` endings are read at once,
/// padded behind to the longest of them, which a causal model cannot see; routers are told of it. A
/// sequence longer than the network's context loses its first tokens: the context's, and where an
/// ending alone is longer, the ending's. `progress(done, all)` is called after every batch.
template <class Network>
[[nodiscard]] std::vector<EndingLoss> ending_losses(
    Network& network, std::span<data::CompletionTask const> tasks, int batch_size,
    std::function<void(std::int64_t, std::int64_t)> const& progress = {}) {
  require(batch_size >= 1, "score_completions: batch_size must be at least 1", batch_size, 1);
  CompletionRows const rows(tasks, network.config.context_length);
  auto const all = rows.sequences();
  std::vector<EndingLoss> result(all.size());
  if (all.empty()) return result;
  auto const most = std::size_t(batch_size) * std::size_t(all.front().length);
  std::vector<int> inputs(most), targets(most), lengths(std::size_t(batch_size), 0);
  std::vector<typename Network::Scalar> losses(most);
  for (std::size_t begin = 0; begin < all.size(); begin += std::size_t(batch_size)) {
    auto const now = all.subspan(begin, std::min(std::size_t(batch_size), all.size() - begin));
    auto const length = std::size_t(now.front().length), used = now.size() * length;
    for (std::size_t row = 0; row < now.size(); ++row) {
      rows.fill(now[row], std::span(inputs).subspan(row * length, length),
                std::span(targets).subspan(row * length, length));
      lengths[row] = now[row].length;
    }
    Batch batch{inputs.data(), int(now.size()), int(length)};
    batch.lengths = lengths.data();
    (void)network.evaluate(batch, std::span<int const>(targets).first(used),
                           std::span(losses).first(used));
    for (std::size_t row = 0; row < now.size(); ++row) {
      auto const end = losses.begin() + std::ptrdiff_t(row * length) + now[row].length;
      result[now[row].place] = {std::accumulate(end - now[row].scored, end, 0.0), now[row].scored};
    }
    if (progress) progress(std::int64_t(begin + now.size()), std::int64_t(all.size()));
  }
  return result;
}

/// Asks the network which ending it finds likeliest, as HellaSwag is scored with language models
/// (Brown et al. 2020, section 2.4): least cross entropy per token, or in all, given the context.
template <class Network>
[[nodiscard]] CompletionScore score_completions(
    Network& network, std::span<data::CompletionTask const> tasks, int batch_size,
    std::function<void(std::int64_t, std::int64_t)> const& progress = {}) {
  auto const losses = ending_losses(network, tasks, batch_size, progress);
  // The share of a random one of the best: 1 when the answer alone is best, 0 when it is not.
  auto const right = [](std::span<EndingLoss const> of_task, int answer, auto const& loss) {
    double best = loss(of_task[std::size_t(answer)]);
    int ties = 0;
    for (auto const& ending : of_task) {
      if (loss(ending) < best) return 0.0;
      ties += loss(ending) == best;
    }
    return ties == 0 ? 0.0 : 1.0 / ties;  // 0: the loss is not a number
  };
  CompletionScore score;
  std::size_t first = 0;
  for (auto const& task : tasks) {
    require(task.answer >= 0 && task.answer < int(task.endings.size()),
            "score_completions: the answer must be one of the endings", task.answer,
            static_cast<long long>(task.endings.size()));
    auto const of_task = std::span(losses).subspan(first, task.endings.size());
    first += task.endings.size();
    score.tasks += 1;
    score.right_by_mean += right(of_task, task.answer, [](EndingLoss e) { return e.mean(); });
    score.right_by_sum += right(of_task, task.answer, [](EndingLoss e) { return e.sum; });
    score.chance += 1 / double(task.endings.size());
  }
  if (score.tasks > 0) score.chance /= double(score.tasks);
  return score;
}

}  // namespace moenda
