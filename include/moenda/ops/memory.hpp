// SPDX-License-Identifier: Apache-2.0
#pragma once
#include "moenda/core/context.hpp"

namespace moenda::ops {

/// 0 in [rows, cols].
template <class B>
Tensor<B> zeros(Context<B>& ctx, int rows, int cols) {
  using Scalar = typename B::Scalar;
  auto y = ctx.tensor(rows, cols);
  fill(ctx.backend, y.data, Scalar(0), y.size());
  return y;
}

/// to = from, of the same size. Throws ConfigError otherwise.
template <class B>
void assign(Context<B>& ctx, Tensor<B> to, Tensor<B> from) {
  require(to.size() == from.size(), "assign: both must hold equally many scalars", to.size(),
          from.size());
  copy(ctx.backend, to.data, from.data, from.size());
}

/// to += from, of the same size. Throws ConfigError otherwise.
template <class B>
void accumulate(Context<B>& ctx, Tensor<B> to, Tensor<B> from) {
  require(to.size() == from.size(), "accumulate: both must hold equally many scalars", to.size(),
          from.size());
  add_forward(ctx.backend, to.data, to.data, from.data, from.size());
}

/// What attention sees of `now`, keys or values of [tokens, width]: in training `now` itself, in
/// decoding everything remembered with `now` appended, each sequence behind what it has, without
/// its padding. Throws ConfigError when the memory is full.
template <class B>
History<B> remember(Context<B>& ctx, Tensor<B> now) {
  auto const& batch = ctx.batch;
  if (ctx.memory == nullptr) return {now, batch.seq_len, batch.seq_len};
  auto& memory = *ctx.memory;
  require(batch.batch_size == memory.batch_size, "Memory: batch_size must stay the same",
          batch.batch_size, memory.batch_size);
  bool const together = batch.positions == nullptr;
  require(!together || batch.position + batch.seq_len <= memory.max_seq_len,
          "Memory: position + seq_len must fit max_seq_len", batch.position + batch.seq_len,
          memory.max_seq_len);
  auto const stride = std::ptrdiff_t(memory.max_seq_len) * now.cols;
  if (memory.cursor == memory.slots.size()) {
    memory.slots.emplace_back(ctx.backend, std::size_t(stride) * std::size_t(memory.batch_size));
  }
  auto& slot_values = memory.slots[memory.cursor++];
  require(std::ptrdiff_t(slot_values.size()) == stride * memory.batch_size,
          "Memory: it belongs to another model or size; slots must hold batch_size * max_seq_len * "
          "width scalars",
          std::ptrdiff_t(slot_values.size()), stride * memory.batch_size);
  auto* slot = slot_values.data();
  if (together && batch.lengths == nullptr) {
    auto const count = std::ptrdiff_t(batch.seq_len) * now.cols;
    copy_blocks(ctx.backend, slot + std::ptrdiff_t(batch.position) * now.cols, now.data,
                batch.batch_size, count, stride, count);
  } else {
    place_rows(ctx.backend, slot, now.data, batch.positions, batch.lengths, batch.position,
               batch.batch_size, batch.seq_len, memory.max_seq_len, now.cols);
  }
  return {{slot, batch.batch_size * memory.max_seq_len, now.cols},
          together ? batch.position + batch.seq_len : memory.max_seq_len,
          memory.max_seq_len};
}

}  // namespace moenda::ops
