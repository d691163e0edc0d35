// SPDX-License-Identifier: Apache-2.0
#pragma once
// Output projection, softmax and loss in one, a chunk of rows at a time: the logits of a whole
// batch, [rows, vocab_size], would be the largest tensor of training and never exist.
#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>
#include <string>

#include "moenda/cpu/declarations.hpp"
#include "moenda/cpu/kernels/exponential.hpp"
#include "moenda/cpu/kernels/linear/matmul.hpp"
#include "moenda/cpu/kernels/loss/chunk_rows.hpp"

namespace moenda::cpu::MOENDA_LEVEL {

/// Throws DataError unless every target is -1 (ignored) or a word of the vocabulary.
inline void check_targets(int const* targets, int rows, int vocab_size) {
  for (int row = 0; row < rows; ++row) {
    if (targets[row] < -1 || targets[row] >= vocab_size) {
      throw DataError("cross_entropy: the target of row " + std::to_string(row) + " is " +
                      std::to_string(targets[row]) + ", but must be -1 (ignored) or lie in 0.." +
                      std::to_string(vocab_size - 1) + " (vocab_size " +
                      std::to_string(vocab_size) + ")");
    }
  }
}

/// Replaces logits[count] by exp(logit - max), stores their sum, returns max. It works in as many
/// independent maxima and sums as a few registers hold: one chain of additions could be neither
/// vectorised nor, over a large vocabulary, as exact.
template <class T>
T exponentials_of_row(T* logits, int count, T* sum) {
  constexpr int parts = 64;
  alignas(64) T tops[parts], sums[parts] = {};
  std::fill_n(tops, parts, -std::numeric_limits<T>::infinity());
  int const whole = count - count % parts;
  for (int c = 0; c < whole; c += parts) {
    for (int i = 0; i < parts; ++i) tops[i] = logits[c + i] > tops[i] ? logits[c + i] : tops[i];
  }
  T max = *std::max_element(tops, tops + parts);
  for (int c = whole; c < count; ++c) max = std::max(max, logits[c]);
  for (int c = 0; c < whole; c += parts) {
    for (int i = 0; i < parts; ++i) {
      T const e = exponential(logits[c + i] - max);
      logits[c + i] = e;
      sums[i] += e;
    }
  }
  *sum = 0;
  for (T const part : sums) *sum += part;
  for (int c = whole; c < count; ++c) *sum += logits[c] = exponential(logits[c] - max);
  return max;
}

/// The loss of one row of logits. With `gradient`, the logits become scale * (softmax - onehot).
template <class T>
double cross_entropy_row(T* logits, int target, T scale, int vocab_size, bool gradient) {
  if (target < 0) {
    std::fill_n(logits, vocab_size, T(0));
    return 0;
  }
  double const wanted = static_cast<double>(logits[target]);
  T sum = 0;
  double const max = static_cast<double>(exponentials_of_row(logits, vocab_size, &sum));
  if (gradient) {
    T const factor = scale / sum;
    for (int c = 0; c < vocab_size; ++c) logits[c] *= factor;
    logits[target] -= scale;
  }
  return max - wanted + std::log(static_cast<double>(sum));
}

/// Cross entropy of softmax(x w^T) against targets; a target of -1 counts nothing.
///   x, dx [rows, cols]   w, dw [vocab_size, cols]   targets, losses [rows]
/// loss_sum is assigned, summed in double in the order of the rows. dx (assigned) and dw (added to)
/// are scale * gradient. dw null: nobody trains w; both null: loss only, and w may be stored.
/// `losses` may be null. Throws ConfigError for a bad shape, dw without dx or gradients of a stored
/// w, DataError for a target outside the vocabulary, before anything is computed.
template <class T>
void cross_entropy(Backend<T>& backend, double* loss_sum, T* losses, T* dx, T* dw, T const* x,
                   Kept<T> w, int const* targets, T scale, int rows, int vocab_size, int cols,
                   Precision precision) {
  require(rows >= 0, "cross_entropy: rows must be at least 0", rows, 0);
  require(vocab_size >= 1, "cross_entropy: vocab_size must be at least 1", vocab_size, 1);
  require(cols >= 1, "cross_entropy: cols must be at least 1", cols, 1);
  require(dx != nullptr || dw == nullptr, "cross_entropy: dw needs dx (given: dx vs dw)",
          dx != nullptr, dw != nullptr);
  bool const gradient = dx != nullptr;
  T const* const plain = gradient ? w.plain("cross_entropy: w, with gradients,") : nullptr;
  check_targets(targets, rows, vocab_size);

  int const chunk = std::min(rows, cross_entropy_chunk_rows(vocab_size));
  // One buffer: the rows' losses in front, in double, then the logits on the next 64 bytes.
  auto const front = (static_cast<std::size_t>(chunk) * sizeof(double) + 63) / 64 * 64;
  auto const logits_count = static_cast<std::size_t>(chunk) * static_cast<std::size_t>(vocab_size);
  auto* const buffer =
      backend.template scratch<std::byte>(Backend<T>::reduction, front + logits_count * sizeof(T));
  auto* const chunk_losses = reinterpret_cast<double*>(buffer);
  auto* const logits = reinterpret_cast<T*>(buffer + front);

  *loss_sum = 0;
  for (int first = 0; first < rows; first += chunk) {
    int const count = std::min(chunk, rows - first);
    auto const at = static_cast<std::ptrdiff_t>(first) * cols;
    matmul_forward(backend, logits, x + at, w, count, vocab_size, cols, precision);
    backend.pool.parallel_for(count, [&](std::int64_t begin, std::int64_t end) {
      for (auto row = begin; row < end; ++row) {
        chunk_losses[row] = cross_entropy_row(logits + row * vocab_size, targets[first + row],
                                              scale, vocab_size, gradient);
      }
    });
    for (int row = 0; row < count; ++row) *loss_sum += chunk_losses[row];
    if (losses != nullptr) {
      for (int row = 0; row < count; ++row) losses[first + row] = static_cast<T>(chunk_losses[row]);
    }
    if (gradient) {
      matmul_backward_input(backend, dx + at, logits, plain, count, vocab_size, cols, precision);
    }
    if (dw != nullptr) {
      matmul_backward_weight(backend, dw, logits, x + at, count, vocab_size, cols, precision);
    }
  }
}

}  // namespace moenda::cpu::MOENDA_LEVEL
