// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <algorithm>
#include <string>

#include "moenda/core/fields.hpp"
#include "moenda/core/weights.hpp"
#include "moenda/module/concepts.hpp"
#include "moenda/ops/elementwise/activation.hpp"
#include "moenda/ops/linear/matmul.hpp"
#include "moenda/ops/memory.hpp"
#include "moenda/ops/norm/softmax.hpp"
#include "moenda/ops/routing/top_k.hpp"

namespace moenda::router {

/// Token choice by a router with a hidden layer: it can part the tokens along curves, where TopK
/// has only planes. Weights as in Shazeer et al. 2017, eq. 3-5 without the noise.
///   logits = silu(x hidden^T) output^T;  selected = top_k(logits);  weights = softmax(selected)
struct TwoLayer {
  static constexpr char const* name = "two_layer";
  static constexpr RouterTraits traits{};  // token by token, causal, trainable, not balanced
  struct Config {
    int top_k = 2, hidden = 16;
    MOENDA_FIELDS(Config, top_k, hidden);
  };
  template <class B>
  struct Params {
    Weight<B> hidden;  // [hidden, d_model]
    Weight<B> output;  // [num_experts, hidden]
    MOENDA_FIELDS(Params, hidden, output);
  };
  template <class B>
  struct Cache {
    Tensor<B> x;               // [items, d_model]
    Tensor<B> inner, active;   // [items, hidden] before and after silu
    Tensor<B> weights, probs;  // [items, num_experts]
  };

  static void check(Config const& c, Setting const& setting, Problems& problems) {
    problems.expect(c.hidden >= 1, "hidden", "at least 1", c.hidden);
    problems.expect(c.top_k >= 1 && c.top_k <= setting.num_experts, "top_k",
                    "in 1.." + std::to_string(setting.num_experts) + ", the number of experts",
                    c.top_k);
  }
  static constexpr int experts_per_item(Config const& c, int num_experts) {
    return std::min(c.top_k, num_experts);
  }
  template <class B>
  static constexpr Params<B> params(Config const& c, int d_model, int num_experts) {
    return {weights::router(c.hidden, d_model), weights::router(num_experts, c.hidden)};
  }
  template <class B>
  static Gates<B> forward(Context<B>& ctx, Config const& c, Params<B> const& p, Cache<B>& cache,
                          Tensor<B> x, int num_experts) {
    auto inner = ops::matmul(ctx, x, p.hidden);                // [items, hidden]
    auto active = ops::silu(ctx, inner);                       // [items, hidden]
    auto logits = ops::matmul(ctx, active, p.output);          // [items, num_experts]
    auto selected = ops::top_k_of_rows(ctx, logits, c.top_k);  // [items, num_experts]
    cache = {x, inner, active, ops::softmax(ctx, logits, selected), ops::softmax(ctx, logits)};
    Gates<B> gates{selected, cache.weights, cache.probs, logits};
    gates.most_per_item = experts_per_item(c, num_experts);
    return gates;
  }
  template <class B>
  static Tensor<B> backward(Context<B>& ctx, Config const&, Params<B> const& p,
                            Params<B> const& grads, Cache<B>& cache, GatesGrad<B> const& d) {
    auto dlogits = d.logits;  // [items, num_experts]
    ops::accumulate(ctx, dlogits, ops::softmax_backward(ctx, d.weights, cache.weights));
    ops::accumulate(ctx, dlogits, ops::softmax_backward(ctx, d.probs, cache.probs));
    auto dactive = ops::matmul_backward(ctx, dlogits, cache.active, p.output, grads.output);
    auto dinner = ops::silu_backward(ctx, dactive, cache.inner);                // [items, hidden]
    return ops::matmul_backward(ctx, dinner, cache.x, p.hidden, grads.hidden);  // [items, d_model]
  }
};

}  // namespace moenda::router
