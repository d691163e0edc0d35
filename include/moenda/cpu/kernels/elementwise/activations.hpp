// SPDX-License-Identifier: Apache-2.0
#pragma once
// Elementwise activations. Every backward recomputes from its input: that costs less than keeping
// another array of the hidden width.
#include <cmath>

#include "moenda/cpu/kernels/blocks.hpp"
#include "moenda/cpu/kernels/exponential.hpp"

namespace moenda::cpu::MOENDA_LEVEL {

namespace detail {

/// (1 + tanh(u)) / 2 of GELU, with u = sqrt(2 / pi) (x + 0.044715 x^3): the logistic function of
/// 2u, which takes one exponential and loses no digits where 1 + tanh(u) cancels.
template <class T>
[[nodiscard]] inline T gelu_share(T x) {
  return sigmoid(T(1.5957691216057308) * (x + T(0.044715) * x * x * x));
}

/// Calls body(i) for every i in [0, n), in parallel blocks.
template <class T, class Body>
void for_scalars(Backend<T>& backend, std::ptrdiff_t n, Body const& body) {
  for_blocks(backend, n, scalars_per_block, [=](std::ptrdiff_t begin, std::ptrdiff_t end) {
    for (std::ptrdiff_t i = begin; i < end; ++i) body(i);
  });
}

}  // namespace detail

// y = x s, s = (1 + tanh(u)) / 2: the tanh form of GELU (Hendrycks & Gimpel 2016, section 2)
template <class T>
void gelu_forward(Backend<T>& backend, T* y, T const* x, std::ptrdiff_t n) {
  detail::for_scalars(backend, n,
                      [=](std::ptrdiff_t i) { y[i] = x[i] * detail::gelu_share(x[i]); });
}

// dy/dx = s + x s (1 - s) d(2u)/dx, d(2u)/dx = 2 sqrt(2 / pi) (1 + 0.134145 x^2)
template <class T>
void gelu_backward(Backend<T>& backend, T* dx, T const* dy, T const* x, std::ptrdiff_t n) {
  detail::for_scalars(backend, n, [=](std::ptrdiff_t i) {
    T const s = detail::gelu_share(x[i]);
    T const slope = T(1.5957691216057308) * (T(1) + T(0.134145) * x[i] * x[i]);
    dx[i] = dy[i] * s * (T(1) + x[i] * (T(1) - s) * slope);
  });
}

// y = x Phi(x), Phi the distribution of a standard normal: GELU (Hendrycks & Gimpel 2016, eq. 1)
template <class T>
void gelu_erf_forward(Backend<T>& backend, T* y, T const* x, std::ptrdiff_t n) {
  detail::for_scalars(backend, n, [=](std::ptrdiff_t i) {
    y[i] = T(0.5) * x[i] * (T(1) + std::erf(T(0.7071067811865476) * x[i]));
  });
}

// dy/dx = Phi(x) + x exp(-x^2 / 2) / sqrt(2 pi)
template <class T>
void gelu_erf_backward(Backend<T>& backend, T* dx, T const* dy, T const* x, std::ptrdiff_t n) {
  detail::for_scalars(backend, n, [=](std::ptrdiff_t i) {
    T const phi = T(0.5) * (T(1) + std::erf(T(0.7071067811865476) * x[i]));
    T const density = T(0.3989422804014327) * exponential(T(-0.5) * x[i] * x[i]);
    dx[i] = dy[i] * (phi + x[i] * density);
  });
}

// y = x within -limit .. limit; NaN stays
template <class T>
void clip_forward(Backend<T>& backend, T* y, T const* x, T limit, std::ptrdiff_t n) {
  detail::for_scalars(backend, n, [=](std::ptrdiff_t i) {
    y[i] = x[i] > limit ? limit : x[i] < -limit ? -limit : x[i];
  });
}

// dy/dx = 1 within, 0 beyond
template <class T>
void clip_backward(Backend<T>& backend, T* dx, T const* dy, T const* x, T limit, std::ptrdiff_t n) {
  detail::for_scalars(
      backend, n, [=](std::ptrdiff_t i) { dx[i] = x[i] > limit || x[i] < -limit ? T(0) : dy[i]; });
}

// y = x s(x), s the logistic function: SiLU (Elfwing et al. 2017, eq. 5)
template <class T>
void silu_forward(Backend<T>& backend, T* y, T const* x, std::ptrdiff_t n) {
  detail::for_scalars(backend, n, [=](std::ptrdiff_t i) { y[i] = x[i] * sigmoid(x[i]); });
}

// dy/dx = s (1 + x (1 - s))
template <class T>
void silu_backward(Backend<T>& backend, T* dx, T const* dy, T const* x, std::ptrdiff_t n) {
  detail::for_scalars(backend, n, [=](std::ptrdiff_t i) {
    T const s = sigmoid(x[i]);
    dx[i] = dy[i] * s * (T(1) + x[i] * (T(1) - s));
  });
}

// y = silu(gate) up: SwiGLU without its matrix products (Shazeer 2020, eq. 6)
template <class T>
void swiglu_forward(Backend<T>& backend, T* y, T const* gate, T const* up, std::ptrdiff_t n) {
  detail::for_scalars(backend, n,
                      [=](std::ptrdiff_t i) { y[i] = gate[i] * sigmoid(gate[i]) * up[i]; });
}

// dup = dy silu(gate), dgate = dy up silu'(gate)
template <class T>
void swiglu_backward(Backend<T>& backend, T* dgate, T* dup, T const* dy, T const* gate, T const* up,
                     std::ptrdiff_t n) {
  detail::for_scalars(backend, n, [=](std::ptrdiff_t i) {
    T const g = gate[i], u = up[i], d = dy[i];
    T const s = sigmoid(g);
    dup[i] = d * g * s;
    dgate[i] = d * u * s * (T(1) + g * (T(1) - s));
  });
}

}  // namespace moenda::cpu::MOENDA_LEVEL
