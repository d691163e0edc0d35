// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <algorithm>
#include <cstdint>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "moenda/core/context.hpp"
#include "moenda/core/error.hpp"
#include "moenda/data/text/windows.hpp"

namespace moenda::data {

/// What a Trainer learns from: numbered batches, each a function of its number alone.
template <class E>
concept Examples = requires(E examples, std::int64_t number) {
  { examples.batches() } -> std::same_as<std::int64_t>;  // of an epoch
  examples.load(number);                                 // makes it the current one
  { examples.batch() } -> std::same_as<Batch>;
  examples.targets();  // of the current batch
};

/// Windows of a text in an order that changes from epoch to epoch; the targets are the next tokens.
class TextBatches {
 public:
  /// stride 0: context_length. Throws DataError when the text is too short for one batch.
  TextBatches(TokenStream tokens, int batch_size, int context_length, int stride,
              std::uint64_t seed)
      : windows_(std::move(tokens), context_length, stride > 0 ? stride : context_length),
        batches_(windows_.batches(batch_size)),
        batch_size_(batch_size),
        seed_(seed),
        inputs_(std::size_t(batch_size) * std::size_t(context_length)),
        targets_(inputs_.size()) {
    if (batches_ >= 1) return;
    throw DataError("Trainer: the training text must fill a batch of " +
                    std::to_string(batch_size) + " windows of " +
                    std::to_string(context_length + 1) + " tokens, but it has " +
                    std::to_string(windows_.tokens().size()) + " tokens");
  }
  [[nodiscard]] std::int64_t batches() const { return batches_; }
  void load(std::int64_t number) {
    windows_.fill_batch(windows_.order(number / batches_, seed_), number % batches_, batch_size_,
                        inputs_, targets_);
  }
  [[nodiscard]] Batch batch() const {
    return {inputs_.data(), batch_size_, windows_.context_length()};
  }
  [[nodiscard]] std::span<int const> targets() const { return targets_; }

  /// How often each id below vocab_size occurs in the text.
  [[nodiscard]] std::vector<std::int64_t> token_counts(int vocab_size) const {
    std::vector<std::int64_t> counts(static_cast<std::size_t>(vocab_size));
    auto const& tokens = windows_.tokens();
    std::vector<int> block(1 << 16);
    for (std::int64_t begin = 0; begin < tokens.size(); begin += std::int64_t(block.size())) {
      block.resize(std::size_t(std::min(tokens.size() - begin, std::int64_t(block.size()))));
      tokens.read(begin, block);
      for (int const id : block) {
        if (std::size_t(id) < counts.size()) ++counts[std::size_t(id)];
      }
    }
    return counts;
  }

 private:
  Windows windows_;
  std::int64_t batches_;
  int batch_size_;
  std::uint64_t seed_;
  std::vector<int> inputs_, targets_;  // [batch_size * context_length]
};

}  // namespace moenda::data
