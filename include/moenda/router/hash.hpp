// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <array>
#include <cstdint>
#include <string>

#include "moenda/core/fields.hpp"
#include "moenda/core/gates.hpp"
#include "moenda/core/weights.hpp"
#include "moenda/module/fit.hpp"
#include "moenda/module/rules.hpp"
#include "moenda/ops/memory.hpp"
#include "moenda/ops/routing/hash.hpp"
#include "moenda/router/choice/balanced_table.hpp"
#include "moenda/router/choice/scores.hpp"

namespace moenda::router {

/// What is hashed: the token by itself or through a table that balances the training text, the pair
/// of the token and the one before it, the one before it, or the place in the sequence.
enum class HashKind { random, balanced, bigram, previous, position };
constexpr auto enum_names(HashKind) {
  return std::array{"random", "balanced", "bigram", "previous", "position"};
}

/// Hash layers, Roller et al. 2021, eq. 4: the expert is a fixed function of the token id, not of
/// the hidden state; there is nothing to train, and the weight is 1.
///   expert = hash(token) mod num_experts
/// MultiHash (section 3.2): N hashes each choose a slice of the feed-forward, and the slices are
/// concatenated. That is hashes = N here over num_experts = N K experts of hidden / N each, as the
/// product with concatenated slices is the sum of the products: hash h chooses one of the experts
/// h K .. (h + 1) K, all with weight 1.
/// Only `balanced` gives experts equal shares, and only of the text it was fitted to: a few tokens
/// make up most of a text, and one that makes up more than 1 / num_experts of it cannot be shared.
struct Hash {
  static constexpr char const* name = "hash";
  static constexpr RouterTraits traits{.has_parameters = false};
  static constexpr int max_vocab_size = 1 << 28;
  struct Config {
    HashKind kind = HashKind::random;
    int hashes = 1;
    int vocab_size = 0;      ///< ids in the table of kind = balanced; the others need none
    std::uint64_t salt = 1;  ///< another salt is another partition of the vocabulary
    bool per_layer = true;   ///< each layer has its own partition
    MOENDA_FIELDS(Config, kind, hashes, vocab_size, salt, per_layer);
  };
  template <class B>
  struct Params {
    Weight<B> table;  // [hashes, vocab_size] expert of the hash's own, from 1; balanced only
    MOENDA_FIELDS(Params, table);
  };
  template <class B>
  struct Cache {
    Tensor<B> x;  // [items, d_model] only its size is of interest
  };

  static void check(Config const& c, Setting const& setting, Problems& problems) {
    problems.expect(
        c.hashes >= 1 && setting.num_experts % std::max(1, c.hashes) == 0, "hashes",
        "a divisor of " + std::to_string(setting.num_experts) + ", the number of experts",
        c.hashes);
    if (c.kind != HashKind::balanced) return;
    problems.expect(
        c.vocab_size >= 1 && c.vocab_size <= max_vocab_size, "vocab_size",
        "that of the model, in 1.." + std::to_string(max_vocab_size) + ", when kind = balanced",
        c.vocab_size);
    problems.expect(
        setting.vocab_size == 0 || c.vocab_size == setting.vocab_size, "vocab_size",
        std::to_string(setting.vocab_size) + ", that of the model, when kind = balanced",
        c.vocab_size);
  }
  static constexpr WeightingRule weighting_rule(Config const&) { return {.by = WeighedBy::one}; }
  static constexpr int experts_per_item(Config const& c, int num_experts) {
    return std::min(c.hashes, num_experts);
  }
  template <class B>
  static constexpr Params<B> params(Config const& c, int /*d_model*/, int /*num_experts*/) {
    bool const balanced = c.kind == HashKind::balanced;
    return {weights::state(balanced ? c.hashes : 0, balanced ? c.vocab_size : 0)};
  }
  /// Fills the table of kind = balanced. Throws ConfigError unless there is a count for every id.
  template <class B>
  static void fit(TrainingText const& text, Config const& c, Params<B> const& p) {
    if (c.kind != HashKind::balanced) return;
    require(std::int64_t(text.token_counts.size()) == c.vocab_size,
            "Hash: there must be a token count for each of the vocab_size ids",
            static_cast<long long>(text.token_counts.size()), c.vocab_size);
    for (int h = 0; h < c.hashes; ++h) {
      moenda::Random const random(c.salt,
                                  first_stream(c, text.at.layer_number()) + std::uint64_t(h));
      auto const experts =
          balanced_table(text.token_counts, text.at.num_experts / c.hashes, random);
      auto* const row = p.table.data + std::ptrdiff_t(h) * c.vocab_size;
      for (std::size_t id = 0; id < experts.size(); ++id) {
        row[id] = typename B::Scalar(experts[id] + 1);
      }
    }
  }
  /// x [tokens, d_model] decides nothing; the ids come from the batch.
  template <class B>
  static Gates<B> forward(Context<B>& ctx, Config const& c, Params<B> const& p, Cache<B>& cache,
                          Tensor<B> x, int num_experts) {
    require(x.rows == ctx.batch.rows(), "Hash: an item must be a token of the batch", x.rows,
            ctx.batch.rows());
    cache.x = x;
    auto selected = c.kind == HashKind::balanced  // [tokens, num_experts]
                        ? ops::look_up_experts(ctx, p.table, num_experts)
                        : ops::hash_experts(ctx, keys(ctx, c.kind), c.salt,
                                            first_stream(c, ctx.layer), c.hashes, num_experts);
    Gates<B> gates{selected, selected, {}, {}};  // a weight of 1 wherever it is selected
    gates.most_per_item = experts_per_item(c, num_experts);
    return gates;
  }
  template <class B>
  static Tensor<B> backward(Context<B>& ctx, Config const&, Params<B> const&, Params<B> const&,
                            Cache<B>& cache, GatesGrad<B> const&) {
    return ops::zeros(ctx, cache.x.rows, cache.x.cols);  // [tokens, d_model]
  }

 private:
  static constexpr std::uint64_t first_stream(Config const& c, int layer) {
    return c.per_layer ? std::uint64_t(layer + 1) << 32 : 0;
  }
  template <class B>
  static ops::Keys keys(Context<B>& ctx, HashKind kind) {
    switch (kind) {
      case HashKind::bigram:
        return ops::previous_keys(ctx, true);
      case HashKind::previous:
        return ops::previous_keys(ctx, false);
      case HashKind::position:
        return ops::position_keys(ctx);
      default:
        return ops::token_keys(ctx);
    }
  }
};

}  // namespace moenda::router
