// SPDX-License-Identifier: Apache-2.0
#pragma once
// Softmax over rows, all of a row or a selected part of it, and weights taken from a selection.
#include <limits>

#include "moenda/cpu/kernels/blocks.hpp"
#include "moenda/cpu/kernels/exponential.hpp"

namespace moenda::cpu::MOENDA_LEVEL {

namespace detail {

/// One row of softmax over the columns where taken(c). Both the exponential and the choice are made
/// for every column: a branch would keep the loop from becoming vector code.
template <class T, class Taken>
void softmax_of_row(T* probs, T const* logits, std::ptrdiff_t cols, Taken const& taken) {
  constexpr T least = -std::numeric_limits<T>::infinity();
  // Only differences matter, and with the largest logit at 0 no exponential overflows.
  T const largest = maximum_of<T>(cols, least, [=](std::ptrdiff_t c) {
    T const z = logits[c];
    return taken(c) ? z : least;
  });
  for (std::ptrdiff_t c = 0; c < cols; ++c) {
    T const e = exponential(logits[c] - largest);
    probs[c] = taken(c) ? e : T(0);
  }
  T const sum = sum_of<T>(cols, [=](std::ptrdiff_t c) { return probs[c]; });
  T const scale = sum == T(0) ? T(0) : T(1) / sum;  // 0 only where nothing is taken
  for (std::ptrdiff_t c = 0; c < cols; ++c) {
    T const p = probs[c] * scale;
    probs[c] = taken(c) ? p : T(0);
  }
}

}  // namespace detail

// probs[r, c] = exp(z[r, c]) / sum of exp(z[r, j]) over the j that take part, 0 where c does not.
// A row in which nothing takes part is all 0. A NaN or +infinity that takes part, or nothing but
// -infinity, makes NaN of all that take part.
template <class T>
void softmax_forward(Backend<T>& backend, T* probs, T const* logits, T const* mask, int rows,
                     int cols) {
  auto const body = [=](std::ptrdiff_t begin, std::ptrdiff_t end) {
    for (std::ptrdiff_t r = begin; r < end; ++r) {
      T* const p = probs + r * cols;
      T const* const z = logits + r * cols;
      if (mask == nullptr) {
        detail::softmax_of_row(p, z, cols, [](std::ptrdiff_t) { return true; });
      } else {
        T const* const m = mask + r * cols;
        detail::softmax_of_row(p, z, cols, [=](std::ptrdiff_t c) { return m[c] != T(0); });
      }
    }
  };
  detail::for_blocks(backend, rows, detail::rows_per_block(cols), body);
}

// dlogits = p (dp - sum_j dp_j p_j), assigned. A masked column has p = 0 and so no gradient.
template <class T>
void softmax_backward(Backend<T>& backend, T* dlogits, T const* dprobs, T const* probs, int rows,
                      int cols) {
  auto const body = [=](std::ptrdiff_t begin, std::ptrdiff_t end) {
    for (std::ptrdiff_t r = begin; r < end; ++r) {
      T const* const p = probs + r * cols;
      T const* const up = dprobs + r * cols;
      T* const down = dlogits + r * cols;
      T const dot = detail::sum_of<T>(cols, [=](std::ptrdiff_t c) { return up[c] * p[c]; });
      for (std::ptrdiff_t c = 0; c < cols; ++c) down[c] = p[c] * (up[c] - dot);
    }
  };
  detail::for_blocks(backend, rows, detail::rows_per_block(cols), body);
}

// y = x where mask != 0, else 0. With `renormalise` divided by the row's sum (Shazeer et al. 2017
// and Jiang et al. 2024 weigh the experts this way), unless that is 0: then by 1. sums[r] is what
// the row was divided by.
template <class T>
void select_forward(Backend<T>& backend, T* y, T* sums, T const* x, T const* mask, bool renormalise,
                    int rows, int cols) {
  auto const body = [=](std::ptrdiff_t begin, std::ptrdiff_t end) {
    for (std::ptrdiff_t r = begin; r < end; ++r) {
      T const* const from = x + r * cols;
      T const* const m = mask + r * cols;
      T* const to = y + r * cols;
      auto const taken = [=](std::ptrdiff_t c) {
        T const value = from[c];
        return m[c] != T(0) ? value : T(0);
      };
      T const sum = renormalise ? detail::sum_of<T>(cols, taken) : T(1);
      sums[r] = sum == T(0) ? T(1) : sum;
      // A quotient, not a product with 1 / s: that overflows for a tiny s.
      T const divisor = sums[r];
      for (std::ptrdiff_t c = 0; c < cols; ++c) to[c] = taken(c) / divisor;
    }
  };
  detail::for_blocks(backend, rows, detail::rows_per_block(cols), body);
}

// dx = dy where mask != 0, else 0. With `renormalise` y = x / s, s = sum_j x_j, so
// dx = (dy - sum_j dy_j y_j) / s.
template <class T>
void select_backward(Backend<T>& backend, T* dx, T const* dy, T const* y, T const* sums,
                     T const* mask, bool renormalise, int rows, int cols) {
  auto const body = [=](std::ptrdiff_t begin, std::ptrdiff_t end) {
    for (std::ptrdiff_t r = begin; r < end; ++r) {
      T const* const up = dy + r * cols;
      T const* const out = y + r * cols;
      T const* const m = mask + r * cols;
      T* const down = dx + r * cols;
      T const dot = renormalise
                        ? detail::sum_of<T>(cols, [=](std::ptrdiff_t c) { return up[c] * out[c]; })
                        : T(0);
      T const divisor = renormalise ? sums[r] : T(1);
      for (std::ptrdiff_t c = 0; c < cols; ++c) {
        T const d = (up[c] - dot) / divisor;
        down[c] = m[c] != T(0) ? d : T(0);
      }
    }
  };
  detail::for_blocks(backend, rows, detail::rows_per_block(cols), body);
}

}  // namespace moenda::cpu::MOENDA_LEVEL
