// SPDX-License-Identifier: Apache-2.0
#pragma once
// Selection by thresholds: a row may take any number of columns, none included.
#include <cmath>

#include "moenda/cpu/kernels/exponential.hpp"
#include "moenda/cpu/kernels/loss/routing_totals.hpp"

namespace moenda::cpu::MOENDA_LEVEL {

namespace detail {

/// The active column of largest cosine, the lowest of equals; column 0 where none is active.
template <class T>
[[nodiscard]] int best_active(T const* cosines, T const* active, int cols) {
  int best = -1;
  T largest = 0;
  for (int e = 0; e < cols; ++e) {
    T const cosine = cosines[e];
    if (active[e] != T(0) && (best < 0 || cosine > largest)) best = e, largest = cosine;
  }
  return std::max(best, 0);
}

}  // namespace detail

// scores = sigmoid(slope cosines) in active columns, else 0; selected = 1 in active columns where
// cosines > thresholds[col], else 0; weights = selected / selected of the row. Scores and
// thresholds go through the same sigmoid, so this says score > threshold, also where both round
// to 1. With at_least_one a row that has none takes its best active column.
template <class T>
void top_any_forward(Backend<T>& backend, T* selected, T* weights, T* scores, T const* cosines,
                     T const* thresholds, T const* active, T slope, bool at_least_one, int rows,
                     int cols) {
  auto const body = [=](std::ptrdiff_t begin, std::ptrdiff_t end) {
    for (std::ptrdiff_t r = begin; r < end; ++r) {
      T const* const c = cosines + r * cols;
      T* const s = selected + r * cols;
      T count = 0;
      for (int e = 0; e < cols; ++e) {
        bool const is_active = active[e] != T(0), passes = c[e] > thresholds[e];
        T const score = sigmoid(slope * c[e]), taken = T(is_active & passes);
        scores[r * cols + e] = is_active ? score : T(0);
        s[e] = taken;
        count += taken;
      }
      if (count == T(0) && at_least_one && cols > 0) {
        count = s[detail::best_active(c, active, cols)] = T(1);
      }
      for (int e = 0; e < cols; ++e) weights[r * cols + e] = s[e] == T(0) ? T(0) : T(1) / count;
    }
  };
  detail::for_blocks(backend, rows, detail::rows_per_block(cols), body);
}

// With g = selected, k its sum over a row, A active columns, and means over rows that count:
//   loss += weight * A sum_e a_e b_e,  a_e = mean of g_e / k over the n rows with k > 0,
//                                      b_e = mean of g_e over the same rows, no gradient
//   loss += efficiency_weight * mean of k / A
//   dselected = scale * the gradient in g, k held fixed, where selected
template <class T>
void top_any_losses(Backend<T>& backend, double* loss, T* dselected, T const* selected,
                    T const* weights, T const* active, double efficiency_weight,
                    RoutingLoss<T> const& how) {
  std::ptrdiff_t const cols = how.cols;
  std::fill_n(dselected, how.rows * cols, T(0));
  double const counted = detail::present_rows(how.present, how.rows);
  double const actives =
      detail::sum_of<double>(cols, [=](std::ptrdiff_t e) { return active[e] != T(0) ? 1.0 : 0.0; });
  if (counted <= 0.0 || actives <= 0.0) return;
  double* const totals = detail::routing_totals(
      backend, how.present, how.rows, 1, 2 * cols + 1, [=](std::ptrdiff_t r, double* sums) {
        double any = 0;
        for (std::ptrdiff_t e = 0; e < cols; ++e) {
          sums[e] += static_cast<double>(selected[r * cols + e]);
          sums[cols + e] += static_cast<double>(weights[r * cols + e]);
          any = std::max(any, static_cast<double>(selected[r * cols + e]));
        }
        sums[2 * cols] += any;
      });
  double const routed = std::max(1.0, totals[2 * cols]);  // the rows with k > 0
  double assignments = 0, balance = 0;
  for (std::ptrdiff_t e = 0; e < cols; ++e) {
    assignments += totals[e];
    balance += totals[e] * totals[cols + e];
  }
  double const unit = how.weight * actives / (routed * routed);
  double const efficiency = efficiency_weight / (counted * actives);
  *loss += unit * balance + efficiency * assignments;
  detail::for_present_rows(backend, how, [=](std::ptrdiff_t r) {
    for (std::ptrdiff_t i = r * cols; i < (r + 1) * cols; ++i) {
      double const d = unit * totals[i - r * cols] * static_cast<double>(weights[i]) + efficiency;
      dselected[i] = selected[i] != T(0) ? static_cast<T>(how.scale * d) : T(0);
    }
  });
}

// sums[c] += sum of x[r, c] over the rows that count and have nothing selected; *count += how many
// there are. selected [rows, experts]
template <class T>
void sum_of_unrouted(Backend<T>& backend, T* sums, T* count, T const* x, T const* selected,
                     T const* present, int experts, int rows, int cols) {
  std::ptrdiff_t const width = cols + std::ptrdiff_t{1};
  T const* const partials = detail::partial_sums<T>(
      backend, rows, detail::rows_per_sum, width,
      [=](std::ptrdiff_t begin, std::ptrdiff_t end, T* partial) {
        for (std::ptrdiff_t r = begin; r < end; ++r) {
          T const* const s = selected + r * experts;
          bool const none = std::all_of(s, s + experts, [](T one) { return one == T(0); });
          if (!none || !detail::is_present(present, r)) continue;
          for (std::ptrdiff_t c = 0; c < cols; ++c) partial[c] += x[r * cols + c];
          partial[cols] += T(1);
        }
      });
  auto const blocks = detail::blocks_of(rows, detail::rows_per_sum);
  detail::add_partials(backend, sums, partials, blocks, width, std::ptrdiff_t{cols});
  for (std::ptrdiff_t b = 0; b < blocks; ++b) *count += partials[b * width + cols];
}

}  // namespace moenda::cpu::MOENDA_LEVEL
