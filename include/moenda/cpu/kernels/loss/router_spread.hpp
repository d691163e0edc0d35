// SPDX-License-Identifier: Apache-2.0
#pragma once
// How a router's probabilities spread: over the experts for one item, and over the items.
#include <cmath>
#include <limits>

#include "moenda/cpu/kernels/loss/routing_totals.hpp"

namespace moenda::cpu::MOENDA_LEVEL {

namespace detail {

/// log p, finite at p = 0, so that p log p and its gradient through a softmax are 0 there.
[[nodiscard]] inline double finite_log(double p) {
  return std::log(std::max(p, static_cast<double>(std::numeric_limits<float>::min())));
}

}  // namespace detail

// loss += weight * (mean_te p (1 - p) + 1 / E - mean_e q_e (1 - q_e)), q_e = mean_t p_te, E = cols;
// dprobs += scale * weight * 2 (q_e - p_te) / (n E), n rows that count. dprobs null: loss only.
template <class T>
void spread_penalty_forward(Backend<T>& backend, double* loss, T* dprobs, T const* probs,
                            RoutingLoss<T> const& how) {
  std::ptrdiff_t const cols = how.cols;
  double const counted = detail::present_rows(how.present, how.rows);
  if (cols <= 0 || counted <= 0.0) return;
  auto const add_row = [=](std::ptrdiff_t r, double* sums) {
    for (std::ptrdiff_t e = 0; e < cols; ++e) {
      auto const p = static_cast<double>(probs[r * cols + e]);
      sums[e] += p;
      sums[cols] += p * (1.0 - p);
    }
  };
  double* const means =
      detail::routing_totals(backend, how.present, how.rows, 1, cols + 1, add_row);
  double const unit = counted * static_cast<double>(cols);
  double sum = means[cols] / unit + 1.0 / static_cast<double>(cols);
  for (std::ptrdiff_t e = 0; e < cols; ++e) {
    double const q = means[e] /= counted;
    sum -= q * (1.0 - q) / static_cast<double>(cols);
  }
  *loss += how.weight * sum;
  if (dprobs == nullptr) return;
  double const factor = 2.0 * how.scale * how.weight / unit;
  detail::for_present_rows(backend, how, [=](std::ptrdiff_t r) {
    for (std::ptrdiff_t i = r * cols; i < (r + 1) * cols; ++i) {
      dprobs[i] += static_cast<T>(factor * (means[i - r * cols] - static_cast<double>(probs[i])));
    }
  });
}

// loss += weight * mean_t H(p_t) - marginal_weight * H(mean_t p_t), H(p) = -sum_e p_e log p_e, in
// nats; dprobs += scale * its gradient. dprobs null: loss only.
template <class T>
void router_entropy_forward(Backend<T>& backend, double* loss, T* dprobs, T const* probs,
                            double marginal_weight, RoutingLoss<T> const& how) {
  std::ptrdiff_t const cols = how.cols;
  double const counted = detail::present_rows(how.present, how.rows);
  if (cols <= 0 || counted <= 0.0) return;
  auto const add_row = [=](std::ptrdiff_t r, double* sums) {
    for (std::ptrdiff_t e = 0; e < cols; ++e) {
      auto const p = static_cast<double>(probs[r * cols + e]);
      sums[e] += p;
      sums[cols] -= p * detail::finite_log(p);
    }
  };
  double* const logs = detail::routing_totals(backend, how.present, how.rows, 1, cols + 1, add_row);
  *loss += how.weight * logs[cols] / counted;
  for (std::ptrdiff_t e = 0; e < cols; ++e) {  // the sums become what dprobs needs of them
    double const q = logs[e] / counted;
    logs[e] = detail::finite_log(q);
    *loss += marginal_weight * q * logs[e];
  }
  if (dprobs == nullptr) return;
  double const of_item = how.scale * how.weight / counted,
               of_mean = how.scale * marginal_weight / counted;
  detail::for_present_rows(backend, how, [=](std::ptrdiff_t r) {
    for (std::ptrdiff_t e = 0; e < cols; ++e) {
      double const log = detail::finite_log(static_cast<double>(probs[r * cols + e]));
      dprobs[r * cols + e] += static_cast<T>(of_mean * (logs[e] + 1.0) - of_item * (log + 1.0));
    }
  });
}

}  // namespace moenda::cpu::MOENDA_LEVEL
