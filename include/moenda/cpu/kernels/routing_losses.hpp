// SPDX-License-Identifier: Apache-2.0
#pragma once
// Losses on what a router does. Sums are in double: they run over every token of a step.
#include <cmath>
#include <limits>

#include "moenda/cpu/kernels/blocks.hpp"
#include "moenda/cpu/kernels/exponential.hpp"

namespace moenda::cpu {

namespace detail {

/// totals[0 .. cols) = how often each column is selected, totals[cols .. 2 cols) = the column sums
/// of probs. The totals are the first row of the caller's reduction scratch.
template <class T>
[[nodiscard]] double* routing_totals(Backend<T>& backend, T const* probs, T const* selected,
                                     int rows, std::ptrdiff_t cols) {
  auto const blocks = blocks_of(rows, rows_per_sum);
  double* const totals = backend.template scratch<double>(
      Backend<T>::reduction, static_cast<std::size_t>((1 + blocks) * 2 * cols));
  double* const partials = totals + 2 * cols;
  for_blocks(backend, rows, rows_per_sum, [=](std::ptrdiff_t begin, std::ptrdiff_t end) {
    double* const chosen = partials + begin / rows_per_sum * 2 * cols;
    double* const mass = chosen + cols;
    std::fill_n(chosen, 2 * cols, 0.0);
    for (std::ptrdiff_t r = begin; r < end; ++r) {
      T const* const s = selected + r * cols;
      T const* const p = probs + r * cols;
      for (std::ptrdiff_t c = 0; c < cols; ++c) chosen[c] += s[c] != T(0) ? 1.0 : 0.0;
      for (std::ptrdiff_t c = 0; c < cols; ++c) mass[c] += static_cast<double>(p[c]);
    }
  });
  std::fill_n(totals, 2 * cols, 0.0);
  add_partials(backend, totals, static_cast<double const*>(partials), blocks, 2 * cols, 2 * cols);
  return totals;
}

/// log sum_c exp(z[c]).
template <class T>
[[nodiscard]] double logsumexp_of_row(T const* z, std::ptrdiff_t cols) {
  T const largest = maximum_of<T>(cols, -std::numeric_limits<T>::infinity(),
                                  [=](std::ptrdiff_t c) { return z[c]; });
  T const sum = sum_of<T>(cols, [=](std::ptrdiff_t c) { return exponential(z[c] - largest); });
  return static_cast<double>(largest) + std::log(static_cast<double>(sum));
}

}  // namespace detail

// loss += weight * E * sum_e f_e P_e (Switch Transformer, Fedus et al. 2021, eq. 4-6), E = cols,
// P_e the mean of probs[:, e] and f_e the share of all assignments that went to e: with several
// experts per token it stays `weight` at balance. f has no gradient; dprobs += scale * weight * E *
// f / rows. dprobs null: loss only.
MOENDA_KERNEL load_balancing_forward(Backend<T>& backend, double* loss, T* dprobs, T const* probs,
                                     T const* selected, double weight, double scale, int rows,
                                     int cols) {
  if (rows <= 0 || cols <= 0) return;
  double* const f = detail::routing_totals(backend, probs, selected, rows, cols);
  double const* const mass = f + cols;
  double assignments = 0.0, sum = 0.0;
  for (int e = 0; e < cols; ++e) assignments += f[e];
  if (assignments == 0.0) return;
  for (int e = 0; e < cols; ++e) sum += (f[e] /= assignments) * mass[e];
  double const factor = weight * cols / rows;
  *loss += factor * sum;
  if (dprobs == nullptr) return;
  auto const body = [=](std::ptrdiff_t begin, std::ptrdiff_t end) {
    for (std::ptrdiff_t r = begin; r < end; ++r) {
      T* const down = dprobs + r * cols;
      for (std::ptrdiff_t e = 0; e < cols; ++e) down[e] += static_cast<T>(scale * factor * f[e]);
    }
  };
  detail::for_blocks(backend, rows, detail::rows_per_block(cols), body);
}

// loss += weight * mean_t l_t^2, l_t = logsumexp(z_t) (ST-MoE, Zoph et al. 2022, eq. 5);
// dlogits += scale * weight * 2 l_t softmax(z_t) / rows. dlogits null: loss only.
MOENDA_KERNEL router_z_forward(Backend<T>& backend, double* loss, T* dlogits, T const* logits,
                               double weight, double scale, int rows, int cols) {
  if (rows <= 0 || cols <= 0) return;
  double const factor = weight / rows;
  auto const body = [=](std::ptrdiff_t begin, std::ptrdiff_t end, double* partial) {
    for (std::ptrdiff_t r = begin; r < end; ++r) {
      T const* const z = logits + r * cols;
      double const l = detail::logsumexp_of_row(z, cols);
      *partial += l * l;
      if (dlogits == nullptr) continue;
      T* const down = dlogits + r * cols;
      T const shift = static_cast<T>(l), slope = static_cast<T>(2.0 * scale * factor * l);
      for (std::ptrdiff_t c = 0; c < cols; ++c) down[c] += slope * exponential(z[c] - shift);
    }
  };
  double const* const partials =
      detail::partial_sums<double>(backend, rows, detail::rows_per_sum, 1, body);
  double sum = 0.0;
  for (std::ptrdiff_t b = 0; b < detail::blocks_of(rows, detail::rows_per_sum); ++b) {
    sum += partials[b];
  }
  *loss += factor * sum;
}

}  // namespace moenda::cpu
