// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <cstdint>
#include <limits>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

#include "moenda/core/array.hpp"
#include "moenda/core/error.hpp"
#include "moenda/core/random.hpp"
#include "moenda/core/step_memory.hpp"
#include "moenda/core/tensor.hpp"

namespace moenda {

template <class B>
struct RoutingHook;

/// What one call works on: `batch_size` sequences of `seq_len` tokens that start at `position`, or
/// each at its own of `positions`.
struct Batch {
  int const* tokens = nullptr;  // [batch_size * seq_len], on the backend
  int batch_size = 1, seq_len = 1, position = 0;
  int const* lengths = nullptr;     // [batch_size], on the backend: the rows from there on are
                                    // padding; null: there is none
  float const* features = nullptr;  // [batch_size * seq_len, channels], in place of tokens
  int channels = 0;                 // of the features
  int const* positions = nullptr;   // [batch_size], on the backend: where each sequence starts;
                                    // null: all start at `position`

  [[nodiscard]] int rows() const { return batch_size * seq_len; }
  /// Where sequence b starts, and how many of its rows are no padding. Read on the host.
  [[nodiscard]] int position_of(int b) const {
    return positions == nullptr ? position : positions[b];
  }
  [[nodiscard]] int length_of(int b) const { return lengths == nullptr ? seq_len : lengths[b]; }
};

/// Keys and values that attention remembers between decoding calls, of every sequence as many as it
/// has. Absent in training.
template <class B>
struct Memory {
  using Scalar = typename B::Scalar;
  int batch_size = 1, max_seq_len = 0;
  std::vector<Array<B, Scalar>> slots{};  // one per ops::remember of a forward pass
  std::size_t cursor = 0;
  std::vector<int> lens{};  // [batch_size] positions of each sequence that the slots hold; empty
                            // before the first pass

  /// Goes back to the first slot for a pass over `batch`. Throws ConfigError unless every sequence
  /// continues what is held of it, and there is room.
  void begin(Batch const& batch) {
    require(batch.batch_size == batch_size, "Memory: batch_size must stay the same",
            batch.batch_size, batch_size);
    require(batch.positions != nullptr || batch.position + batch.seq_len <= max_seq_len,
            "Memory: position + seq_len must fit max_seq_len", batch.position + batch.seq_len,
            max_seq_len);
    cursor = 0;
    lens.resize(std::size_t(batch_size), 0);
    for (int b = 0; b < batch_size; ++b) {
      int const first = batch.position_of(b), held = lens[std::size_t(b)];
      if (first > held) {
        throw ConfigError("Memory: sequence " + std::to_string(b) + " starts at position " +
                          std::to_string(first) + ", but " + std::to_string(held) +
                          " of its positions are held");
      }
      if (first + batch.length_of(b) > max_seq_len) {
        throw ConfigError("Memory: sequence " + std::to_string(b) + " would be " +
                          std::to_string(first + batch.length_of(b)) +
                          " positions long, but max_seq_len is " + std::to_string(max_seq_len));
      }
    }
  }
  /// After the pass: the slots hold each sequence up to its last row, and nothing behind it.
  void end(Batch const& batch) {
    for (int b = 0; b < batch_size; ++b) {
      lens[std::size_t(b)] = batch.position_of(b) + batch.length_of(b);
    }
  }
};

/// The rows of every sequence seen so far: sequence b starts at row b * stride.
template <class B>
struct History {
  Tensor<B> rows;
  int len = 0, stride = 0;  // of sequences at positions of their own, `len` is that of the longest
                            // that there may be
};

/// What a module needs beside its own config and weights: the backend, memory for results, the
/// batch, and where we are.
template <class B>
struct Context {
  using Scalar = typename B::Scalar;
  B& backend;
  StepMemory<B>& arena;
  Batch batch{};
  bool training = true;
  int layer = 0;
  std::uint64_t seed = 1;  ///< of random draws
  std::uint64_t step = 0;  ///< counts training passes: same step, same draws
  double loss_scale = 1;   ///< gradients of auxiliary losses are multiplied by this
  double* losses =
      nullptr;  ///< [2] on the backend: the summed loss of the outputs, and the weighted
                ///< auxiliary losses of this pass; null: on the step memory, if needed
  Memory<B>* memory = nullptr;
  RoutingHook<B>* hook = nullptr;     ///< sees and changes routing; null: nobody does
  int mixtures = 0;                   ///< how many mixtures of this pass have begun to route
  Scalar const* values = nullptr;     ///< the flat arena of all parameters, and that of their
  Scalar const* gradients = nullptr;  ///< gradients, where an optimizer step adds them up

