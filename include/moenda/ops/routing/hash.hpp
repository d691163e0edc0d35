// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <cstdint>
#include <span>

#include "moenda/core/context.hpp"
#include "moenda/ops/memory.hpp"

namespace moenda::ops {

/// What a hash is taken of, one key for every token of the batch or for every item.
using Keys = std::span<std::uint64_t>;

/// Throws ConfigError unless the batch brings the ids of its tokens.
inline void require_tokens(Batch const& batch) {
  require(batch.tokens != nullptr || batch.rows() == 0, "Hash: the batch must hold token ids",
          batch.tokens != nullptr, batch.rows());
}

/// The token itself.
template <class B>
Keys token_keys(Context<B>& ctx) {
  require_tokens(ctx.batch);
  auto keys = ctx.template numbers<std::uint64_t>(ctx.batch.rows());  // [tokens]
  token_keys(ctx.backend, keys.data(), ctx.batch.tokens, ctx.batch.rows());
  return keys;
}
/// Its position in the sequence.
template <class B>
Keys position_keys(Context<B>& ctx) {
  auto keys = ctx.template numbers<std::uint64_t>(ctx.batch.rows());  // [tokens]
  position_keys(ctx.backend, keys.data(), ctx.batch.position, ctx.batch.seq_len, ctx.batch.rows(),
                ctx.batch.positions);
  return keys;
}
/// The token before it in its sequence, in decoding the remembered one, and a mark of its own for
/// the first; with `with_token` the pair of both.
template <class B>
Keys previous_keys(Context<B>& ctx, bool with_token) {
  auto const& batch = ctx.batch;
  require_tokens(batch);
  auto ids = ctx.tensor(batch.rows(), 2);  // [tokens, 2]
  split_tokens(ctx.backend, ids.data, batch.tokens, batch.rows());
  auto const seen = remember(ctx, ids);
  auto keys = ctx.template numbers<std::uint64_t>(batch.rows());  // [tokens]
  // Without a memory a sequence begins here, wherever it stands.
  previous_keys(ctx.backend, keys.data(), seen.rows.data, with_token, seen.len - batch.seq_len,
                seen.stride, batch.seq_len, batch.rows(),
                ctx.memory == nullptr ? nullptr : batch.positions);
  return keys;
}

/// What an item is made of: of a token its id and position, of a row of channels these and its
/// position, of a whole sequence all its rows without padding. So an item keeps its key in whatever
/// batch, and a token whether it comes with its text or alone.   -> keys [items].
template <class B>
Keys item_keys(Context<B>& ctx, int items) {
  auto const& batch = ctx.batch;
  int const item_rows = items == 0 ? 1 : batch.rows() / items;
  require(std::ptrdiff_t(item_rows) * items == (items == 0 ? 0 : batch.rows()),
          "item_keys: the items must share the batch equally", items, batch.rows());
  auto keys = ctx.template numbers<std::uint64_t>(items);  // [items]
  item_keys(ctx.backend, keys.data(), batch.tokens, batch.features, batch.channels, batch.lengths,
            batch.position, batch.seq_len, item_rows, items, batch.positions);
  return keys;
}

/// selected: `hashes` experts per key, hash h among the h-th part of the experts, drawn from stream
/// first_stream + h of `salt`.   keys [tokens] -> selected [tokens, experts].
template <class B>
Tensor<B> hash_experts(Context<B>& ctx, Keys keys, std::uint64_t salt, std::uint64_t first_stream,
                       int hashes, int experts) {
  require(hashes >= 1 && experts % hashes == 0, "hash_experts: hashes must divide the experts",
          hashes, experts);
  auto selected = ctx.tensor(int(keys.size()), experts);  // [tokens, experts]
  hash_experts(ctx.backend, selected.data, keys.data(), salt, first_stream, hashes, selected.rows,
               experts);
  return selected;
}
/// The same from a table [hashes, vocab_size] of the number of the expert within its part, from 1.
/// Throws DataError where the table holds no expert for a token.
template <class B>
Tensor<B> look_up_experts(Context<B>& ctx, Weight<B> const& table, int experts) {
  require_tokens(ctx.batch);
  require(table.rows >= 1 && experts % table.rows == 0,
          "look_up_experts: the rows of the table must divide the experts", table.rows, experts);
  auto selected = ctx.tensor(ctx.batch.rows(), experts);  // [tokens, experts]
  look_up_experts(ctx.backend, selected.data, ctx.batch.tokens,
                  table.plain("look_up_experts: table"), table.cols, table.rows, selected.rows,
                  experts);
  return selected;
}

}  // namespace moenda::ops
