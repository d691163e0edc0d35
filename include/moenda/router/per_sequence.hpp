// SPDX-License-Identifier: Apache-2.0
#pragma once
#include "moenda/core/gates.hpp"
#include "moenda/module/name.hpp"
#include "moenda/module/wraps.hpp"
#include "moenda/ops/sequence/mean_pool.hpp"

namespace moenda::router {

/// Routes whole sequences: the inner router sees the mean of each sequence's rows, without its
/// padding, and its choice holds for all of them. In a causal model that is a look ahead, and the
/// traits say so.
///   pooled_b = mean_t x_bt;   gates = Inner(pooled)
template <class Inner>
struct PerSequence : Wraps<Inner> {
  static constexpr char const* name = joined_name<"per_sequence_", Inner>;
  static constexpr RouterTraits traits = [] {
    auto traits_of_inner = static_traits<Inner>();
    traits_of_inner.granularity = Granularity::sequence;
    traits_of_inner.causal_at_evaluation = false;
    return traits_of_inner;
  }();
  using Config = typename Inner::Config;

  /// x [batch_size * seq_len, d_model] -> gates of batch_size items.
  template <class B>
  static Gates<B> forward(Context<B>& ctx, Config const& c,
                          typename Inner::template Params<B> const& p,
                          typename Inner::template Cache<B>& cache, Tensor<B> x, int num_experts) {
    if (ctx.memory != nullptr) {
      throw ConfigError(
          "PerSequence: a whole sequence must be there to be routed, so it cannot be "
          "decoded token by token");
    }
    auto pooled = ops::mean_pool(ctx, x);  // [batch_size, d_model]
    return Inner::forward(ctx, c, p, cache, pooled, num_experts);
  }
  template <class B>
  static Tensor<B> backward(Context<B>& ctx, Config const& c,
                            typename Inner::template Params<B> const& p,
                            typename Inner::template Params<B> const& grads,
                            typename Inner::template Cache<B>& cache, GatesGrad<B> const& d) {
    auto dpooled = Inner::backward(ctx, c, p, grads, cache, d);  // [batch_size, d_model]
    return ops::mean_pool_backward(ctx, dpooled);
  }
};

}  // namespace moenda::router
