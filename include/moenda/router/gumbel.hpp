// SPDX-License-Identifier: Apache-2.0
#pragma once
#include "moenda/core/fields.hpp"
#include "moenda/core/gates.hpp"
#include "moenda/core/weights.hpp"
#include "moenda/module/rules.hpp"
#include "moenda/ops/elementwise/pointwise.hpp"
#include "moenda/ops/elementwise/random_numbers.hpp"
#include "moenda/ops/linear/matmul.hpp"
#include "moenda/ops/memory.hpp"
#include "moenda/ops/norm/softmax.hpp"
#include "moenda/ops/routing/top_k.hpp"

namespace moenda::router {

/// Every item goes to every expert, with weights drawn by the Gumbel-softmax of Jang et al. 2017,
/// eq. 2 (arXiv 1611.01144), as "(GG) MoE vs. MLP on Tabular Data" gates its experts (Chernov 2025,
/// arXiv 2502.03608):
///   logits = x weight^T;  g ~ Gumbel(0, 1) in training
///   weights = softmax((logits + g) / temperature)
/// At evaluation the weights are their expectation over g, which has no closed form. The paper
/// averages 10 fresh draws, so it answers the same row differently each time. Here the draws are
/// fixed, the same for every item, layer, seed and step, and each expert's draws are the middles of
/// equal shares of the distribution in an order of its own (Latin hypercube sampling: McKay et al.
/// 1979), because 10 independent fixed draws would favour some experts for all items alike.
/// A low temperature makes the training weights nearly one-hot; with the noise left out this is
/// router::Dense at temperature 1.
struct Gumbel {
  static constexpr char const* name = "gumbel";
  static constexpr RouterTraits traits{};
  struct Config {
    double temperature = 1;
    int evaluation_samples = 10;
    MOENDA_FIELDS(Config, temperature, evaluation_samples);
  };
  template <class B>
  struct Params {
    Weight<B> weight;  // [num_experts, d_model]
    MOENDA_FIELDS(Params, weight);
  };
  template <class B>
  struct Cache {
    Tensor<B> x;        // [items, d_model]
    Tensor<B> weights;  // [items, num_experts] of a training pass; backward belongs to no other
  };

  static void check(Config const& c, Setting const&, Problems& problems) {
    problems.expect(c.temperature > 0, "temperature", "above 0", c.temperature);
    problems.expect(c.evaluation_samples >= 1 && c.evaluation_samples <= 1000, "evaluation_samples",
                    "in 1..1000", c.evaluation_samples);
  }
  static constexpr int experts_per_item(Config const&, int num_experts) { return num_experts; }
  template <class B>
  static constexpr Params<B> params(Config const&, int d_model, int num_experts) {
    return {weights::router(num_experts, d_model)};
  }
  template <class B>
  static Gates<B> forward(Context<B>& ctx, Config const& c, Params<B> const& p, Cache<B>& cache,
                          Tensor<B> x, int num_experts) {
    auto logits = ops::matmul(ctx, x, p.weight);                   // [items, num_experts]
    auto selected = ops::top_k_of_rows(ctx, logits, num_experts);  // [items, num_experts]
    auto weights =
        ctx.training ? draw(ctx, c, logits) : expectation(ctx, c, logits);  // [items, num_experts]
    cache = {x, weights};
    Gates<B> gates{selected, weights, weights, logits};
    gates.most_per_item = num_experts;
    return gates;
  }
  template <class B>
  static Tensor<B> backward(Context<B>& ctx, Config const& c, Params<B> const& p,
                            Params<B> const& grads, Cache<B>& cache, GatesGrad<B> const& d) {
    auto dlogits = d.logits, dweights = d.probs;  // [items, num_experts]
    ops::accumulate(ctx, dweights, d.weights);
    auto dscaled = ops::softmax_backward(ctx, dweights, cache.weights);  // [items, num_experts]
    ops::accumulate(ctx, dlogits, ops::scale(ctx, dscaled, 1 / c.temperature));
    return ops::matmul_backward(ctx, dlogits, cache.x, p.weight, grads.weight);  // [items, d_model]
  }

 private:
  template <class B>
  static Tensor<B> draw(Context<B>& ctx, Config const& c, Tensor<B> logits) {
    auto noisy = ops::gumbel(ctx, "router_gumbel", logits.rows, logits.cols);
    ops::accumulate(ctx, noisy, logits);  // [items, num_experts]
    return ops::softmax(ctx, ops::scale(ctx, noisy, 1 / c.temperature));
  }
  template <class B>
  static Tensor<B> expectation(Context<B>& ctx, Config const& c, Tensor<B> logits) {
    int const samples = c.evaluation_samples;
    auto draws = ops::gumbel_strata(ctx, "router_gumbel", samples, logits.cols);
    auto sum = ops::zeros(ctx, logits.rows, logits.cols);  // [items, num_experts]
    for (int s = 0; s < samples; ++s) {
      Weight<B> const g{1, logits.cols, WeightKind::bias, draws.data + s * draws.cols};
      auto noisy = ops::add_row(ctx, logits, g);  // [items, num_experts]
      ops::accumulate(ctx, sum, ops::softmax(ctx, ops::scale(ctx, noisy, 1 / c.temperature)));
    }
    return ops::scale(ctx, sum, 1.0 / samples);
  }
};

}  // namespace moenda::router
