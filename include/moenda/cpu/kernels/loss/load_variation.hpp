// SPDX-License-Identifier: Apache-2.0
#pragma once
// The squared coefficient of variation of what the experts get: of combine weights, or of the
// chance to be chosen (Shazeer et al. 2017, section 4 and appendix A).
#include <cmath>
#include <limits>
#include <numbers>

#include "moenda/cpu/kernels/loss/routing_totals.hpp"

namespace moenda::cpu::MOENDA_LEVEL {

namespace detail {

/// weight * variance / mean^2 of the sums, which become its derivative in them. Of sums that are
/// all 0 both are 0.
inline double squared_variation(double* sums, std::ptrdiff_t count, double weight) {
  double mean = 0.0, variance = 0.0;
  auto const n = static_cast<double>(count);
  for (std::ptrdiff_t e = 0; e < count; ++e) mean += sums[e] / n;
  for (std::ptrdiff_t e = 0; e < count; ++e) {
    variance += (sums[e] - mean) * (sums[e] - mean) / n;
  }
  if (mean == 0.0) {
    std::fill_n(sums, count, 0.0);
    return 0.0;
  }
  double const share = variance / (mean * mean);
  for (std::ptrdiff_t e = 0; e < count; ++e) {
    sums[e] = 2.0 * weight / (n * mean) * ((sums[e] - mean) / mean - share);
  }
  return weight * share;
}

/// The marks that an expert of a row must pass to be among the chosen, and where they stand: for
/// those chosen the best of the others, for the others the worst of the chosen (-1: nobody).
struct ChoiceMarks {
  std::ptrdiff_t of_chosen = -1, of_others = -1;
};
template <class T>
[[nodiscard]] ChoiceMarks marks_of_row(T const* noisy, T const* selected, std::ptrdiff_t cols) {
  ChoiceMarks marks;
  T best_other = 0, worst_chosen = 0;
  for (std::ptrdiff_t e = 0; e < cols; ++e) {
    T const value = noisy[e];
    if (selected[e] == T(0)) {
      if (marks.of_chosen < 0 || value > best_other) marks.of_chosen = e, best_other = value;
    } else {
      if (marks.of_others < 0 || value < worst_chosen) marks.of_others = e, worst_chosen = value;
    }
  }
  return marks;
}

/// The chance of one expert to be chosen, were its noise drawn again: Phi(u).
template <class T>
struct Chance {
  T sure = 0;                ///< the chance where noise decides nothing
  T u = 0, sigma = 0;        ///< how far ahead of the mark, in sigmas
  std::ptrdiff_t mark = -1;  ///< the expert it is compared with; -1: noise decides nothing

