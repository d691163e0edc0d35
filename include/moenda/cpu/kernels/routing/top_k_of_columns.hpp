// SPDX-License-Identifier: Apache-2.0
#pragma once
// The k largest entries of every column, group of rows by group of rows, as a mask.
#include "moenda/cpu/kernels/routing/top_k.hpp"

namespace moenda::cpu::MOENDA_LEVEL {

namespace detail {

/// For 0 < k < n: mask = 1 at the k largest of x, entry i standing at i * step; ties to the first.
template <class T>
void mark_largest(T* mask, T const* x, T* keys, int k, int n, std::ptrdiff_t step) {
  for (int i = 0; i < n; ++i) keys[i] = selection_key(x[i * step]);
  std::nth_element(keys, keys + k - 1, keys + n, std::greater<T>());
  T const smallest = keys[k - 1];
  auto ties = k - std::count_if(keys, keys + k, [=](T key) { return key > smallest; });
  for (int i = 0; i < n; ++i) {
    T const key = selection_key(x[i * step]);
    bool const taken = key > smallest || (key == smallest && ties-- > 0);
    mask[i * step] = T(taken);
  }
}

}  // namespace detail

// mask[r, c] = 1 for the k largest of column c among the rows of r's group (ties: lowest row; NaN
// counts as -infinity), else 0. Member i of group g is row g * group_step + i * member_step; the
// groups hold every row once.
template <class T>
void top_k_of_columns(Backend<T>& backend, T* mask, T const* x, int k, int groups, int members,
                      int group_step, int member_step, int cols) {
  auto const scalars = std::ptrdiff_t{groups} * members * cols;
  std::fill_n(mask, scalars, k >= members ? T(1) : T(0));
  if (k <= 0 || k >= members) return;
  auto const body = [=, &backend](std::ptrdiff_t begin, std::ptrdiff_t end) {
    T* const keys =
        backend.template scratch<T>(Backend<T>::reduction, static_cast<std::size_t>(members));
    for (std::ptrdiff_t i = begin; i < end; ++i) {
      auto const first = i / cols * group_step * cols + i % cols;
      detail::mark_largest(mask + first, x + first, keys, k, members,
                           std::ptrdiff_t{member_step} * cols);
    }
  };
  detail::for_blocks(backend, std::ptrdiff_t{groups} * cols, detail::rows_per_block(members), body);
}

}  // namespace moenda::cpu::MOENDA_LEVEL
