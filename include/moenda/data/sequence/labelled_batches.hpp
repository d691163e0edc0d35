// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <algorithm>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include "moenda/core/context.hpp"
#include "moenda/core/error.hpp"
#include "moenda/data/sequence/labelled_sequences.hpp"

namespace moenda::data {

/// Labelled sequences as batches of [batch_size, context_length] rows, padded with token 0 or
/// zeros. Longer sequences lose their end. Target is int for classes, float for values.
template <class Target>
class LabelledBatches {
  static_assert(std::is_same_v<Target, int> || std::is_same_v<Target, float>,
                "LabelledBatches: the target must be int (classes) or float (values)");

 public:
  using Shared = std::shared_ptr<LabelledSequences const>;

  /// For training: batch `number` of the run is a function of number and seed; what does not fill a
  /// batch at the end of an epoch is left out, other sequences every time. Throws DataError when
  /// there are fewer sequences than batch_size, or no targets.
  LabelledBatches(Shared sequences, int batch_size, int context_length, std::uint64_t seed)
      : LabelledBatches(std::move(sequences), batch_size, context_length, seed, true) {
    if (sequences_->count() >= batch_size) return;
    throw DataError("LabelledBatches: the sequences must fill a batch of " +
                    std::to_string(batch_size) + ", but there are " +
                    std::to_string(sequences_->count()));
  }
  /// For evaluation: every sequence once, in the order of the file; the last batch may be smaller.
  [[nodiscard]] static LabelledBatches in_file_order(Shared sequences, int batch_size,
                                                     int context_length) {
    return {std::move(sequences), batch_size, context_length, 0, false};
  }

  /// Of an epoch.
  [[nodiscard]] std::int64_t batches() const {
    auto const count = sequences_->count();
    return shuffled_ ? count / batch_size_ : (count + batch_size_ - 1) / batch_size_;
  }
  /// Makes batch `number` the current one. Throws ConfigError for a batch that does not exist.
  void load(std::int64_t number) {
    require(number >= 0 && (shuffled_ || number < batches()),
            "LabelledBatches: a batch must lie in 0..batches-1 (batch vs batches)", number,
            batches());
    auto const count = sequences_->count();
    auto const first = number % batches() * batch_size_;
    ShuffledOrder const order(count, seed_, number / batches());
    rows_ = int(std::min<std::int64_t>(batch_size_, count - first));
    for (int b = 0; b < rows_; ++b) fill(b, shuffled_ ? order(first + b) : first + b);
  }
  [[nodiscard]] Batch batch() const {
    Batch batch{tokens_.empty() ? nullptr : tokens_.data(), rows_, context_length_};
    batch.lengths = lengths_.data();
    batch.features = features_.empty() ? nullptr : features_.data();
    batch.channels = sequences_->channels;
    return batch;
  }
  [[nodiscard]] std::span<Target const> targets() const {
    return {targets_.data(), std::size_t(rows_)};
  }
  /// Which sequences the batch holds.
  [[nodiscard]] std::span<std::int64_t const> items() const {
    return {items_.data(), std::size_t(rows_)};
  }
  /// How many sequences are longer than context_length.
  [[nodiscard]] std::int64_t cut() const {
    std::int64_t longer = 0;
    for (std::int64_t i = 0; i < sequences_->count(); ++i) {
      longer += sequences_->length(i) > context_length_;
    }
    return longer;
  }
  [[nodiscard]] LabelledSequences const& sequences() const { return *sequences_; }

 private:
  LabelledBatches(Shared sequences, int batch_size, int context_length, std::uint64_t seed,
                  bool shuffled)
      : sequences_(std::move(sequences)),
        batch_size_(batch_size),
        context_length_(context_length),
        seed_(seed),
        shuffled_(shuffled) {
    require(batch_size >= 1, "LabelledBatches: batch_size must be at least 1", batch_size, 1);
    require(context_length >= 1, "LabelledBatches: context_length must be at least 1",
            context_length, 1);
    auto const count = sequences_->count();
    if (count == 0) throw DataError("LabelledBatches: there must be at least one sequence");
    if (std::int64_t(sequences_->template targets<Target>().size()) != count) {
      throw DataError(std::string("LabelledBatches: every sequence must have ") +
                      (std::is_same_v<Target, int> ? "a class" : "a value") + ", but " +
                      std::to_string(sequences_->template targets<Target>().size()) + " of " +
                      std::to_string(count) + " do");
    }
    auto const size = std::size_t(batch_size);
    auto const rows = size * std::size_t(context_length);
    int const channels = sequences_->channels;
    (channels == 0 ? void(tokens_.resize(rows)) : features_.resize(rows * std::size_t(channels)));
    lengths_.resize(size), items_.resize(size), targets_.resize(size);
  }
  /// Sequence i becomes number b of the batch.
  void fill(int b, std::int64_t i) {
    auto const& from = *sequences_;
    auto const first = from.offsets[std::size_t(i)];
    auto const length = std::min<std::int64_t>(from.length(i), context_length_);
    auto const copy = [&](auto const& source, auto& target, std::int64_t width) {
      if (target.empty()) return;
      auto const to = target.begin() + std::int64_t(b) * context_length_ * width;
      std::copy_n(source.begin() + first * width, length * width, to);
      std::fill(to + length * width, to + context_length_ * width, 0);
    };
    copy(from.tokens, tokens_, 1);
    copy(from.features, features_, from.channels);
    lengths_[std::size_t(b)] = int(length);
    items_[std::size_t(b)] = i;
    targets_[std::size_t(b)] = from.template targets<Target>()[std::size_t(i)];
  }

  Shared sequences_;
  int batch_size_, context_length_, rows_ = 0;
  std::uint64_t seed_;
  bool shuffled_;
  std::vector<int> tokens_;          // [batch_size * context_length], or empty
  std::vector<float> features_;      // [batch_size * context_length, channels], or empty
  std::vector<int> lengths_;         // [batch_size]
  std::vector<std::int64_t> items_;  // [batch_size]
  std::vector<Target> targets_;      // [batch_size]
};

}  // namespace moenda::data
