// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <algorithm>
#include <utility>
#include <vector>

#include "moenda/core/fields.hpp"
#include "moenda/module/concepts.hpp"
#include "moenda/module/per_layer.hpp"
#include "moenda/ops/memory.hpp"
#include "moenda/position/position_of.hpp"

namespace moenda {

/// In the place of a block: the model has none, and what it reads goes straight to its last layer.
struct NoBlock {
  static constexpr char const* name = "none";
  struct Config {
    MOENDA_FIELDS(Config);
  };
};

/// Blocks of one kind, one after the other, between a position scheme and a final norm.
template <class Block>
struct Encoder {
  static_assert(sizeof(Block) > 0);  // completed first: its own sentences come first
  using Norm = typename Block::Norm;
  using PositionOf = position::PositionOf<typename Block::Attention>;
  using Position = typename PositionOf::Module;
  static constexpr int max_layers = 1 << 14;
  using Config = typename Block::Config;

  template <class B>
  struct Params {
    typename Position::template Params<B> position;
    std::vector<typename Block::template Params<B>> layers;
    typename Norm::template Params<B> final_norm;
    MOENDA_FIELDS(Params, position, layers, final_norm);
  };
  template <class B>
  struct Cache {
    typename Position::template Cache<B> position;
    std::span<typename Block::template Cache<B>> layers;
    typename Norm::template Cache<B> final_norm;
  };

  /// A model without layers has the config of a block all the same. The rules of the position
  /// scheme are checked in the attention that owns it.
  static constexpr void parts(auto&& f, Setting const& at, Config const& c, auto&... of) {
    if constexpr (sizeof...(of) == 0) {
      for (int l = 0; l < std::clamp(at.num_layers, 1, max_layers); ++l) {
        auto layer = part<Block>();
        layer.layer = l;
        layer.count = at.num_layers > 0 ? 1 : 0;
        f(layer, c);
      }
    } else {
      f(part<Position>(), PositionOf::config(c.attention), of.position...);
      std::size_t const sizes[] = {of.layers.size()...};
      for (std::size_t l = 0; l < sizes[0]; ++l) {
        auto layer = part<Block>();
        layer.layer = int(l);
        f(layer, c, of.layers[l]...);
      }
    }
    f(part<Norm>("norm"), c.norm, of.final_norm...);
  }
  template <class B>
  static constexpr Params<B> params(Config const& c, Setting const& setting) {
    std::vector<typename Block::template Params<B>> layers;
    layers.reserve(setting.num_layers < 0 ? 0 : std::size_t(setting.num_layers));
    for (int l = 0; l < setting.num_layers; ++l) {
      layers.push_back(layer_params<Block, B>(c, setting.d_model, LayerIndex{l}));
    }
    return {Position::template params<B>(PositionOf::config(c.attention), setting.context_length,
                                         setting.d_model),
            std::move(layers), Norm::template params<B>(c.norm, setting.d_model)};
  }
  /// x [tokens, d_model] -> [tokens, d_model]. Overwrites x at evaluation.
  template <class B>
  static Tensor<B> forward(Context<B>& ctx, Config const& c, Params<B> const& p, Cache<B>& cache,
                           Tensor<B> x) {
    x = Position::forward(ctx, PositionOf::config(c.attention), p.position, cache.position, x);
    cache.layers = ctx.template make<typename Block::template Cache<B>>(int(p.layers.size()));
    for (std::size_t l = 0; l < p.layers.size(); ++l) {
      ctx.layer = int(l);
      auto const mark = ctx.arena.mark();
      auto const y = Block::forward(ctx, c, p.layers[l], cache.layers[l], x);
      if (ctx.training) {
        x = y;
      } else {  // nothing is kept for a backward: inference forgets each block
        ops::assign(ctx, x, y);
        ctx.arena.rewind(mark);
      }
    }
    return Norm::forward(ctx, c.norm, p.final_norm, cache.final_norm, x);
  }
  template <class B>
  static Tensor<B> backward(Context<B>& ctx, Config const& c, Params<B> const& p,
                            Params<B> const& grads, Cache<B>& cache, Tensor<B> dy) {
    auto dx = ctx.tensor(dy.rows, dy.cols);  // [tokens, d_model]
    auto const mark = ctx.arena.mark();
    ops::assign(ctx, dx,
                Norm::backward(ctx, c.norm, p.final_norm, grads.final_norm, cache.final_norm, dy));
    for (std::size_t l = p.layers.size(); l-- > 0;) {
      ctx.layer = int(l);
      ctx.arena.rewind(mark);  // gradients of activations live for one block only
      ops::assign(ctx, dx,
                  Block::backward(ctx, c, p.layers[l], grads.layers[l], cache.layers[l], dx));
    }
    ctx.arena.rewind(mark);
    return Position::backward(ctx, PositionOf::config(c.attention), p.position, grads.position,
                              cache.position, dx);
  }
};

template <>
struct Encoder<NoBlock> {
  using Config = NoBlock::Config;
  static constexpr int max_layers = 0;
  template <class B>
  struct Params {
    MOENDA_FIELDS(Params);
  };
  template <class B>
  struct Cache {};

  template <class B>
  static constexpr Params<B> params(NoBlock::Config const&, Setting const&) {
    return {};
  }
  template <class B>
  static Tensor<B> forward(Context<B>&, NoBlock::Config const&, Params<B> const&, Cache<B>&,
                           Tensor<B> x) {
    return x;
  }
  template <class B>
  static Tensor<B> backward(Context<B>&, NoBlock::Config const&, Params<B> const&, Params<B> const&,
                            Cache<B>&, Tensor<B> dy) {
    return dy;
  }
};

}  // namespace moenda
