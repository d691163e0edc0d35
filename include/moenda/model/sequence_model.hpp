// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <cstdint>
#include <span>
#include <string>
#include <utility>

#include "moenda/core/walk.hpp"
#include "moenda/input/check_batch.hpp"
#include "moenda/input/features.hpp"
#include "moenda/input/tokens.hpp"
#include "moenda/model/encoder.hpp"
#include "moenda/model/transformer_block.hpp"
#include "moenda/module/check.hpp"
#include "moenda/module/idle_parameters.hpp"
#include "moenda/ops/sequence/mean_pool.hpp"
#include "moenda/output/check_targets.hpp"
#include "moenda/output/classes.hpp"
#include "moenda/output/value.hpp"

namespace moenda {

/// One answer for a whole sequence: Input (input::Tokens, input::Features or a OneOf of them),
/// `num_layers` blocks (NoBlock: none), a feed-forward layer such as
/// Mixture<router::PerSequence<..>, Experts<expert::Pooled<expert::Ffn>, expert::Gru>>, the mean
/// over the rows that are no padding, and Output (output::Classes, output::Value).
///   x = blocks(input);  hidden = mean_t FeedForward(x)_t;  outputs = Output(hidden)
/// The last layer has no residual connection: what the experts do not say is not heard, so that an
/// expert's worth shows in the result (Hecto, Pandey et al. 2025). With `causal = false` in the
/// configuration of the blocks' attention every row sees the whole sequence and the model is an
/// encoder (Devlin et al. 2019); padding is seen by nobody. Routers and experts may look at the
/// whole sequence either way. Without blocks nothing but the experts knows the order of the rows.
template <class Input, class Block, class FeedForward, class Output>
struct SequenceModel {
  static_assert(sizeof(FeedForward) > 0);  // completed first: its own sentences come first
  static_assert(
      LayerLike<FeedForward>,
      "SequenceModel: the feed-forward must be a layer: a Mixture<...>, or an expert such "
      "as expert::Gru or expert::Pooled<expert::Ffn>");
  static constexpr char const* name = "sequence_model";
  using Blocks = Encoder<Block>;
  using Target = typename Output::Target;

  struct Config {
    int context_length = 0, d_model = 0, num_layers = 0;
    typename Input::Config input{};
    typename Block::Config block{};
    typename FeedForward::Config ffn{};
    typename Output::Config output{};
    MOENDA_FIELDS(Config, context_length, d_model, num_layers, input, block, ffn, output);
  };
  template <class B>
  struct Params {
    typename Input::template Params<B> input;
    typename Blocks::template Params<B> encoder;
    typename FeedForward::template Params<B> ffn;
    typename Output::template Params<B> output;
    MOENDA_FIELDS(Params, input, encoder, ffn, output);
  };
  template <class B>
  struct Cache {
    typename Input::template Cache<B> input;
    typename Blocks::template Cache<B> encoder;
    typename FeedForward::template Cache<B> ffn;
  };

  /// Without blocks there is no config of one. The last layer is a stack of its own.
  static constexpr void parts(auto&& f, Setting const&, Config const& c, auto&... of) {
    f(part<Input>("input"), c.input, of.input...);
    if (c.num_layers > 0 || sizeof...(of) > 0) f(part<Blocks>("block"), c.block, of.encoder...);
    auto last = part<FeedForward>("ffn");
    last.layers_before = c.num_layers;
    f(last, c.ffn, of.ffn...);
    f(part<Output>("output"), c.output, of.output...);
  }
  static constexpr Setting inside(Config const& c, Setting const&) {
    return {.d_model = c.d_model, .context_length = c.context_length, .num_layers = c.num_layers};
  }
  /// What is wrong with the configuration, with the keys where it is wrong.
  static Problems check(Config const& c) {
    Problems problems;
    auto const expect_size = [&](char const* key, int value, int least, int most) {
      problems.expect(value >= least && value <= most, key,
                      "in " + std::to_string(least) + ".." + std::to_string(most), value);
    };
    expect_size("context_length", c.context_length, 1, 1 << 28);
    expect_size("d_model", c.d_model, 1, 1 << 20);
    expect_size("num_layers", c.num_layers, 0, Blocks::max_layers);
    check_parts<SequenceModel>(c, {}, problems);
    return problems;
  }
  template <class B>
  static constexpr Params<B> params(Config const& c) {
    return {Input::template params<B>(c.input, c.d_model),
            Blocks::template params<B>(c.block, inside(c, {})),
            layer_params<FeedForward, B>(c.ffn, c.d_model, LayerIndex{0}),
            Output::template params<B>(c.output, c.d_model)};
  }
  /// All parameters.
  static constexpr std::ptrdiff_t parameter_count(Config const& c) {
    return moenda::parameter_count(params<Shapes>(c));
  }
  /// Those that one sequence uses: without the experts it is not sent to.
  static constexpr std::ptrdiff_t active_parameter_count(Config const& c) {
    return parameter_count(c) - idle_parameters<SequenceModel>(c, {});
  }

