// SPDX-License-Identifier: Apache-2.0
#pragma once
#include "moenda/module/concepts.hpp"
#include "moenda/module/name.hpp"
#include "moenda/module/wraps.hpp"
#include "moenda/ops/sequence/mean_pool.hpp"

namespace moenda::expert {

/// An expert on one vector per sequence: what is an order-free opinion beside a recurrent expert,
/// as in Hecto (Pandey et al. 2025), whose feed-forward expert sees a single vector.
///   y_t = Inner(mean of the rows that are no padding), the same at every row
template <ExpertLike Inner>
struct Pooled : Wraps<Inner> {
  static constexpr char const* name = joined_name<"pooled_", Inner>;
  static constexpr Granularity granularity = Granularity::sequence;
  using Config = typename Inner::Config;

  static void check(Config const&, Setting const& setting, Problems& problems) {
    if (setting.causal) {
      problems.add(
          "Pooled: the mean of a sequence knows its later tokens, so it has no place in a "
          "causal model");
    }
  }
  template <class B>
  static Tensor<B> forward(Context<B>& ctx, Config const& c,
                           typename Inner::template Params<B> const& p,
                           typename Inner::template Cache<B>& cache, Tensor<B> x) {
    auto const pooled = ops::mean_pool(ctx, x);  // [batch_size, d_model]
    auto const y = on_vectors(ctx, pooled.rows, [&] {
      return Inner::forward(ctx, c, p, cache, pooled);  // [batch_size, d_model]
    });
    return ops::repeat_rows(ctx, y);
  }
  template <class B>
  static Tensor<B> backward(Context<B>& ctx, Config const& c,
                            typename Inner::template Params<B> const& p,
                            typename Inner::template Params<B> const& grads,
                            typename Inner::template Cache<B>& cache, Tensor<B> dy) {
    auto const dvector = ops::repeat_rows_backward(ctx, dy);  // [batch_size, d_model]
    auto const dpooled = on_vectors(ctx, dvector.rows, [&] {
      return Inner::backward(ctx, c, p, grads, cache, dvector);  // [batch_size, d_model]
    });
    return ops::mean_pool_backward(ctx, dpooled);
  }

 private:
  /// f() where the batch is one row per sequence.
  template <class B, class F>
  static Tensor<B> on_vectors(Context<B>& ctx, int sequences, F f) {
    auto const outer = ctx.batch;
    ctx.batch = {nullptr, sequences, 1};
    auto const y = f();
    ctx.batch = outer;
    return y;
  }
};

}  // namespace moenda::expert
