// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <cstdint>
#include <span>
#include <string>
#include <utility>

#include "moenda/core/error.hpp"
#include "moenda/data/shuffled_order.hpp"
#include "moenda/data/text/token_stream.hpp"

namespace moenda::data {

/// Training examples cut from a row of tokens: window i reads tokens [i*stride, i*stride + L) and
/// must predict the same shifted by one, L = context_length. stride = L: every token once as input;
/// smaller: windows overlap. A window may reach from one document into the next.
class Windows {
 public:
  /// Throws ConfigError unless context_length and stride are positive.
  Windows(TokenStream tokens, int context_length, int stride)
      : tokens_(std::move(tokens)), context_length_(context_length), stride_(stride) {
    require(context_length > 0, "Windows: context_length must be positive", context_length, 0);
    require(stride > 0, "Windows: stride must be positive", stride, 0);
  }

  /// Number of windows: the last one still needs L + 1 tokens.
  [[nodiscard]] std::int64_t count() const {
    std::int64_t const room = tokens_.size() - 1 - context_length_;
    return room < 0 ? 0 : room / stride_ + 1;
  }
  /// Whole batches of an epoch; the rest is dropped.
  [[nodiscard]] std::int64_t batches(int batch_size) const {
    require(batch_size > 0, "Windows: batch_size must be positive", batch_size, 0);
    return count() / batch_size;
  }
  [[nodiscard]] int context_length() const { return context_length_; }
  [[nodiscard]] int stride() const { return stride_; }
  [[nodiscard]] TokenStream const& tokens() const { return tokens_; }

  /// The order of the windows in an epoch; position p of it is window order(p).
  [[nodiscard]] ShuffledOrder order(std::int64_t epoch, std::uint64_t seed) const {
    return {count(), seed, epoch};
  }

  /// inputs [context_length], targets [context_length]. Throws ConfigError unless
  /// 0 <= window < count().
  void fill(std::int64_t window, std::span<int> inputs, std::span<int> targets) const {
    require(window >= 0 && window < count(),
            "Windows: a window must lie in 0..count-1 (window vs count)", window, count());
    require_length(inputs, 1);
    require_length(targets, 1);
    tokens_.read(window * stride_, inputs);
    tokens_.read(window * stride_ + 1, targets);
  }

  /// Batch `batch` of windows in the given order (ShuffledOrder, or any callable position ->
  /// window). inputs [batch_size, context_length], targets the same. Throws ConfigError unless
  /// 0 <= batch < batches(batch_size).
  template <class Order>
  void fill_batch(Order const& order, std::int64_t batch, int batch_size, std::span<int> inputs,
                  std::span<int> targets) const {
    require(batch >= 0 && batch < batches(batch_size),
            "Windows: a batch must lie in 0..batches-1 (batch vs batches)", batch,
            batches(batch_size));
    require_length(inputs, batch_size);
    require_length(targets, batch_size);
    auto const length = static_cast<std::size_t>(context_length_);
    for (int row = 0; row < batch_size; ++row) {
      auto const begin = static_cast<std::size_t>(row) * length;
      fill(order(batch * batch_size + row), inputs.subspan(begin, length),
           targets.subspan(begin, length));
    }
  }
  /// In the order of the text, for evaluation.
  void fill_batch(std::int64_t batch, int batch_size, std::span<int> inputs,
                  std::span<int> targets) const {
    fill_batch([](std::int64_t position) { return position; }, batch, batch_size, inputs, targets);
  }

 private:
  void require_length(std::span<int> span, std::int64_t rows) const {
    require(static_cast<std::int64_t>(span.size()) == rows * context_length_,
            "Windows: inputs and targets must have batch_size * context_length tokens",
            static_cast<std::int64_t>(span.size()), rows * context_length_);
  }

  TokenStream tokens_;
  int context_length_, stride_;
};

}  // namespace moenda::data
