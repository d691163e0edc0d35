// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <algorithm>
#include <array>
#include <string>

#include "moenda/core/fields.hpp"
#include "moenda/core/rules.hpp"
#include "moenda/ops/matmul.hpp"
#include "moenda/ops/memory.hpp"
#include "moenda/ops/softmax.hpp"
#include "moenda/ops/top_k.hpp"
#include "moenda/router/gates.hpp"

namespace moenda::router {

/// How the combine weights of the selected experts are made. The first two give the same numbers by
/// algebra; the third (Switch, Fedus et al. 2021, eq. 2) does not: its weights sum to less than 1.
enum class Weighting { softmax_of_selected, softmax_then_renormalise, softmax_then_select };
constexpr auto enum_names(Weighting) {
  return std::array{"softmax_of_selected", "softmax_then_renormalise", "softmax_then_select"};
}

/// Token choice: every token goes to the top_k experts of largest logit. Shazeer et al. 2017, eq.
/// 3-5 without the noise; Mixtral and Qwen3 use softmax_of_selected.
///   logits = x weight^T;  selected = top_k(logits);  weights = softmax over the selected
struct TopK {
  static constexpr char const* name = "top_k";
  static constexpr RouterTraits traits{};
  struct Config {
    int top_k = 2;
    Weighting weighting = Weighting::softmax_of_selected;
    MOENDA_FIELDS(Config, top_k, weighting);
  };
  template <class B>
  struct Params {
    Weight<B> weight;  // [num_experts, d_model]
    MOENDA_FIELDS(Params, weight);
  };
  template <class B>
  struct Cache {
    Tensor<B> x;               // [items, d_model]
    Tensor<B> probs, weights;  // [items, num_experts]
    ops::SelectCache<B> select;
  };

  static void check(Config const& c, Setting const& setting, Problems& problems) {
    problems.expect(c.top_k >= 1 && c.top_k <= setting.num_experts, "top_k",
                    "in 1.." + std::to_string(setting.num_experts) + ", the number of experts",
                    c.top_k);
  }
  static constexpr int experts_per_item(Config const& c, int num_experts) {
    return std::min(c.top_k, num_experts);
  }
  template <class B>
  static constexpr Params<B> params(Config const&, int d_model, int num_experts) {
    return {{num_experts, d_model, WeightKind::router}};
  }
  template <class B>
  static Gates<B> forward(Context<B>& ctx, Config const& c, Params<B> const& p, Cache<B>& cache,
                          Tensor<B> x, int /*num_experts*/) {
    auto logits = ops::matmul(ctx, x, p.weight);               // [items, num_experts]
    auto selected = ops::top_k_of_rows(ctx, logits, c.top_k);  // [items, num_experts]
    auto probs = ops::softmax(ctx, logits);                    // [items, num_experts]
    cache.x = x;
    cache.probs = probs;
    cache.weights =
        c.weighting == Weighting::softmax_of_selected
            ? ops::softmax(ctx, logits, selected)
            : ops::select(ctx, probs, selected, c.weighting == Weighting::softmax_then_renormalise,
                          cache.select);
    return {selected, cache.weights, probs, logits};
  }
  template <class B>
  static Tensor<B> backward(Context<B>& ctx, Config const& c, Params<B> const& p,
                            Params<B> const& grads, Cache<B>& cache, GatesGrad<B> const& d) {
    auto dlogits = d.logits;  // [items, num_experts]
    auto dprobs = d.probs;    // [items, num_experts]
    if (c.weighting == Weighting::softmax_of_selected) {
      ops::accumulate(ctx, dlogits, ops::softmax_backward(ctx, d.weights, cache.weights));
    } else {
      ops::accumulate(ctx, dprobs, ops::select_backward(ctx, d.weights, cache.select));
    }
    ops::accumulate(ctx, dlogits, ops::softmax_backward(ctx, dprobs, cache.probs));
    return ops::matmul_backward(ctx, dlogits, cache.x, p.weight, grads.weight);  // [items, d_model]
  }
};

}  // namespace moenda::router
