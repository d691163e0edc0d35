// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <cmath>
#include <span>
#include <string>

#include "moenda/core/walk.hpp"
#include "moenda/core/weights.hpp"
#include "moenda/model/encoder.hpp"
#include "moenda/model/transformer_block.hpp"
#include "moenda/module/check.hpp"
#include "moenda/module/idle_parameters.hpp"
#include "moenda/ops/elementwise/pointwise.hpp"
#include "moenda/ops/linear/embedding.hpp"
#include "moenda/ops/linear/matmul.hpp"
#include "moenda/ops/loss/cross_entropy.hpp"

namespace moenda {

/// A causal language model: embedding, `num_layers` blocks of one kind, a final norm, and a head
/// that turns hidden states into logits over the vocabulary.
template <class Block>
struct LanguageModel {
  static_assert(sizeof(Block) > 0);  // completed first: its own sentences come first
  static_assert(!looks_ahead<Block>, MOENDA_RULE_CAUSAL);
  static constexpr char const* name = "language_model";
  using Blocks = Encoder<Block>;
  using Target = int;  ///< the next token's id; -1 counts nothing

  struct Config {
    int vocab_size = 0, context_length = 0, d_model = 0, num_layers = 0;
    bool tied_head = false;      ///< the head is the embedding: one weight with two uses
    double embedding_scale = 1;  ///< what blocks read is this times the embedding
    typename Block::Config block{};
    MOENDA_FIELDS(Config, vocab_size, context_length, d_model, num_layers, tied_head,
                  embedding_scale, block);
  };
  /// Those of the blocks, under their own names, between the embedding and the head.
  template <class B>
  struct Params : Blocks::template Params<B> {
    Weight<B> embedding;  // [vocab_size, d_model]
    Weight<B> head;       // [vocab_size, d_model], or [0, d_model] when tied
    MOENDA_FIELDS(Params, embedding, position, layers, final_norm, head);
  };
  template <class B>
  using Cache = typename Blocks::template Cache<B>;

  static constexpr void parts(auto&& f, Setting const&, Config const& c, auto&... of) {
    f(part<Blocks>("block"), c.block, of...);
  }
  static constexpr Setting inside(Config const& c, Setting const&) {
    return {.causal = true,
            .d_model = c.d_model,
            .context_length = c.context_length,
            .num_layers = c.num_layers,
            .vocab_size = c.vocab_size};
  }
  /// What is wrong with the configuration, with the keys where it is wrong.
  static Problems check(Config const& c) {
    Problems problems;
    auto const expect_size = [&](char const* key, int value, int least, int most) {
      problems.expect(value >= least && value <= most, key,
                      "in " + std::to_string(least) + ".." + std::to_string(most), value);
    };
    expect_size("vocab_size", c.vocab_size, 1, 1 << 28);
    expect_size("context_length", c.context_length, 1, 1 << 28);
    expect_size("d_model", c.d_model, 1, 1 << 20);
    expect_size("num_layers", c.num_layers, 0, Blocks::max_layers);
    problems.expect(c.embedding_scale > 0 && std::isfinite(c.embedding_scale), "embedding_scale",
                    "above 0", c.embedding_scale);
    check_parts<LanguageModel>(c, {}, problems);
    return problems;
  }
  template <class B>
  static constexpr Params<B> params(Config const& c) {
    return {Blocks::template params<B>(c.block, inside(c, {})),
            weights::embedding(c.vocab_size, c.d_model),
            weights::matrix(c.tied_head ? 0 : c.vocab_size, c.d_model)};
  }
  /// All parameters.
  static constexpr std::ptrdiff_t parameter_count(Config const& c) {
    return moenda::parameter_count(params<Shapes>(c));
  }
  /// The parameters that one token uses: without the experts it is not sent to (their mean size,
  /// when experts differ).
  static constexpr std::ptrdiff_t active_parameter_count(Config const& c) {
    return parameter_count(c) - idle_parameters<LanguageModel>(c, {});
  }