  [[nodiscard]] T value() const {
    return mark < 0 ? sure : T(0.5) * std::erfc(-u * (std::numbers::sqrt2_v<T> / 2));
  }
  /// Its derivative in the clean logit: phi(u) / sigma.
  [[nodiscard]] T slope() const {
    constexpr T factor = std::numbers::inv_sqrtpi_v<T> / std::numbers::sqrt2_v<T>;
    return factor * std::exp(T(-0.5) * u * u) / sigma;
  }
};
template <class T>
[[nodiscard]] Chance<T> chance_of(ChoiceMarks const& marks, T const* clean, T const* noisy,
                                  T const* sigma, T const* selected, std::ptrdiff_t e) {
  bool const chosen = selected[e] != T(0);
  auto const mark = chosen ? marks.of_chosen : marks.of_others;
  T const value = clean[e], spread = sigma[e], limit = noisy[std::max<std::ptrdiff_t>(0, mark)];
  if (mark < 0) return {chosen ? T(1) : T(0)};  // all are chosen, or none
  T const u = (value - limit) / spread;
  // So far from the mark the chance is 1 or 0 to the last bit. A sigma below the ordinary numbers
  // is taken for 0: what is divided by it could be infinite.
  bool const open = std::abs(u) < T(100) && spread >= std::numeric_limits<T>::min();
  if (!open) return {value > limit ? T(1) : T(0)};
  return {T(0), u, spread, mark};
}

}  // namespace detail

// loss += weight * CV(I)^2, I_e = sum over the items that chose e of weights (Shazeer et al. 2017,
// eq. 6-7); dweights += scale * its gradient, where selected. dweights null: loss only.
template <class T>
void importance_forward(Backend<T>& backend, double* loss, T* dweights, T const* weights,
                        T const* selected, RoutingLoss<T> const& how) {
  std::ptrdiff_t const cols = how.cols;
  if (how.rows <= 0 || cols <= 0) return;
  auto const add_row = [=](std::ptrdiff_t r, double* sums) {
    for (std::ptrdiff_t e = 0; e < cols; ++e) {
      auto const weight = static_cast<double>(weights[r * cols + e]);
      sums[e] += selected[r * cols + e] != T(0) ? weight : 0.0;
    }
  };
  double* const slopes = detail::routing_totals(backend, how.present, how.rows, 1, cols, add_row);
  *loss += detail::squared_variation(slopes, cols, how.weight);
  if (dweights == nullptr) return;
  double const scale = how.scale;
  detail::for_present_rows(backend, how, [=](std::ptrdiff_t r) {
    for (std::ptrdiff_t e = 0; e < cols; ++e) {
      T const before = dweights[r * cols + e], after = before + static_cast<T>(scale * slopes[e]);
      dweights[r * cols + e] = selected[r * cols + e] != T(0) ? after : before;
    }
  });
}

// loss += weight * CV(L)^2, L_e = sum_t P(t, e), P the chance that e is among the chosen of t were
// its own noise drawn again: P = Phi((clean_e - mark_e) / sigma_e), where noisy = clean + noise *
// sigma and mark_e is the k-th largest noisy value of the others (Shazeer et al. 2017, eq. 8-11).
// The gradient is the whole one, through the marks too, with the noise held. dclean and dsigma
// null: loss only.
template <class T>
void smooth_load_forward(Backend<T>& backend, double* loss, T* dclean, T* dsigma, T const* clean,
                         T const* noisy, T const* sigma, T const* selected,
                         RoutingLoss<T> const& how) {
  std::ptrdiff_t const cols = how.cols;
  if (how.rows <= 0 || cols <= 0) return;
  auto const chance = [=](detail::ChoiceMarks const& marks, std::ptrdiff_t at, std::ptrdiff_t e) {
    return detail::chance_of(marks, clean + at, noisy + at, sigma + at, selected + at, e);
  };
  auto const add_row = [=](std::ptrdiff_t r, double* sums) {
    auto const marks = detail::marks_of_row(noisy + r * cols, selected + r * cols, cols);
    for (std::ptrdiff_t e = 0; e < cols; ++e) {
      sums[e] += static_cast<double>(chance(marks, r * cols, e).value());
    }
  };
  double* const slopes = detail::routing_totals(backend, how.present, how.rows, 1, cols, add_row);
  *loss += detail::squared_variation(slopes, cols, how.weight);
  if (dclean == nullptr || dsigma == nullptr) return;
  double const scale = how.scale;
  detail::for_present_rows(backend, how, [=](std::ptrdiff_t r) {
    auto const at = r * cols;
    auto const marks = detail::marks_of_row(noisy + at, selected + at, cols);
    for (std::ptrdiff_t e = 0; e < cols; ++e) {
      auto const p = chance(marks, at, e);
      if (p.mark < 0) continue;
      T const slope = static_cast<T>(scale * slopes[e]) * p.slope();
      dclean[at + e] += slope;
      dsigma[at + e] -= slope * p.u;
      auto const m = at + p.mark;  // the mark is clean + noise * sigma of another expert
      dclean[m] -= slope;
      if (sigma[m] > T(0)) dsigma[m] -= slope * ((noisy[m] - clean[m]) / sigma[m]);
    }
  });
}

}  // namespace moenda::cpu::MOENDA_LEVEL
