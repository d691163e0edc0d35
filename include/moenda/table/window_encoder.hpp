// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <vector>

#include "moenda/core/weights.hpp"
#include "moenda/expert/ffn.hpp"
#include "moenda/ops/elementwise/add.hpp"
#include "moenda/ops/elementwise/pointwise.hpp"
#include "moenda/ops/linear/embedding.hpp"
#include "moenda/ops/linear/matmul.hpp"
#include "moenda/ops/memory.hpp"

namespace moenda {

/// Windows of tokens, each turned into one vector by itself: the words of a window side by side
/// (Collobert et al. 2011, section 3.3), then residual feed-forward layers.
///   h = gelu([e_1 ... e_w] weight^T + bias);   h = h + ffn(h)
struct WindowEncoder {
  struct Config {
    int vocab_size = 0;
    int window = 1;  ///< tokens of a window
    int d_word = 0, d_model = 0, num_layers = 0;
  };
  template <class B>
  struct Params {
    Weight<B> embedding;  // [vocab_size, d_word]
    Weight<B> weight;     // [d_model, window * d_word]
    Weight<B> bias;       // [1, d_model]
    std::vector<expert::Ffn::Params<B>> layers;
    MOENDA_FIELDS(Params, embedding, weight, bias, layers);
  };
  template <class B>
  struct Cache {
    Tensor<B> x;    // [windows, window * d_word]
    Tensor<B> sum;  // [windows, d_model] before the activation
    std::span<expert::Ffn::Cache<B>> layers;
  };

  template <class B>
  static constexpr Params<B> params(Config const& c) {
    Params<B> p{weights::embedding(c.vocab_size, c.d_word),
                weights::matrix(c.d_model, c.window * c.d_word),
                weights::bias(c.d_model),
                {}};
    for (int l = 0; l < c.num_layers; ++l) p.layers.push_back(layer<B>(c));
    return p;
  }
  /// tokens [rows] (in ctx.batch) -> [rows / window, d_model].
  template <class B>
  static Tensor<B> forward(Context<B>& ctx, Config const& c, Params<B> const& p, Cache<B>& cache) {
    int const rows = ctx.batch.rows();
    auto const words = ops::embedding(ctx, ctx.batch.tokens, rows, p.embedding);  // [rows, d_word]
    cache.x = words.reshape(rows / c.window, c.window * c.d_word);
    cache.sum = ops::add_row(ctx, ops::matmul(ctx, cache.x, p.weight), p.bias);
    auto h = ops::gelu(ctx, cache.sum);  // [windows, d_model]
    cache.layers = ctx.template make<expert::Ffn::Cache<B>>(c.num_layers);
    for (std::size_t l = 0; l < p.layers.size(); ++l) {
      h = ops::add(ctx, h, expert::Ffn::forward(ctx, ffn(c), p.layers[l], cache.layers[l], h));
    }
    return h;
  }
  template <class B>
  static void backward(Context<B>& ctx, Config const& c, Params<B> const& p, Params<B> const& grads,
                       Cache<B>& cache, Tensor<B> dh) {
    for (std::size_t l = p.layers.size(); l-- > 0;) {
      auto dx =
          expert::Ffn::backward(ctx, ffn(c), p.layers[l], grads.layers[l], cache.layers[l], dh);
      ops::accumulate(ctx, dx, dh);
      dh = dx;
    }
    auto const dsum = ops::gelu_backward(ctx, dh, cache.sum);  // [windows, d_model]
    ops::add_row_backward(ctx, dsum, grads.bias);
    auto const dx = ops::matmul_backward(ctx, dsum, cache.x, p.weight, grads.weight);
    ops::embedding_backward(ctx, dx.reshape(ctx.batch.rows(), c.d_word), ctx.batch.tokens,
                            p.embedding, grads.embedding);
  }

 private:
  static constexpr expert::Ffn::Config ffn(Config const& c) { return {.hidden = 2 * c.d_model}; }
  template <class B>
  static constexpr expert::Ffn::Params<B> layer(Config const& c) {
    return expert::Ffn::params<B>(ffn(c), c.d_model);
  }
};

}  // namespace moenda