  /// What the earlier passes of this optimizer step have collected in the place of `state` among
  /// the gradients; null where nothing is collected.
  [[nodiscard]] Scalar const* collected(Weight<B> const& state) const {
    return gradients == nullptr ? nullptr : gradients + (state.data - values);
  }
  /// What a module draws in this layer and step. `purpose` keeps its draws apart from those of
  /// others.
  [[nodiscard]] Random random(std::string_view purpose) const {
    return Random(seed, stream_of(purpose) ^ Random(step, std::uint64_t(layer)).bits(0));
  }

  /// Where the loss of the outputs is written, on the backend.
  [[nodiscard]] double* loss_sum() {
    if (losses == nullptr) {
      losses = numbers<double>(2).data();
      backend.space().fill(losses, 0, 2 * sizeof(double));
    }
    return losses;
  }
  /// Where auxiliary losses add themselves, on the backend.
  [[nodiscard]] double* auxiliary_sum() { return loss_sum() + 1; }
  /// What they have added so far. Reading it is one synchronisation.
  [[nodiscard]] double auxiliary_loss() const {
    double sum = 0;
    if (losses != nullptr) backend.space().copy_to_host(&sum, losses + 1, sizeof sum);
    return sum;
  }

  /// A result of [rows, cols], not initialised.
  [[nodiscard]] Tensor<B> tensor(int rows, int cols) {
    require(rows >= 0 && cols >= 0, "Context: rows and cols must not be negative", rows, cols);
    auto const limit = std::numeric_limits<std::ptrdiff_t>::max() / std::ptrdiff_t(sizeof(Scalar));
    require(cols == 0 || std::ptrdiff_t(rows) <= limit / cols,
            "Context: rows * cols must be addressable", rows, cols);
    auto const bytes = sizeof(Scalar) * std::size_t(rows) * std::size_t(cols);
    return {static_cast<Scalar*>(arena.numbers.take(bytes)), rows, cols};
  }
  /// `n` numbers in the backend's space, not initialised.
  template <class T>
  [[nodiscard]] std::span<T> numbers(int n) {
    static_assert(std::is_trivially_copyable_v<T>, "Context::numbers: only plain data");
    require(n >= 0, "Context::numbers: the count must not be negative", n, 0);
    return {static_cast<T*>(arena.numbers.take(sizeof(T) * std::size_t(n))), std::size_t(n)};
  }
  /// The same numbers in the backend's space: themselves where it is the host's, else a copy.
  template <class T>
  [[nodiscard]] std::span<T const> on_backend(std::span<T const> on_host) {
    if constexpr (B::Space::is_host) {
      return on_host;
    } else {
      if (on_host.data() == nullptr) return on_host;
      auto const copy = numbers<T>(static_cast<int>(on_host.size()));
      backend.space().copy_from_host(copy.data(), on_host.data(), on_host.size_bytes());
      return copy;
    }
  }
  /// `n` objects on the host that live until the step is over. They are never destroyed.
  template <class T>
  [[nodiscard]] std::span<T> make(int n) {
    static_assert(
        std::is_trivially_destructible_v<T>,
        "Context::make: caches live on the arena and are never destroyed, so they must be "
        "trivially destructible");
    require(n >= 0, "Context::make: the count must not be negative", n, 0);
    auto* first = static_cast<T*>(arena.host.take(sizeof(T) * std::size_t(n)));
    std::uninitialized_value_construct_n(first, n);
    return {first, std::size_t(n)};
  }
};

}  // namespace moenda
