// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <algorithm>

#include "moenda/core/fields.hpp"
#include "moenda/core/weights.hpp"
#include "moenda/module/concepts.hpp"
#include "moenda/ops/elementwise/pointwise.hpp"
#include "moenda/ops/linear/matmul.hpp"
#include "moenda/ops/memory.hpp"
#include "moenda/ops/routing/choice.hpp"

namespace moenda::expert {

/// y = sigmoid(<x, gate>) Expert(x): a shared expert that every token takes as much of as it wants.
/// Qwen2-MoE (Yang et al. 2024): Sum<Mixture<...>, Gated<SwiGlu>>.
template <ExpertLike Expert>
struct Gated {
  static constexpr char const* name = "gated";
  static constexpr Granularity granularity = Granularity::token;  // row by row: any unit will do
  static_assert(static_granularity<Expert>() == Granularity::token,
                "Gated: the expert must work row by row");
  using Config = typename Expert::Config;
  template <class B>
  struct Params {
    typename Expert::template Params<B> expert;
    Weight<B> gate;  // [1, d_model]
    MOENDA_FIELDS(Params, expert, gate);
  };
  template <class B>
  struct Cache {
    typename Expert::template Cache<B> expert;
    Tensor<B> x, y;              // [tokens, d_model], y of the expert
    Tensor<B> share;             // [tokens, 1]
    std::span<int const> first;  // [tokens] the only column of `share`
  };

  static constexpr void parts(auto&& f, Setting const&, Config const& c, auto&... of) {
    f(part<Expert>(), c, of.expert...);
  }
  template <class B>
  static constexpr Params<B> params(Config const& c, int d_model) {
    return {Expert::template params<B>(c, d_model), weights::router(1, d_model)};
  }
  template <class B>
  static Tensor<B> forward(Context<B>& ctx, Config const& c, Params<B> const& p, Cache<B>& cache,
                           Tensor<B> x) {
    cache.x = x;
    cache.y = Expert::forward(ctx, c, p.expert, cache.expert, x);         // [tokens, d_model]
    cache.share = ops::sigmoid(ctx, ops::matmul(ctx, x, p.gate));         // [tokens, 1]
    cache.first = ops::chosen_columns(ctx, cache.share);                  // [tokens]
    return ops::scale_by_chosen(ctx, cache.y, cache.share, cache.first);  // [tokens, d_model]
  }
  template <class B>
  static Tensor<B> backward(Context<B>& ctx, Config const& c, Params<B> const& p,
                            Params<B> const& grads, Cache<B>& cache, Tensor<B> dy) {
    auto dexpert = ops::scale_by_chosen(ctx, dy, cache.share, cache.first);  // [tokens, d_model]
    auto dshare = ops::zeros(ctx, dy.rows, 1);                               // [tokens, 1]
    ops::scale_by_chosen_backward(ctx, dy, cache.y, cache.first, dshare);
    auto dgate = ops::sigmoid_backward(ctx, dshare, cache.share);  // [tokens, 1]
    auto dx = Expert::backward(ctx, c, p.expert, grads.expert, cache.expert, dexpert);
    ops::accumulate(ctx, dx, ops::matmul_backward(ctx, dgate, cache.x, p.gate, grads.gate));
    return dx;
  }
};

}  // namespace moenda::expert
