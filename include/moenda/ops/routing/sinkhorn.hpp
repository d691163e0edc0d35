// SPDX-License-Identifier: Apache-2.0
#pragma once
#include "moenda/ops/sequence/padding.hpp"

namespace moenda::ops {

/// The logarithm of the plan that moves 1 / items from every item to the columns, 1 / cols to each,
/// and is nearest to exp(logits): `iterations` rounds of Sinkhorn. It has no gradient. Padding
/// takes no part: it gets what the columns' balance makes of its logits.
/// logits [items, cols] -> log_plan [items, cols]. Throws ConfigError unless iterations >= 1.
template <class B>
Tensor<B> sinkhorn(Context<B>& ctx, Tensor<B> logits, int iterations) {
  require(iterations >= 1, "sinkhorn: iterations must be at least 1", iterations, 1);
  auto const present = present_items(ctx, logits.rows);  // [items, 1]
  auto log_plan = ctx.tensor(logits.rows, logits.cols);  // [items, cols]
  sinkhorn_forward(ctx.backend, log_plan.data, logits.data, present.data, iterations, logits.rows,
                   logits.cols);
  return log_plan;
}

}  // namespace moenda::ops
