// SPDX-License-Identifier: Apache-2.0
#pragma once
#include "moenda/module/rules.hpp"
#include "moenda/ops/elementwise/pointwise.hpp"
#include "moenda/ops/elementwise/random_numbers.hpp"

namespace moenda::router {

inline void check_jitter(double jitter, Problems& problems) {
  problems.expect(jitter >= 0 && jitter < 1, "jitter", "at least 0 and below 1", jitter);
}

/// What a router sees of x in training: x u, u ~ U(1 - jitter, 1 + jitter) for every number, so
/// that close decisions are tried both ways: Fedus et al. 2021, section 2.4. `noise` keeps u; it is
/// empty where nothing was done.   x [items, d_model] -> [items, d_model].
template <class B>
Tensor<B> add_jitter(Context<B>& ctx, double jitter, Tensor<B> x, Tensor<B>& noise) {
  noise = {};
  if (!ctx.training || jitter == 0) return x;
  auto u = ops::uniform(ctx, "router_jitter", x.rows, x.cols);  // [items, d_model]
  noise = ops::scale(ctx, u, 2 * jitter, 1 - jitter);           // [items, d_model]
  return ops::multiply(ctx, x, noise);
}
/// dx of what the router saw -> dx of x.
template <class B>
Tensor<B> add_jitter_backward(Context<B>& ctx, Tensor<B> dx, Tensor<B> noise) {
  return noise.data == nullptr ? dx : ops::multiply(ctx, dx, noise);
}

}  // namespace moenda::router
