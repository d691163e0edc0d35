// SPDX-License-Identifier: Apache-2.0
#pragma once
// The rows of a gate's weight, one per expert: which are in use, losses on them, and how experts
// come and go. All of it is small, so one worker does it.
#include <cmath>

#include "moenda/cpu/kernels/blocks.hpp"

namespace moenda::cpu::MOENDA_LEVEL {

namespace detail {

/// presence: 1 added, -1 removed, 0 as at first, when the first `initial` were there.
template <class T>
[[nodiscard]] bool is_active(T const* presence, int expert, int initial) {
  return presence[expert] > T(0) || (!(presence[expert] < T(0)) && expert < initial);
}
template <class T>
[[nodiscard]] int count_active(T const* active, int experts) {
  return static_cast<int>(std::count_if(active, active + experts, [](T a) { return a != T(0); }));
}

}  // namespace detail

// active[e] = 1 if expert e is there, else 0
template <class T>
void active_experts(Backend<T>&, T* active, T const* presence, int initial, int experts) {
  for (int e = 0; e < experts; ++e) active[e] = T(detail::is_active(presence, e, initial));
}

// loss += weight * |D|, D = (S - I) without the rows and columns of what is not active, |D| the
// Frobenius norm; ds = scale * weight * D / |D|, or 0 where |D| is too small to have a direction.
// s, ds [experts, experts]
template <class T>
void gate_diversity(Backend<T>&, double* loss, T* ds, T const* s, T const* active, double weight,
                    double scale, int experts) {
  std::ptrdiff_t const n = experts;
  double squares = 0;
  for (std::ptrdiff_t i = 0; i < n * n; ++i) {
    bool const row = active[i / n] != T(0), column = active[i % n] != T(0);
    T const off = s[i] - T(i / n == i % n), d = (row & column) ? off : T(0);
    ds[i] = d;
    squares += static_cast<double>(d) * static_cast<double>(d);
  }
  double const norm = std::sqrt(squares);
  *loss += weight * norm;
  T const factor = norm <= 1e-12 ? T(0) : T(scale * weight / norm);
  for (std::ptrdiff_t i = 0; i < n * n; ++i) ds[i] *= factor;
}

// loss += weight * mean of |w[e]| over the active rows; dw[e] = scale * its gradient, along
// unit[e] = w[e] / |w[e]|. w, unit, dw [experts, cols]
template <class T>
void gate_simplicity(Backend<T>&, double* loss, T* dw, T const* w, T const* unit, T const* active,
                     double weight, double scale, int experts, int cols) {
  std::fill_n(dw, std::ptrdiff_t{experts} * cols, T(0));
  int const actives = detail::count_active(active, experts);
  for (std::ptrdiff_t e = 0; e < experts; ++e) {
    if (active[e] == T(0)) continue;
    auto const along = [=](std::ptrdiff_t c) { return w[e * cols + c] * unit[e * cols + c]; };
    *loss += weight / actives * static_cast<double>(detail::sum_of<T>(cols, along));
    T const factor = T(scale * weight / actives);
    for (std::ptrdiff_t i = e * cols; i < (e + 1) * cols; ++i) dw[i] = factor * unit[i];
  }
}

namespace detail {

/// What adapt_experts did.
struct Adapted {
  int removed = 0, added = -1;
};

/// Takes out active experts without activations, but for the last one that is left, and puts one
/// in, at the lowest free place, if the sum of the items that nobody took has a direction: that is
/// its row of the weight, and its threshold is 0.
template <class T>
[[nodiscard]] Adapted change_experts(T* presence, T* weight, T* threshold, T const* activations,
                                     T const* unrouted_sum, int initial, int experts, int cols) {
  Adapted done;
  int left = 0, place = -1;
  for (int e = 0; e < experts; ++e) left += is_active(presence, e, initial);
  for (int e = experts - 1; e >= 0; --e) {
    if (is_active(presence, e, initial) && activations[e] == T(0) && left > 1) {
      presence[e] = T(-1);
      --left, ++done.removed;
    }
    if (!is_active(presence, e, initial)) place = e;
  }
  double squares = 0;
  for (int c = 0; c < cols; ++c) {
    squares += static_cast<double>(unrouted_sum[c]) * static_cast<double>(unrouted_sum[c]);
  }
  if (place < 0 || !(squares > 0) || !std::isfinite(squares)) return done;
  done.added = place;
  presence[place] = T(1);
  threshold[place] = T(0);
  T* const row = weight + std::ptrdiff_t{place} * cols;
  for (int c = 0; c < cols; ++c) {
    row[c] = static_cast<T>(static_cast<double>(unrouted_sum[c]) / std::sqrt(squares));
  }
  return done;
}

}  // namespace detail

// presence, threshold, activations [experts], weight [experts, cols], unrouted_sum [cols]; the
// others are one number each
template <class T>
void adapt_experts(Backend<T>&, T* added, T* recorded_steps, T* experts_removed, T* experts_added,
                   T* presence, T* weight, T* threshold, T* activations, T* unrouted,
                   T* unrouted_sum, int adapt_every, int initial, int experts, int cols) {
  *added = T(-1);
  *recorded_steps += T(1);
  if (*recorded_steps < T(adapt_every)) return;
  auto const done = detail::change_experts(presence, weight, threshold, activations, unrouted_sum,
                                           initial, experts, cols);
  *added = T(done.added);
  *experts_removed += T(done.removed);
  if (done.added >= 0) *experts_added += T(1);
  *recorded_steps = *unrouted = T(0);
  std::fill_n(activations, experts, T(0));
  std::fill_n(unrouted_sum, cols, T(0));
}

// y[*row] = 0 unless *row is negative
template <class T>
void clear_row(Backend<T>&, T* y, T const* row, int cols) {
  auto const at = static_cast<std::ptrdiff_t>(*row);
  if (at >= 0) std::fill_n(y + at * cols, cols, T(0));
}

}  // namespace moenda::cpu::MOENDA_LEVEL
