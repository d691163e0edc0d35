// SPDX-License-Identifier: Apache-2.0
#pragma once
#include "moenda/ops/elementwise/random_numbers.hpp"
#include "moenda/ops/routing/hash.hpp"
#include "moenda/ops/routing/top_k.hpp"
#include "moenda/router/choice/control.hpp"

namespace moenda::router {

/// A control: top_k experts drawn at random, of equal weight. A learned router must beat it. In
/// training every item draws anew in every step. At evaluation the draw is a fixed function of the
/// layer and of what the item is made of (ops::item_keys): a token's id and position, or all that a
/// sequence holds. So a text is always answered alike, in any batch, whole or token by token.
struct Random : Control<Random> {
  static constexpr char const* name = "random";
  static constexpr RouterTraits traits{.has_parameters = false};

  template <class B>
  static Tensor<B> select(Context<B>& ctx, int top_k, int items, int num_experts) {
    auto draws =
        ctx.training  // [items, num_experts]
            ? ops::uniform(ctx, "random_router", items, num_experts)
            : ops::uniform_of_keys(ctx, "random_router", ops::item_keys(ctx, items), num_experts);
    return ops::top_k_of_rows(ctx, draws, top_k);  // [items, num_experts]
  }
};

}  // namespace moenda::router