  /// tokens [batch_size * seq_len] (in ctx.batch) -> hidden [tokens, d_model], after the final
  /// norm.
  template <class B>
  static Tensor<B> forward(Context<B>& ctx, Config const& c, Params<B> const& p,
                           typename Blocks::template Cache<B>& cache) {
    auto x = ops::embedding(ctx, ctx.batch.tokens, ctx.batch.rows(), p.embedding);
    if (c.embedding_scale != 1) x = ops::scale(ctx, x, c.embedding_scale);  // [tokens, d_model]
    return Blocks::template forward<B>(ctx, c.block, p, cache, x);
  }
  template <class B>
  static void backward(Context<B>& ctx, Config const& c, Params<B> const& p, Params<B> const& grads,
                       typename Blocks::template Cache<B>& cache, Tensor<B> dhidden) {
    auto dx = Blocks::template backward<B>(ctx, c.block, p, grads, cache, dhidden);
    if (c.embedding_scale != 1) dx = ops::scale(ctx, dx, c.embedding_scale);
    ops::embedding_backward(ctx, dx, ctx.batch.tokens, p.embedding, grads.embedding);
  }
  /// Throws ConfigError for sizes that the model cannot take, DataError for lengths outside
  /// 0..seq_len and for ids outside the vocabulary, also in padding.
  static void check_batch(Config const& c, Batch const& batch) {
    require(batch.batch_size >= 0 && batch.seq_len >= 0 && batch.position >= 0,
            "Batch: batch_size, seq_len and position must not be negative", batch.batch_size,
            batch.seq_len);
    require(batch.positions != nullptr ||
                std::int64_t(batch.position) + batch.seq_len <= c.context_length,
            "Batch: position + seq_len must fit context_length",
            std::int64_t(batch.position) + batch.seq_len, c.context_length);
    for (int b = 0; b < batch.batch_size; ++b) check_sequence(c, batch, b);
    ops::check_ids(batch.tokens, batch.rows(), c.vocab_size);
  }
  /// Throws DataError for a target that is neither -1 nor an id of the vocabulary.
  static void check_targets(Config const& c, std::span<Target const> targets) {
    ops::check_targets(targets, c.vocab_size);
  }
  /// One for every token.
  static std::int64_t target_count(Batch const& batch) { return batch.rows(); }
  /// hidden [tokens, d_model], targets [tokens] -> the sum of their losses, dhidden.
  template <class B>
  static auto loss_with_gradient(Context<B>& ctx, Config const& c, Params<B> const& p,
                                 Params<B> const& grads, Tensor<B> hidden, int const* targets,
                                 double scale) {
    return ops::cross_entropy_with_gradient(ctx, hidden, head(c, p), head(c, grads), targets,
                                            scale);
  }
  /// The sum alone; `losses`: null, or [tokens].
  template <class B>
  static double* loss(Context<B>& ctx, Config const& c, Params<B> const& p, Tensor<B> hidden,
                      int const* targets, typename B::Scalar* losses) {
    return ops::cross_entropy(ctx, hidden, head(c, p), targets, losses);
  }
  /// hidden [rows, d_model] -> logits [rows, vocab_size].
  template <class B>
  static Tensor<B> outputs(Context<B>& ctx, Config const& c, Params<B> const& p, Tensor<B> hidden) {
    return ops::matmul(ctx, hidden, head(c, p));
  }
  /// The weight that makes logits.
  template <class B>
  static Weight<B> const& head(Config const& c, Params<B> const& p) {
    return c.tied_head ? p.embedding : p.head;
  }

 private:
  static void check_sequence(Config const& c, Batch const& batch, int b) {
    auto const first = std::int64_t(batch.position_of(b)),
               length = std::int64_t(batch.length_of(b));
    auto const sequence = "sequence " + std::to_string(b);
    if (length < 0 || length > batch.seq_len) {
      throw DataError("Batch: the length of " + sequence + " is " + std::to_string(length) +
                      ", but lengths must lie in 0.." + std::to_string(batch.seq_len));
    }
    if (first < 0) {
      throw ConfigError("Batch: " + sequence + " starts at position " + std::to_string(first) +
                        ", but positions must be at least 0");
    }
    if (first + length > c.context_length) {
      throw ConfigError("Batch: " + sequence + " would be " + std::to_string(first + length) +
                        " positions long, but context_length is " +
                        std::to_string(c.context_length));
    }
  }
};

}  // namespace moenda
