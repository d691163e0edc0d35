// SPDX-License-Identifier: Apache-2.0
#pragma once
// What is right for an item when several experts can derive it in several ways, of which nobody
// says which one was meant.
#include <span>

#include "moenda/core/context.hpp"
#include "moenda/kernels/shapes.hpp"
#include "moenda/ops/memory.hpp"
#include "moenda/ops/shapes.hpp"

namespace moenda::ops {

template <class B>
struct Likelihood {
  Tensor<B> logs;                        // [items, experts] log p(right | expert)
  std::span<typename B::Scalar> shares;  // [derivations] of each in its expert's likelihood
};

/// log p(right | expert) of every item and expert: the sum over its derivations of the products of
/// their parts' probabilities.   log_probs [items, width] -> [items, experts].
template <class B>
Likelihood<B> derivation_likelihood(Context<B>& ctx, Tensor<B> log_probs,
                                    DerivationTable const& derivations) {
  require(log_probs.rows == derivations.items && log_probs.cols == derivations.width,
          "derivation_likelihood: log_probs must be [items, width]", log_probs.rows,
          derivations.items);
  Likelihood<B> result{ctx.tensor(derivations.items, derivations.experts),  // [items, experts]
                       ctx.template numbers<typename B::Scalar>(derivations.derivations)};
  derivation_likelihood_forward(ctx.backend, result.logs.data, result.shares.data(), log_probs.data,
                                derivations);
  return result;
}
/// dlikelihood [items, experts] -> dlog_probs [items, width].
template <class B>
Tensor<B> derivation_likelihood_backward(Context<B>& ctx, Tensor<B> dlikelihood,
                                         Likelihood<B> const& likelihood,
                                         DerivationTable const& derivations) {
  require_same_shape(dlikelihood, likelihood.logs, "derivation_likelihood_backward: both");
  auto dlog_probs = zeros(ctx, derivations.items, derivations.width);  // [items, width]
  derivation_likelihood_backward(ctx.backend, dlog_probs.data, dlikelihood.data,
                                 likelihood.shares.data(), derivations);
  return dlog_probs;
}

/// How the E-step looks at experts.
struct Expectation {
  double prior_weight = 1;  ///< 0: the likelihood alone decides, whatever the router thinks
  double temperature = 1;   ///< 1: the posterior; 0: its largest
};
template <class B>
struct Responsibility {
  double* loss;      // ctx.loss_sum(): summed over items
  Tensor<B> shares;  // [items, experts]; no item is anybody's that no expert derives
};
/// The E-step of expectation maximisation and the loss of the M-step that follows, the free energy
/// of Neal & Hinton 1998, eq. 5, at a temperature:
///   shares = softmax((prior_weight prior + likelihood) / temperature)
///   loss   = sum_e shares (-log_router - likelihood) + temperature sum_e shares log shares
/// At temperature 1 and prior = log_router it is -log sum_e p(e) p(right | e), and towards 0 that
/// of the best expert alone. Its gradient in log_router and in likelihood is -shares, as the shares
/// minimise it. prior, log_router, likelihood [items, experts]; losses: null, or [items].
template <class B>
Responsibility<B> expectation_step(Context<B>& ctx, Tensor<B> prior, Tensor<B> log_router,
                                   Tensor<B> likelihood, Expectation how,
                                   typename B::Scalar* losses = nullptr) {
  require_same_shape(prior, likelihood, "expectation_step: prior and likelihood");
  require_same_shape(log_router, likelihood, "expectation_step: log_router and likelihood");
  Responsibility<B> result{ctx.loss_sum(), ctx.tensor(likelihood.rows, likelihood.cols)};
  expectation_step(ctx.backend, result.loss, losses, result.shares.data, prior.data,
                   log_router.data, likelihood.data, how.prior_weight, how.temperature,
                   likelihood.rows, likelihood.cols);
  return result;
}

}  // namespace moenda::ops
