// SPDX-License-Identifier: Apache-2.0
#pragma once
#include "moenda/cpu/kernels/loss/routing_totals.hpp"

namespace moenda::cpu::MOENDA_LEVEL {

// loss += weight * E * mean over the groups of sum_e f_e P_e, E = cols, groups of equally many rows
// (Switch Transformer, Fedus et al. 2021, eq. 4-6): P_e the mean of a group's probs[:, e], f_e the
// share of all its assignments that went to e, so that it is `weight` at balance however many
// experts an item has. `seen` [cols] (may be null): assignments before these, which f counts too.
// f has no gradient; dprobs += scale * weight * E * f / (rows of the group * groups). dprobs null:
// loss only. A group without rows that count is passed over.
template <class T>
void load_balancing_forward(Backend<T>& backend, double* loss, T* dprobs, T const* probs,
                            T const* selected, T const* seen, int groups,
                            RoutingLoss<T> const& how) {
  std::ptrdiff_t const cols = how.cols, width = 2 * cols + 1;
  if (how.rows <= 0 || cols <= 0 || groups <= 0) return;
  auto const add_row = [=](std::ptrdiff_t r, double* sums) {
    T const* const s = selected + r * cols;
    T const* const p = probs + r * cols;
    for (std::ptrdiff_t c = 0; c < cols; ++c) sums[c] += s[c] != T(0) ? 1.0 : 0.0;
    for (std::ptrdiff_t c = 0; c < cols; ++c) sums[cols + c] += static_cast<double>(p[c]);
    sums[2 * cols] += 1.0;
  };
  double* const totals =
      detail::routing_totals(backend, how.present, how.rows, groups, width, add_row);
  double counted = 0.0, sum = 0.0;
  for (int g = 0; g < groups; ++g) counted += totals[g * width + 2 * cols] > 0.0 ? 1.0 : 0.0;
  for (int g = 0; g < groups; ++g) {  // the counts become slopes: what P's gradient is made of
    double* const slopes = totals + g * width;
    double const rows = slopes[2 * cols];
    if (seen != nullptr) {
      for (std::ptrdiff_t c = 0; c < cols; ++c) slopes[c] += static_cast<double>(seen[c]);
    }
    double assignments = 0.0;
    for (std::ptrdiff_t c = 0; c < cols; ++c) assignments += slopes[c];
    double const unit = rows * assignments * counted;
    double const factor = unit > 0.0 ? how.weight * static_cast<double>(cols) / unit : 0.0;
    for (std::ptrdiff_t c = 0; c < cols; ++c) sum += (slopes[c] *= factor) * slopes[cols + c];
  }
  *loss += sum;
  if (dprobs == nullptr) return;
  std::ptrdiff_t const group_rows = how.rows / groups;
  double const scale = how.scale;
  detail::for_present_rows(backend, how, [=](std::ptrdiff_t r) {
    double const* const slopes = totals + r / group_rows * width;
    T* const down = dprobs + r * cols;
    for (std::ptrdiff_t c = 0; c < cols; ++c) down[c] += static_cast<T>(scale * slopes[c]);
  });
}

}  // namespace moenda::cpu::MOENDA_LEVEL
