// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <cmath>
#include <limits>

#include "moenda/cpu/kernels/exponential.hpp"
#include "moenda/cpu/kernels/loss/routing_totals.hpp"

namespace moenda::cpu::MOENDA_LEVEL {

namespace detail {

/// log sum_c exp(z[c]).
template <class T>
[[nodiscard]] double logsumexp_of_row(T const* z, std::ptrdiff_t cols) {
  T const largest = maximum_of<T>(cols, -std::numeric_limits<T>::infinity(),
                                  [=](std::ptrdiff_t c) { return z[c]; });
  T const sum = sum_of<T>(cols, [=](std::ptrdiff_t c) { return exponential(z[c] - largest); });
  return static_cast<double>(largest) + std::log(static_cast<double>(sum));
}

}  // namespace detail

// loss += weight * mean_t l_t^2, l_t = logsumexp(z_t) (ST-MoE, Zoph et al. 2022, eq. 5);
// dlogits += scale * weight * 2 l_t softmax(z_t) / n, n rows that count. dlogits null: loss only.
template <class T>
void router_z_forward(Backend<T>& backend, double* loss, T* dlogits, T const* logits,
                      RoutingLoss<T> const& how) {
  std::ptrdiff_t const cols = how.cols;
  double const counted = detail::present_rows(how.present, how.rows);
  if (cols <= 0 || counted <= 0.0) return;
  double const factor = how.weight / counted, scale = how.scale;
  auto const body = [=](std::ptrdiff_t r, double* sum) {
    T const* const z = logits + r * cols;
    double const l = detail::logsumexp_of_row(z, cols);
    *sum += l * l;
    if (dlogits == nullptr) return;
    T* const down = dlogits + r * cols;
    T const shift = static_cast<T>(l), slope = static_cast<T>(2.0 * scale * factor * l);
    for (std::ptrdiff_t c = 0; c < cols; ++c) down[c] += slope * exponential(z[c] - shift);
  };
  *loss += factor * *detail::routing_totals(backend, how.present, how.rows, 1, 1, body);
}

}  // namespace moenda::cpu::MOENDA_LEVEL
