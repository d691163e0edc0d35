// SPDX-License-Identifier: Apache-2.0
#pragma once
// What the losses on a router have in common: sums over the rows of a table that are not padding,
// in double, as they run over every token of a step.
#include "moenda/cpu/kernels/blocks.hpp"

namespace moenda::cpu::MOENDA_LEVEL::detail {

template <class T>
[[nodiscard]] inline bool is_present(T const* present, std::ptrdiff_t row) {
  return present == nullptr || present[row] != T(0);
}

/// How many of the rows count.
template <class T>
[[nodiscard]] inline double present_rows(T const* present, std::ptrdiff_t rows) {
  if (present == nullptr) return static_cast<double>(rows);
  return sum_of<double>(rows, [=](std::ptrdiff_t r) { return present[r] != T(0) ? 1.0 : 0.0; });
}

/// totals[g, i] = sum of what body(row, sums) adds to sums[0 .. width) for every row of group g
/// that counts. The groups are equally many rows each. The totals [groups, width] live in the
/// caller's reduction scratch, which body must not take.
template <class T, class Body>
[[nodiscard]] double* routing_totals(Backend<T>& backend, T const* present, std::ptrdiff_t rows,
                                     std::ptrdiff_t groups, std::ptrdiff_t width,
                                     Body const& body) {
  auto const group_rows = rows / groups, blocks = blocks_of(group_rows, rows_per_sum);
  double* const totals = backend.template scratch<double>(
      Backend<T>::reduction, static_cast<std::size_t>(groups * (1 + blocks) * width));
  double* const partials = totals + groups * width;
  for_blocks(backend, groups * blocks, 1, [&](std::ptrdiff_t block, std::ptrdiff_t) {
    double* const sums = partials + block * width;
    std::fill_n(sums, width, 0.0);
    auto const first = block / blocks * group_rows, begin = block % blocks * rows_per_sum;
    auto const end = std::min(group_rows, begin + rows_per_sum);
    for (auto r = first + begin; r < first + end; ++r) {
      if (is_present(present, r)) body(r, sums);
    }
  });
  std::fill_n(totals, groups * width, 0.0);
  for (std::ptrdiff_t g = 0; g < groups; ++g) {
    add_partials(backend, totals + g * width,
                 static_cast<double const*>(partials + g * blocks * width), blocks, width, width);
  }
  return totals;
}

/// Calls body(row) for every row that counts, in parallel.
template <class T, class Body>
void for_present_rows(Backend<T>& backend, RoutingLoss<T> const& how, Body const& body) {
  auto const* const present = how.present;
  for_blocks(backend, how.rows, rows_per_block(how.cols),
             [=, &body](std::ptrdiff_t begin, std::ptrdiff_t end) {
               for (std::ptrdiff_t r = begin; r < end; ++r) {
                 if (is_present(present, r)) body(r);
               }
             });
}

}  // namespace moenda::cpu::MOENDA_LEVEL::detail
