// SPDX-License-Identifier: Apache-2.0
#pragma once
// Entropic optimal transport between rows and columns of equal mass, in the log domain.
#include <cmath>
#include <limits>

#include "moenda/cpu/kernels/blocks.hpp"
#include "moenda/cpu/kernels/exponential.hpp"
#include "moenda/cpu/kernels/loss/routing_totals.hpp"

namespace moenda::cpu::MOENDA_LEVEL {

namespace detail {

inline constexpr double minus_infinity = -std::numeric_limits<double>::infinity();

/// log sum_i exp(term(i)). The exponentials are of differences, so T is enough for them.
template <class T, class Term>
[[nodiscard]] double logsumexp(std::ptrdiff_t n, Term const& term) {
  double const largest = maximum_of<double>(n, minus_infinity, term);
  T const sum = sum_of<T>(
      n, [&](std::ptrdiff_t i) { return exponential(static_cast<T>(term(i) - largest)); });
  return largest + std::log(static_cast<double>(sum));
}

/// The potentials of a plan log P[r, c] = z[r, c] + row[r] + column[c], and what a block of rows
/// adds to the sums of the columns: sum[c] * exp(largest[c]).
struct SinkhornSums {
  double *row, *column;   // [rows], [cols]
  double *largest, *sum;  // [blocks, cols]
};

/// Makes the rows begin .. end sum to exp(mass), and leaves their part of the column sums. Rows
/// that are absent or not finite count for nothing, so that they spoil no other row.
template <class T>
void balance_rows(SinkhornSums const& s, T const* z, T const* present, double mass,
                  std::ptrdiff_t begin, std::ptrdiff_t end, std::ptrdiff_t cols) {
  double* const largest = s.largest + begin / rows_per_sum * cols;
  double* const sum = s.sum + begin / rows_per_sum * cols;
  std::fill_n(largest, cols, minus_infinity);
  std::fill_n(sum, cols, 0.0);
  for (std::ptrdiff_t r = begin; r < end; ++r) {
    T const* const x = z + r * cols;
    if (!is_present(present, r)) {
      s.row[r] = minus_infinity;
      continue;
    }
    s.row[r] = mass - logsumexp<T>(cols, [&](std::ptrdiff_t c) {
                 return static_cast<double>(x[c]) + s.column[c];
               });
    if (!std::isfinite(s.row[r])) continue;
    for (std::ptrdiff_t c = 0; c < cols; ++c) {
      double const value = static_cast<double>(x[c]) + s.row[r];
      largest[c] = value > largest[c] ? value : largest[c];
    }
  }
  for (std::ptrdiff_t r = begin; r < end; ++r) {
    if (!std::isfinite(s.row[r])) continue;
    for (std::ptrdiff_t c = 0; c < cols; ++c) {
      double const value = static_cast<double>(z[r * cols + c]) + s.row[r] - largest[c];
      sum[c] += static_cast<double>(exponential(static_cast<T>(value)));
    }
  }
}

/// Makes column c sum to exp(mass), from the parts of all blocks, in their order.
inline void balance_column(SinkhornSums const& s, std::ptrdiff_t c, double mass,
                           std::ptrdiff_t blocks, std::ptrdiff_t cols) {
  double largest = minus_infinity, sum = 0;
  for (std::ptrdiff_t b = 0; b < blocks; ++b) largest = std::max(largest, s.largest[b * cols + c]);
  if (!std::isfinite(largest)) return;  // nothing but rows that are not finite
  for (std::ptrdiff_t b = 0; b < blocks; ++b) {
    double const part = s.sum[b * cols + c], of_part = s.largest[b * cols + c];
    if (part != 0) sum += part * std::exp(of_part - largest);
  }
  s.column[c] = mass - largest - std::log(sum);
}

}  // namespace detail

// log_plan = logits + u (per row) + v (per column) after `iterations` times
//   u_r = -log n - logsumexp_c(z_rc + v_c);   v_c = -log cols - logsumexp_r(z_rc + u_r)
// over the n rows that are present (Cuturi 2013, algorithm 1, in logarithms), so that exp(log_plan)
// has columns that sum to 1 / cols and, when it has converged, rows that sum to 1 / n. u_r = 0 in
// other rows. No exponential overflows, whatever z is.
template <class T>
void sinkhorn_forward(Backend<T>& backend, T* log_plan, T const* logits, T const* present,
                      int iterations, int rows, int cols) {
  if (rows <= 0 || cols <= 0) return;
  auto const blocks = detail::blocks_of(rows, detail::rows_per_sum);
  double* const memory = backend.template scratch<double>(
      Backend<T>::reduction, static_cast<std::size_t>(rows + cols + 2 * blocks * cols));
  detail::SinkhornSums const s{memory, memory + rows, memory + rows + cols,
                               memory + rows + cols + blocks * cols};
  std::fill_n(s.row, rows + cols, 0.0);
  double const row_mass = -std::log(detail::present_rows(present, rows)),
               column_mass = -std::log(double(cols));
  for (int i = 0; i < iterations; ++i) {
    detail::for_blocks(backend, rows, detail::rows_per_sum,
                       [=](std::ptrdiff_t begin, std::ptrdiff_t end) {
                         detail::balance_rows(s, logits, present, row_mass, begin, end, cols);
                       });
    for (int c = 0; c < cols; ++c) detail::balance_column(s, c, column_mass, blocks, cols);
  }
  auto const body = [=](std::ptrdiff_t begin, std::ptrdiff_t end) {
    for (std::ptrdiff_t r = begin; r < end; ++r) {
      double const u = detail::is_present(present, r) ? s.row[r] : 0;
      for (std::ptrdiff_t c = 0; c < cols; ++c) {
        auto const z = static_cast<double>(logits[r * cols + c]);
        log_plan[r * cols + c] = static_cast<T>(z + u + s.column[c]);
      }
    }
  };
  detail::for_blocks(backend, rows, detail::rows_per_block(cols), body);
}

}  // namespace moenda::cpu::MOENDA_LEVEL
