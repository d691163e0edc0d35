// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <algorithm>

#include "moenda/core/fields.hpp"
#include "moenda/core/gates.hpp"
#include "moenda/module/rules.hpp"
#include "moenda/ops/elementwise/pointwise.hpp"
#include "moenda/ops/memory.hpp"
#include "moenda/router/choice/check_top_k.hpp"

namespace moenda::router {

/// What the controls share: a choice without weights to train, which never looks at x. `Choice`
/// says which experts, select(ctx, top_k, items, num_experts) [items, num_experts], all of weight
/// 1/top_k.
template <class Choice>
struct Control {
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
    auto selected = Choice::select(ctx, c.top_k, x.rows, num_experts);  // [items, num_experts]
    auto weights = ops::scale(ctx, selected, 1.0 / c.top_k);            // [items, num_experts]
    Gates<B> gates{selected, weights, {}, {}};
    gates.most_per_item = experts_per_item(c, num_experts);
    return gates;
  }
  template <class B>
  static Tensor<B> backward(Context<B>& ctx, Config const&, Params<B> const&, Params<B> const&,
                            Cache<B>& cache, GatesGrad<B> const&) {
    return ops::zeros(ctx, cache.x.rows, cache.x.cols);  // [items, d_model]
  }
};

}  // namespace moenda::router
