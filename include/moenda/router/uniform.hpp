// SPDX-License-Identifier: Apache-2.0
#pragma once
#include "moenda/ops/routing/selection.hpp"
#include "moenda/router/choice/control.hpp"

namespace moenda::router {

/// A control: experts take turns by position, whatever the content. All experts get the same number
/// of tokens where num_experts divides seq_len * top_k; else they differ by one per sequence.
///   experts of position t: (t top_k + i) mod num_experts for i in 0 .. top_k - 1, of weight
///   1/top_k
struct Uniform : Control<Uniform> {
  static constexpr char const* name = "uniform";
  static constexpr RouterTraits traits{.balanced_by_construction = true, .has_parameters = false};

  template <class B>
  static Tensor<B> select(Context<B>& ctx, int top_k, int items, int num_experts) {
    return ops::round_robin(ctx, top_k, items, num_experts);  // [items, num_experts]
  }
};

}  // namespace moenda::router