  /// tokens or features of ctx.batch -> hidden [batch_size, d_model].
  template <class B>
  static Tensor<B> forward(Context<B>& ctx, Config const& c, Params<B> const& p, Cache<B>& cache) {
    auto x = Input::forward(ctx, c.input, p.input, cache.input);  // [tokens, d_model]
    x = Blocks::forward(ctx, c.block, p.encoder, cache.encoder, x);
    ctx.layer = c.num_layers;
    auto const y = FeedForward::forward(ctx, c.ffn, p.ffn, cache.ffn, x);  // [tokens, d_model]
    return ops::mean_pool(ctx, y);
  }
  template <class B>
  static void backward(Context<B>& ctx, Config const& c, Params<B> const& p, Params<B> const& grads,
                       Cache<B>& cache, Tensor<B> dhidden) {
    ctx.layer = c.num_layers;
    auto dx = ops::mean_pool_backward(ctx, dhidden);  // [tokens, d_model]
    dx = FeedForward::backward(ctx, c.ffn, p.ffn, grads.ffn, cache.ffn, dx);
    dx = Blocks::backward(ctx, c.block, p.encoder, grads.encoder, cache.encoder, dx);
    Input::backward(ctx, c.input, p.input, grads.input, cache.input, dx);
  }

  /// Throws ConfigError for sizes that the model cannot take, DataError for lengths outside
  /// 1..seq_len and for rows that the input refuses.
  static void check_batch(Config const& c, Batch const& batch) {
    require(batch.batch_size >= 0 && batch.seq_len >= 0,
            "Batch: batch_size and seq_len must not be negative", batch.batch_size, batch.seq_len);
    require(batch.position == 0 && batch.positions == nullptr,
            "Batch: a whole sequence must begin at position 0", batch.position, 0);
    require(batch.seq_len <= c.context_length, "Batch: seq_len must fit context_length",
            batch.seq_len, c.context_length);
    require(batch.batch_size == 0 || batch.seq_len >= 1,
            "Batch: a sequence must have at least one row", batch.seq_len, 1);
    for (int b = 0; batch.lengths != nullptr && b < batch.batch_size; ++b) {
      if (batch.lengths[b] >= 1 && batch.lengths[b] <= batch.seq_len) continue;
      throw DataError("Batch: the length of sequence " + std::to_string(b) + " is " +
                      std::to_string(batch.lengths[b]) + ", but lengths must lie in 1.." +
                      std::to_string(batch.seq_len));
    }
    moenda::check_batch<Input>(c.input, batch);
  }
  /// Lets the output refuse targets that it does not know: throws DataError.
  static void check_targets(Config const& c, std::span<Target const> targets) {
    moenda::check_targets<Output>(c.output, targets);
  }
  /// One for every sequence.
  static std::int64_t target_count(Batch const& batch) { return batch.batch_size; }
  /// hidden [batch_size, d_model], targets [batch_size] -> the sum of their losses, dhidden.
  template <class B>
  static auto loss_with_gradient(Context<B>& ctx, Config const&, Params<B> const& p,
                                 Params<B> const& grads, Tensor<B> hidden, Target const* targets,
                                 double scale) {
    return Output::loss_with_gradient(ctx, p.output, grads.output, hidden, targets, scale);
  }
  /// The sum alone; `losses`: null, or [batch_size].
  template <class B>
  static double* loss(Context<B>& ctx, Config const&, Params<B> const& p, Tensor<B> hidden,
                      Target const* targets, typename B::Scalar* losses) {
    return Output::loss(ctx, p.output, hidden, targets, losses);
  }
  /// hidden [batch_size, d_model] -> logits [batch_size, num_classes] or values [batch_size, 1].
  template <class B>
  static Tensor<B> outputs(Context<B>& ctx, Config const&, Params<B> const& p, Tensor<B> hidden) {
    return Output::outputs(ctx, p.output, hidden);
  }
};

template <class Input, class Block, class FeedForward>
using SequenceClassifier = SequenceModel<Input, Block, FeedForward, output::Classes>;
template <class Input, class Block, class FeedForward>
using SequenceRegressor = SequenceModel<Input, Block, FeedForward, output::Value>;

}  // namespace moenda
