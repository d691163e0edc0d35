// SPDX-License-Identifier: Apache-2.0
#pragma once
// Losses on what a router says. Each adds itself to ctx.auxiliary_sum(), and its gradient times
// ctx.loss_scale to the gradients, which may be empty. Padding counts nowhere.
#include "moenda/ops/sequence/padding.hpp"
#include "moenda/ops/shapes.hpp"

namespace moenda::ops {

/// Throws ConfigError "`what` ..." unless `d`, where there is one, is shaped like `x`.
template <class B>
void require_gradient_of(Tensor<B> d, Tensor<B> x, char const* what) {
  if (d.data != nullptr) require_same_shape(d, x, what);
}

/// weight * num_experts * mean over `groups` of sum_e f_e P_e: cpu/kernels/loss/load_balancing.hpp.
/// probs, selected, dprobs [items, num_experts]; seen [num_experts] or null: assignments that f
/// counts as well.
template <class B>
void load_balancing(Context<B>& ctx, Tensor<B> dprobs, Tensor<B> probs, Tensor<B> selected,
                    typename B::Scalar const* seen, int groups, double weight) {
  require_same_shape(selected, probs, "load_balancing: selected and probs");
  require_gradient_of(dprobs, probs, "load_balancing: dprobs and probs");
  require(probs.rows == 0 || (groups >= 1 && probs.rows % groups == 0),
          "load_balancing: groups must divide the items", probs.rows, groups);
  auto const present = present_items(ctx, probs.rows);  // [items, 1]
  load_balancing_forward(ctx.backend, ctx.auxiliary_sum(), dprobs.data, probs.data, selected.data,
                         seen, groups,
                         {probs.rows, probs.cols, present.data, weight, ctx.loss_scale});
}

/// weight * mean_t logsumexp(logits_t)^2.   logits, dlogits [items, num_experts].
template <class B>
void router_z(Context<B>& ctx, Tensor<B> dlogits, Tensor<B> logits, double weight) {
  require_gradient_of(dlogits, logits, "router_z: dlogits and logits");
  auto const present = present_items(ctx, logits.rows);  // [items, 1]
  router_z_forward(ctx.backend, ctx.auxiliary_sum(), dlogits.data, logits.data,
                   {logits.rows, logits.cols, present.data, weight, ctx.loss_scale});
}

/// weight * CV^2 of the summed weights of the selected.   weights, selected, dweights [items,
/// num_experts].
template <class B>
void importance(Context<B>& ctx, Tensor<B> dweights, Tensor<B> weights, Tensor<B> selected,
                double weight) {
  require_same_shape(selected, weights, "importance: selected and weights");
  require_gradient_of(dweights, weights, "importance: dweights and weights");
  auto const present = present_items(ctx, weights.rows);  // [items, 1]
  importance_forward(ctx.backend, ctx.auxiliary_sum(), dweights.data, weights.data, selected.data,
                     {weights.rows, weights.cols, present.data, weight, ctx.loss_scale});
}

/// weight * CV^2 of the chances to be selected, noisy = clean + noise * sigma:
/// cpu/kernels/loss/load_variation.hpp.   All tables [items, num_experts].
template <class B>
void smooth_load(Context<B>& ctx, Tensor<B> dclean, Tensor<B> dsigma, Tensor<B> clean,
                 Tensor<B> noisy, Tensor<B> sigma, Tensor<B> selected, double weight) {
  require_same_shape(noisy, clean, "smooth_load: noisy and clean");
  require_same_shape(sigma, clean, "smooth_load: sigma and clean");
  require_same_shape(selected, clean, "smooth_load: selected and clean");
  require_gradient_of(dclean, clean, "smooth_load: dclean and clean");
  require_gradient_of(dsigma, clean, "smooth_load: dsigma and clean");
  auto const present = present_items(ctx, clean.rows);  // [items, 1]
  smooth_load_forward(ctx.backend, ctx.auxiliary_sum(), dclean.data, dsigma.data, clean.data,
                      noisy.data, sigma.data, selected.data,
                      {clean.rows, clean.cols, present.data, weight, ctx.loss_scale});
}

/// weight * (mean_te p (1 - p) + 1 / E - mean_e q_e (1 - q_e)), q = mean_t p_t.   probs, dprobs
/// [items, num_experts].
template <class B>
void spread_penalty(Context<B>& ctx, Tensor<B> dprobs, Tensor<B> probs, double weight) {
  require_gradient_of(dprobs, probs, "spread_penalty: dprobs and probs");
  auto const present = present_items(ctx, probs.rows);  // [items, 1]
  spread_penalty_forward(ctx.backend, ctx.auxiliary_sum(), dprobs.data, probs.data,
                         {probs.rows, probs.cols, present.data, weight, ctx.loss_scale});
}

/// token_weight * mean_t H(p_t) - marginal_weight * H(mean_t p_t).   probs, dprobs [items,
/// num_experts].
template <class B>
void router_entropy(Context<B>& ctx, Tensor<B> dprobs, Tensor<B> probs, double token_weight,
                    double marginal_weight) {
  require_gradient_of(dprobs, probs, "router_entropy: dprobs and probs");
  auto const present = present_items(ctx, probs.rows);  // [items, 1]
  router_entropy_forward(ctx.backend, ctx.auxiliary_sum(), dprobs.data, probs.data, marginal_weight,
                         {probs.rows, probs.cols, present.data, token_weight, ctx.loss_scale});
}

}  // namespace moenda::ops
