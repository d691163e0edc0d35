// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <algorithm>

#include "moenda/core/fields.hpp"
#include "moenda/core/rules.hpp"
#include "moenda/ops/memory.hpp"
#include "moenda/ops/pointwise.hpp"
#include "moenda/ops/random_numbers.hpp"
#include "moenda/ops/selection.hpp"
#include "moenda/ops/top_k.hpp"
#include "moenda/router/check_top_k.hpp"
#include "moenda/router/gates.hpp"

namespace moenda::router {

/// A control: top_k experts by lot, of equal weight. What a learned router must beat. In training
/// every item draws anew in every step; at evaluation the lot is a fixed function of layer,
/// position and token id, so that a text is always answered alike, in any batch, whole or token by
/// token.
struct Random {
  static constexpr char const* name = "random";
  static constexpr RouterTraits traits{.has_parameters = false};
  struct Config {
    int top_k = 1;
    MOENDA_FIELDS(Config, top_k);
  };
  template <class>
  struct Params {
    MOENDA_FIELDS(Params);
  };
  template <class B>
  struct Cache {
    Tensor<B> x;  // [items, d_model]
  };

  static void check(Config const& c, Setting const& setting, Problems& problems) {
    check_top_k(c.top_k, setting, problems);
  }
  static constexpr int experts_per_item(Config const& c, int num_experts) {
    return std::min(c.top_k, num_experts);
  }
  template <class B>
  static constexpr Params<B> params(Config const&, int /*d_model*/, int /*num_experts*/) {
    return {};
  }
  template <class B>
  static Gates<B> forward(Context<B>& ctx, Config const& c, Params<B> const&, Cache<B>& cache,
                          Tensor<B> x, int num_experts) {
    cache.x = x;
    auto lots = ctx.training ? ops::uniform(ctx, "random_router", x.rows, num_experts)
                             : ops::uniform_of_tokens(ctx, "random_router", x.rows, num_experts);
    auto selected = ops::top_k_of_rows(ctx, lots, c.top_k);   // [items, num_experts]
    auto weights = ops::scale(ctx, selected, 1.0 / c.top_k);  // [items, num_experts]
    return {selected, weights, {}, {}};
  }
  template <class B>
  static Tensor<B> backward(Context<B>& ctx, Config const&, Params<B> const&, Params<B> const&,
                            Cache<B>& cache, GatesGrad<B> const&) {
    return ops::zeros(ctx, cache.x.rows, cache.x.cols);  // [items, d_model]
  }
};

}  // namespace moenda::router
