// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <cmath>

#include "moenda/core/weights.hpp"
#include "moenda/module/after_step.hpp"
#include "moenda/module/name.hpp"
#include "moenda/ops/sequence/padding.hpp"
#include "moenda/router/choice/ranking.hpp"

namespace moenda::router {

/// Balances any router that selects by scores, without a loss that disturbs the others: a bias per
/// expert is added to the scores, for the selection alone, and moves against the load. Wang et al.
/// 2024, arXiv 2408.15664, algorithm 1; DeepSeek-V3, section 2.1.2.
///   selected = top_k(scores + bias);  weights come from the scores
///   after every step, c = assignments of all its tokens:
///   bias_e += rate where c_e < (1 - dead_zone) mean(c), -= rate where c_e > (1 + dead_zone)
///   mean(c)
/// With dead_zone = 0 that is the paper's rate * sign(mean - c). With dead_zone = 0.2 the bias of
/// an expert stays as it is while its load is within 20 % of the mean. Published code that does so
/// adds the bias to the logits, from which the weights and the losses are made too. Here it is
/// added for the selection alone, on purpose: otherwise the bias would influence what is learnt.
template <class InnerRouter>
struct BiasBalanced {
  using Inner = InnerRouter;
  static constexpr char const* name = joined_name<"bias_balanced_", Inner>;
  struct Config {
    typename Inner::Config inner{};
    double rate = 0.001;  ///< suits scores in 0..1, not logits
    double dead_zone = 0;
    /// The bias keeps its value after this part of the training: DeepSeek-V3 stops at 14.3 of 14.8
    /// T tokens, section 4.2.
    double frozen_from = 0.97;
    MOENDA_FIELDS(Config, inner, rate, dead_zone, frozen_from);
  };
  template <class B>
  struct Params {
    typename Inner::template Params<B> inner;
    Weight<B> bias;  // [1, num_experts] state; its gradient counts assignments
    MOENDA_FIELDS(Params, inner, bias);
  };
  template <class B>
  struct Cache {
    typename Inner::template Cache<B> inner;
    Tensor<B> selected;  // [items, num_experts]
  };

  static constexpr void parts(auto&& f, Setting const&, Config const& c, auto&... of) {
    f(part<Inner>("inner"), c.inner, of.inner...);
  }
  static void check(Config const& c, Setting const&, Problems& problems) {
    problems.expect(c.rate >= 0 && std::isfinite(c.rate), "rate", "at least 0", c.rate);
    problems.expect(c.dead_zone >= 0 && c.dead_zone < 1, "dead_zone", "at least 0 and below 1",
                    c.dead_zone);
    problems.expect(c.frozen_from >= 0 && c.frozen_from <= 1, "frozen_from",
                    "in 0..1, a part of the training", c.frozen_from);
  }
  template <class B>
  static constexpr Params<B> params(Config const& c, int d_model, int num_experts) {
    return {Inner::template params<B>(c.inner, d_model, num_experts),
            weights::state(1, num_experts)};
  }
  template <class B>
  static Gates<B> forward(Context<B>& ctx, Config const& c, Params<B> const& p, Cache<B>& cache,
                          Tensor<B> x, int num_experts) {
    auto gates = Inner::forward(ctx, c.inner, p.inner, cache.inner, x, num_experts, &p.bias);
    cache.selected = gates.selected;  // [items, num_experts]
    return gates;
  }
  template <class B>
  static Tensor<B> backward(Context<B>& ctx, Config const& c, Params<B> const& p,
                            Params<B> const& grads, Cache<B>& cache, GatesGrad<B> const& d) {
    // Counts assignments; nobody computes those of padding.
    ops::add_row_backward(ctx, ops::without_padding(ctx, cache.selected), grads.bias);
    return Inner::backward(ctx, c.inner, p.inner, grads.inner, cache.inner, d);
  }
  template <class B>
  static void after_step(StepEnd<B> const& end, Config const& c, Params<B> const& p,
                         Params<B> const& grads) {
    if (end.progress() > c.frozen_from) return;
    move_balancing_bias(end.backend, p.bias.data, grads.bias.data, c.rate, c.dead_zone,
                        p.bias.cols);
  }

 private:
  static_assert(TakesSelectionBias<Inner>,
                "BiasBalanced: the router inside must let its selection be biased; its forward() "
                "must take one more argument, Weight<B> const* selection_bias, as "
                "router::TopK, router::Switch, router::GShard and router::NoisyTopK do");
};

}  // namespace moenda::router
