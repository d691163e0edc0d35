// SPDX-License-Identifier: Apache-2.0
#pragma once
#include "moenda/core/fields.hpp"
#include "moenda/core/weights.hpp"
#include "moenda/module/rules.hpp"
#include "moenda/ops/linear/embedding.hpp"

namespace moenda::input {

/// x_t = embedding[token t]. First values have a deviation of 1 (at the usual 0.02), because a
/// model without blocks has no norm that would make small ones large.
struct Tokens {
  static constexpr char const* name = "tokens";
  struct Config {
    int vocab_size = 0;
    MOENDA_FIELDS(Config, vocab_size);
  };
  template <class B>
  struct Params {
    Weight<B> embedding;  // [vocab_size, d_model]
    MOENDA_FIELDS(Params, embedding);
  };
  template <class B>
  struct Cache {};

  static void check(Config const& c, Setting const&, Problems& problems) {
    problems.expect(c.vocab_size >= 1 && c.vocab_size <= 1 << 28, "vocab_size",
                    "in 1.." + std::to_string(1 << 28), c.vocab_size);
  }
  /// Throws DataError unless every token, also in padding, is an id of the vocabulary.
  static void check_batch(Config const& c, Batch const& batch) {
    if (batch.tokens == nullptr && batch.rows() > 0) {
      throw DataError("Batch: the model reads tokens, but the batch has none");
    }
    ops::check_ids(batch.tokens, batch.rows(), c.vocab_size);
  }
  template <class B>
  static constexpr Params<B> params(Config const& c, int d_model) {
    return {weights::embedding(c.vocab_size, d_model, 50)};
  }
  template <class B>
  static Tensor<B> forward(Context<B>& ctx, Config const&, Params<B> const& p, Cache<B>&) {
    return ops::embedding(ctx, ctx.batch.tokens, ctx.batch.rows(), p.embedding);
  }
  /// Returns nothing: there is nothing before the input.
  template <class B>
  static Tensor<B> backward(Context<B>& ctx, Config const&, Params<B> const& p,
                            Params<B> const& grads, Cache<B>&, Tensor<B> dy) {
    ops::embedding_backward(ctx, dy, ctx.batch.tokens, p.embedding, grads.embedding);
    return {};
  }
};

}  // namespace moenda::input
