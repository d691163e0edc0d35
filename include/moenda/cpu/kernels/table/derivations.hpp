// SPDX-License-Identifier: Apache-2.0
#pragma once
// The likelihood of answers that several experts can derive in several ways, and who is held
// responsible for them. In double: a batch has few of these numbers, and they are logarithms.
#include <cmath>
#include <limits>

#include "moenda/cpu/kernels/blocks.hpp"

namespace moenda::cpu::MOENDA_LEVEL {

namespace detail {

/// The logarithm of the probability of derivation d of item b: the sum of its parts'.
template <class T>
[[nodiscard]] double log_prob_of(T const* log_probs, DerivationTable const& all, int b, int d) {
  double sum = 0;
  for (int part = 0; part < DerivationTable::parts; ++part) {
    int const column = all.columns[d * DerivationTable::parts + part];
    double const log_prob = double(log_probs[std::ptrdiff_t(b) * all.width + std::max(0, column)]);
    sum += column >= 0 ? log_prob : 0.0;
  }
  return sum;
}

/// One row of log softmax over the columns where taken(c).
template <class T, class Taken>
void log_softmax_of_row(T* y, T const* x, std::ptrdiff_t cols, Taken const& taken) {
  constexpr T least = -std::numeric_limits<T>::infinity();
  T largest = least, sum = 0;
  for (std::ptrdiff_t c = 0; c < cols; ++c) {
    T const value = x[c], larger = std::max(largest, value);
    largest = taken(c) ? larger : largest;
  }
  for (std::ptrdiff_t c = 0; c < cols; ++c) {
    T const value = x[c];
    if (taken(c)) sum += std::exp(value - largest);
  }
  T const shift = largest + std::log(sum);
  for (std::ptrdiff_t c = 0; c < cols; ++c) {
    T const value = x[c] - shift;
    y[c] = taken(c) ? value : least;
  }
}

}  // namespace detail

// y = x - log sum exp x over the columns with mask != 0 (all without one), -infinity elsewhere
template <class T>
void log_softmax_forward(Backend<T>& backend, T* y, T const* x, T const* mask, int rows, int cols) {
  auto const body = [=](std::ptrdiff_t begin, std::ptrdiff_t end) {
    for (std::ptrdiff_t i = begin * cols; i < end * cols; i += cols) {
      if (mask == nullptr) {
        detail::log_softmax_of_row(y + i, x + i, cols, [](std::ptrdiff_t) { return true; });
      } else {
        T const* const m = mask + i;
        detail::log_softmax_of_row(y + i, x + i, cols,
                                   [=](std::ptrdiff_t c) { return m[c] != T(0); });
      }
    }
  };
  detail::for_blocks(backend, rows, detail::rows_per_block(cols), body);
}
// dx = dy - exp(y) sum dy
template <class T>
void log_softmax_backward(Backend<T>& backend, T* dx, T const* dy, T const* y, int rows, int cols) {
  auto const body = [=](std::ptrdiff_t begin, std::ptrdiff_t end) {
    for (std::ptrdiff_t i = begin * cols; i < end * cols; i += cols) {
      T const sum = detail::sum_of<T>(cols, [=](std::ptrdiff_t c) { return dy[i + c]; });
      for (std::ptrdiff_t c = 0; c < cols; ++c) dx[i + c] = dy[i + c] - std::exp(y[i + c]) * sum;
    }
  };
  detail::for_blocks(backend, rows, detail::rows_per_block(cols), body);
}

// likelihood[b, e] = log sum of exp(log_prob) over the derivations of item b by expert e, -infinity
// without one; shares[d] = the share of derivation d in its sum
template <class T>
void derivation_likelihood_forward(Backend<T>& backend, T* likelihood, T* shares,
                                   T const* log_probs, DerivationTable const& all) {
  constexpr double least = -std::numeric_limits<double>::infinity();
  detail::for_blocks(backend, all.items, 8, [=](std::ptrdiff_t begin, std::ptrdiff_t end) {
    for (int b = int(begin); b < int(end); ++b) {
      for (int e = 0; e < all.experts; ++e) {
        double largest = least, sum = 0;
        for (int d = all.begin[b]; d < all.begin[b + 1]; ++d) {
          double const larger = std::max(largest, detail::log_prob_of(log_probs, all, b, d));
          largest = all.expert[d] == e ? larger : largest;
        }
        for (int d = all.begin[b]; d < all.begin[b + 1]; ++d) {
          if (all.expert[d] == e)
            sum += std::exp(detail::log_prob_of(log_probs, all, b, d) - largest);
        }
        for (int d = all.begin[b]; d < all.begin[b + 1]; ++d) {
          if (all.expert[d] != e) continue;
          shares[d] = T(std::exp(detail::log_prob_of(log_probs, all, b, d) - largest) / sum);
        }
        likelihood[b * all.experts + e] = T(sum == 0 ? least : largest + std::log(sum));
      }
    }
  });
}
// dlog_probs[b, columns of d] += dlikelihood[b, expert of d] shares[d]
template <class T>
void derivation_likelihood_backward(Backend<T>& backend, T* dlog_probs, T const* dlikelihood,
                                    T const* shares, DerivationTable const& all) {
  detail::for_blocks(backend, all.items, 8, [=](std::ptrdiff_t begin, std::ptrdiff_t end) {
    for (int b = int(begin); b < int(end); ++b) {
      for (int d = all.begin[b]; d < all.begin[b + 1]; ++d) {
        T const share = dlikelihood[b * all.experts + all.expert[d]] * shares[d];
        for (int part = 0; part < DerivationTable::parts; ++part) {
          int const column = all.columns[d * DerivationTable::parts + part];
          if (column >= 0) dlog_probs[std::ptrdiff_t(b) * all.width + column] += share;
        }
      }
    }
  });
}

// a[e] = prior_weight * prior[e] + likelihood[e];   shares = softmax(a / temperature), or 1 at the
// largest (ties: lowest) for temperature 0; 0 where no expert has a likelihood.
// loss = sum_e shares (-log_router - likelihood + temperature log shares)
template <class T>
void expectation_step(Backend<T>&, double* loss_sum, T* losses, T* shares, T const* prior,
                      T const* log_router, T const* likelihood, double prior_weight,
                      double temperature, int items, int experts) {
  constexpr double least = -std::numeric_limits<double>::infinity();
  *loss_sum = 0;
  for (std::ptrdiff_t i = 0; i < std::ptrdiff_t(items) * experts; i += experts) {
    double largest = least, sum = 0, loss = 0;
    int best = 0;
    auto const worth = [=](int e) {
      double const believed = prior_weight * double(prior[i + e]);
      return (prior_weight == 0 ? 0 : believed) + double(likelihood[i + e]);
    };
    for (int e = 0; e < experts; ++e) {
      if (worth(e) > largest) largest = worth(e), best = e;
      if (std::isnan(worth(e))) loss = worth(e);  // shows, whoever is responsible
    }
    auto const share = [=](int e) {
      if (largest == least) return 0.0;
      return temperature > 0 ? std::exp((worth(e) - largest) / temperature) : double(e == best);
    };
    for (int e = 0; e < experts; ++e) sum += share(e);
    for (int e = 0; e < experts; ++e) {
      double const part = sum > 0 ? share(e) / sum : 0;
      double const log_prob = double(log_router[i + e]), own = double(likelihood[i + e]);
      shares[i + e] = T(part);
      if (part > 0) loss += part * (temperature * std::log(part) - log_prob - own);
    }
    *loss_sum += loss;
    if (losses != nullptr) losses[i / experts] = T(loss);
  }
}

}  // namespace moenda::cpu::MOENDA_LEVEL
