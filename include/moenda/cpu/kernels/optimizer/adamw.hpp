// SPDX-License-Identifier: Apache-2.0
#pragma once
// The optimizer's step over one flat array, and the norm it is clipped by.
#include <cmath>
#if defined(__SSE2__)
#include <immintrin.h>
#endif

#include "moenda/cpu/kernels/blocks.hpp"

namespace moenda::cpu::MOENDA_LEVEL {

// *sum = sum_i x_i^2, assigned
template <class T>
void sum_of_squares(Backend<T>& backend, double* sum, T const* x, std::ptrdiff_t n) {
  auto const body = [=](std::ptrdiff_t begin, std::ptrdiff_t end, double* partial) {
    T const* const part = x + begin;
    *partial = detail::sum_of<double>(end - begin, [=](std::ptrdiff_t i) {
      return static_cast<double>(part[i]) * static_cast<double>(part[i]);
    });
  };
  constexpr auto size = detail::scalars_per_copy;
  double const* const partials = detail::partial_sums<double>(backend, n, size, 1, body);
  *sum = 0.0;
  for (std::ptrdiff_t b = 0; b < detail::blocks_of(n, size); ++b) *sum += partials[b];
}

namespace detail {

/// x[i] = sqrt(x[i]). Square roots are exact to the last bit on every path. By hand because
/// std::sqrt sets errno for negative numbers, which keeps compilers from making vectors of it.
template <class T>
void square_roots(T* x, std::ptrdiff_t n) {
  std::ptrdiff_t i = 0;
  if constexpr (std::is_same_v<T, float>) {
#if MOENDA_AVX2
    for (; i + 8 <= n; i += 8) _mm256_storeu_ps(x + i, _mm256_sqrt_ps(_mm256_loadu_ps(x + i)));
#elif defined(__SSE2__)
    for (; i + 4 <= n; i += 4) _mm_storeu_ps(x + i, _mm_sqrt_ps(_mm_loadu_ps(x + i)));
#endif
  }
  for (; i < n; ++i) x[i] = std::sqrt(x[i]);
}

/// The factors of one step, rounded once.
template <class T>
struct AdamWFactors {
  explicit AdamWFactors(AdamWStep const& s)
      : gradient_scale(static_cast<T>(s.gradient_scale)),
        beta1(static_cast<T>(s.beta1)),
        beta2(static_cast<T>(s.beta2)),
        rest1(static_cast<T>(1.0 - s.beta1)),
        rest2(static_cast<T>(1.0 - s.beta2)),
        keep(static_cast<T>(1.0 - s.learning_rate * s.weight_decay)),
        step_size(static_cast<T>(s.learning_rate / s.correction1)),
        inverse_root2(static_cast<T>(1.0 / std::sqrt(s.correction2))),
        epsilon(static_cast<T>(s.epsilon)) {}
  T gradient_scale, beta1, beta2, rest1, rest2, keep, step_size, inverse_root2, epsilon;
};

}  // namespace detail

// With g = gradient_scale * gradient, a = learning_rate, c1 = 1 - beta1^t, c2 = 1 - beta2^t:
//   m <- beta1 m + (1 - beta1) g          (Loshchilov & Hutter 2019, algorithm 2, line 7)
//   v <- beta2 v + (1 - beta2) g^2        (line 8)
//   x <- (1 - a decay) x - a (m / c1) / (sqrt(v / c2) + epsilon)
// The decay is multiplied by the learning rate, as PyTorch and most users of AdamW do it.
template <class T>
void adamw_step(Backend<T>& backend, T* values, T* first_moment, T* second_moment,
                T const* gradients, AdamWStep const& step, std::ptrdiff_t n) {
  detail::AdamWFactors<T> const f(step);
  auto const body = [=](std::ptrdiff_t begin, std::ptrdiff_t end) {
    constexpr std::ptrdiff_t chunk = 512;  // stays in the first cache
    T roots[chunk];
    for (; begin < end; begin += chunk) {
      auto const count = std::min(chunk, end - begin);
      T* const x = values + begin;
      T* const m = first_moment + begin;
      T* const v = second_moment + begin;
      T const* const gradient = gradients + begin;
      for (std::ptrdiff_t i = 0; i < count; ++i) {
        T const g = f.gradient_scale * gradient[i];
        m[i] = f.beta1 * m[i] + f.rest1 * g;
        roots[i] = v[i] = f.beta2 * v[i] + f.rest2 * g * g;
      }
      detail::square_roots(roots, count);
      for (std::ptrdiff_t i = 0; i < count; ++i) {
        x[i] = f.keep * x[i] - f.step_size * m[i] / (roots[i] * f.inverse_root2 + f.epsilon);
      }
    }
  };
  detail::for_blocks(backend, n, detail::scalars_per_block, body);
}

}  // namespace moenda::cpu::MOENDA_LEVEL
