// SPDX-License-Identifier: Apache-2.0
#pragma once
#include "moenda/core/fields.hpp"
#include "moenda/core/gates.hpp"
#include "moenda/core/weights.hpp"
#include "moenda/module/rules.hpp"
#include "moenda/ops/linear/matmul.hpp"
#include "moenda/ops/memory.hpp"
#include "moenda/ops/norm/softmax.hpp"
#include "moenda/ops/routing/top_k.hpp"

namespace moenda::router {

/// Every item goes to every expert: the mixture of Jacobs et al. 1991, eq. 1, and the reference
/// that sparse routers are measured against. Nothing is discrete, so its gradient is exact.
///   logits = x weight^T;  weights = softmax(logits)
/// It is not Soft MoE (Puigcerver et al. 2023): there an expert reads slots, each a weighted mean
/// of all tokens. Gates say which items an expert reads, not a mixture of them, and that mean looks
/// ahead.
struct Dense {
  static constexpr char const* name = "dense";
  static constexpr RouterTraits traits{};
  struct Config {
    MOENDA_FIELDS(Config);
  };
  template <class B>
  struct Params {
    Weight<B> weight;  // [num_experts, d_model]
    MOENDA_FIELDS(Params, weight);
  };
  template <class B>
  struct Cache {
    Tensor<B> x;      // [items, d_model]
    Tensor<B> probs;  // [items, num_experts]
  };

  static constexpr int experts_per_item(Config const&, int num_experts) { return num_experts; }
  template <class B>
  static constexpr Params<B> params(Config const&, int d_model, int num_experts) {
    return {weights::router(num_experts, d_model)};
  }
  template <class B>
  static Gates<B> forward(Context<B>& ctx, Config const&, Params<B> const& p, Cache<B>& cache,
                          Tensor<B> x, int num_experts) {
    auto logits = ops::matmul(ctx, x, p.weight);                   // [items, num_experts]
    auto probs = ops::softmax(ctx, logits);                        // [items, num_experts]
    auto selected = ops::top_k_of_rows(ctx, logits, num_experts);  // [items, num_experts]
    cache = {x, probs};
    Gates<B> gates{selected, probs, probs, logits};
    gates.most_per_item = num_experts;
    return gates;
  }
  template <class B>
  static Tensor<B> backward(Context<B>& ctx, Config const&, Params<B> const& p,
                            Params<B> const& grads, Cache<B>& cache, GatesGrad<B> const& d) {
    auto dlogits = d.logits, dprobs = d.probs;  // [items, num_experts]
    ops::accumulate(ctx, dprobs, d.weights);
    ops::accumulate(ctx, dlogits, ops::softmax_backward(ctx, dprobs, cache.probs));
    return ops::matmul_backward(ctx, dlogits, cache.x, p.weight, grads.weight);  // [items, d_model]
  }
};

}  // namespace moenda::router
