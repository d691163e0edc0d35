// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <algorithm>
#include <cstdint>
#include <span>
#include <vector>

#include "moenda/core/context.hpp"
#include "moenda/core/error.hpp"
#include "moenda/data/shuffled_order.hpp"
#include "moenda/table/question.hpp"

namespace moenda::data {

/// Batches of questions, in a new order every epoch. The questions must outlive it.
class TableBatches {
 public:
  /// Throws DataError unless the questions fill a batch and have windows of one layout.
  TableBatches(std::span<TableQuestion const> questions, int batch_size, std::uint64_t seed)
      : questions_(questions), batch_size_(batch_size), seed_(seed) {
    require(batch_size >= 1, "TableBatches: batch_size must be at least 1", batch_size, 1);
    if (questions.size() < std::size_t(batch_size)) {
      throw DataError("TableBatches: the questions must fill a batch of " +
                      std::to_string(batch_size) + ", but there are " +
                      std::to_string(questions.size()));
    }
    length_ = questions.front().tokens.size();
    for (auto const& question : questions) {
      if (question.tokens.size() == length_) continue;
      throw DataError("TableBatches: all questions must have " + std::to_string(length_) +
                      " tokens, got " + std::to_string(question.tokens.size()));
    }
    tokens_.resize(std::size_t(batch_size) * length_);
    targets_.resize(std::size_t(batch_size));
  }

  /// Whole batches of an epoch; the rest is dropped.
  [[nodiscard]] std::int64_t batches() const {
    return std::int64_t(questions_.size()) / batch_size_;
  }
  /// Batch `number` of the run: number / batches() is its epoch.
  void load(std::int64_t number) {
    require(number >= 0, "TableBatches: a batch must lie in 0.. (got vs least)", number, 0);
    ShuffledOrder const order(std::int64_t(questions_.size()), seed_, number / batches());
    for (int i = 0; i < batch_size_; ++i) {
      auto const& question = questions_[std::size_t(order(number % batches() * batch_size_ + i))];
      std::copy(question.tokens.begin(), question.tokens.end(),
                tokens_.begin() + std::ptrdiff_t(std::size_t(i) * length_));
      targets_[std::size_t(i)] = {&question};
    }
  }
  [[nodiscard]] Batch batch() const { return {tokens_.data(), batch_size_, int(length_)}; }
  [[nodiscard]] std::span<TableTarget const> targets() const { return targets_; }

 private:
  std::span<TableQuestion const> questions_;
  int batch_size_;
  std::uint64_t seed_;
  std::size_t length_ = 0;
  std::vector<int> tokens_;           // [batch_size, tokens of a question]
  std::vector<TableTarget> targets_;  // [batch_size]
};

}  // namespace moenda::data
