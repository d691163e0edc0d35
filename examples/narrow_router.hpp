// SPDX-License-Identifier: Apache-2.0
#pragma once
#include "moenda/core/weights.hpp"
#include "moenda/moenda.hpp"

namespace moenda::router {

/// Token choice that looks at a token through few numbers: a router of low rank. Does a choice
/// among experts need the whole token?
///   logits = (x looks^T) names^T;  selected = top_k(logits);  weights = softmax(selected)
struct Narrow {
  static constexpr char const* name = "narrow";
  static constexpr RouterTraits traits{};
  struct Config {
    int top_k = 2, width = 2;
    MOENDA_FIELDS(Config, top_k, width);
  };
  template <class B>
  struct Params {
    Weight<B> looks;  // [width, d_model]
    Weight<B> names;  // [num_experts, width]
    MOENDA_FIELDS(Params, looks, names);
  };
  template <class B>
  struct Cache {
    Tensor<B> x, seen, weights;  // [items, d_model], [items, width], [items, num_experts]
  };

  static void check(Config const& c, Setting const& setting, Problems& problems) {
    problems.expect(c.width >= 1, "width", "at least 1", c.width);
    problems.expect(c.top_k >= 1 && c.top_k <= setting.num_experts, "top_k",
                    "in 1.." + std::to_string(setting.num_experts), c.top_k);
  }
  static constexpr int experts_per_item(Config const& c, int) { return c.top_k; }
  template <class B>
  static constexpr Params<B> params(Config const& c, int d_model, int num_experts) {
    return {weights::router(c.width, d_model), weights::router(num_experts, c.width)};
  }
  template <class B>
  static Gates<B> forward(Context<B>& ctx, Config const& c, Params<B> const& p, Cache<B>& cache,
                          Tensor<B> x, int /*num_experts*/) {
    auto seen = ops::matmul(ctx, x, p.looks);                  // [items, width]
    auto logits = ops::matmul(ctx, seen, p.names);             // [items, num_experts]
    auto selected = ops::top_k_of_rows(ctx, logits, c.top_k);  // [items, num_experts]
    cache = {x, seen, ops::softmax(ctx, logits, selected)};
    Gates<B> gates{selected, cache.weights, {}, logits};
    gates.most_per_item = c.top_k;
    return gates;
  }
  template <class B>
  static Tensor<B> backward(Context<B>& ctx, Config const&, Params<B> const& p,
                            Params<B> const& grads, Cache<B>& cache, GatesGrad<B> const& d) {
    auto dlogits = d.logits;  // [items, num_experts]
    ops::accumulate(ctx, dlogits, ops::softmax_backward(ctx, d.weights, cache.weights));
    auto dseen = ops::matmul_backward(ctx, dlogits, cache.seen, p.names, grads.names);
    return ops::matmul_backward(ctx, dseen, cache.x, p.looks, grads.looks);  // [items, d_model]
  }
};

}  // namespace moenda::router
