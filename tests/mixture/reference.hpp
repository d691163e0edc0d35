// SPDX-License-Identifier: Apache-2.0
#pragma once
// A mixture of Ffn experts as its equations say it: one token at a time, in double. It defines what
// is correct.
#include <algorithm>
#include <cmath>
#include <numeric>
#include <vector>

namespace mixture_reference {

struct Sizes {
  int tokens = 0, d_model = 0, hidden = 0, experts = 0, top_k = 0;
  double capacity_factor = 0;
};
/// Weights, or their gradients. router [experts, d_model], up [experts][hidden, d_model], down
/// [experts][d_model, hidden].
struct Weights {
  std::vector<double> router;
  std::vector<std::vector<double>> up, down;

  explicit Weights(Sizes const& s)
      : router(std::size_t(s.experts * s.d_model)),
        up(std::size_t(s.experts), std::vector<double>(std::size_t(s.hidden * s.d_model))),
        down(up) {}
};
struct Result {
  std::vector<double> y, dx;
  int dropped = 0;
};

inline double gelu(double x) {
  return 0.5 * x * (1 + std::tanh(std::sqrt(2 / M_PI) * (x + 0.044715 * x * x * x)));
}
inline double gelu_slope(double x) {
  double const t = std::tanh(std::sqrt(2 / M_PI) * (x + 0.044715 * x * x * x));
  return 0.5 * (1 + t) + 0.5 * x * (1 - t * t) * std::sqrt(2 / M_PI) * (1 + 3 * 0.044715 * x * x);
}

/// The experts of one token, by falling logit; equal logits by rising number.
inline std::vector<int> choose(std::vector<double> const& logits, int top_k) {
  std::vector<int> order(logits.size());
  std::iota(order.begin(), order.end(), 0);
  std::stable_sort(order.begin(), order.end(),
                   [&](int a, int b) { return logits[std::size_t(a)] > logits[std::size_t(b)]; });
  order.resize(std::size_t(std::min<int>(top_k, int(order.size()))));
  return order;
}

/// One expert on one token. With dy: adds to the gradients and to dx.
inline std::vector<double> run_expert(Sizes const& s, std::vector<double> const& up,
                                      std::vector<double> const& down, double const* x,
                                      double const* dy = nullptr,
                                      std::vector<double>* dup = nullptr,
                                      std::vector<double>* ddown = nullptr, double* dx = nullptr) {
  std::vector<double> y(std::size_t(s.d_model));
  for (int h = 0; h < s.hidden; ++h) {
    auto const row = std::size_t(h * s.d_model);
    double a = 0, dg = 0;
    for (int i = 0; i < s.d_model; ++i) a += up[row + std::size_t(i)] * x[i];
    for (int i = 0; i < s.d_model; ++i) {
      auto const at = std::size_t(i * s.hidden + h);
      y[std::size_t(i)] += down[at] * gelu(a);
      if (dy != nullptr) dg += down[at] * dy[i], (*ddown)[at] += gelu(a) * dy[i];
    }
    if (dy == nullptr) continue;
    double const da = dg * gelu_slope(a);
    for (int i = 0; i < s.d_model; ++i) {
      (*dup)[row + std::size_t(i)] += da * x[i];
      dx[i] += da * up[row + std::size_t(i)];
    }
  }
  return y;
}

/// Softmax over the selected logits. An expert at its capacity takes no more; the weights of the
/// others stay as they are. Adds to `grads`.
inline Result run(Sizes const& s, Weights const& w, std::vector<double> const& x,
                  std::vector<double> const& dy, Weights& grads) {
  Result result{std::vector<double>(x.size()), std::vector<double>(x.size()), 0};
  double const fair = double(s.tokens) * std::min(s.top_k, s.experts) / s.experts;
  int const capacity =
      s.capacity_factor == 0 ? s.tokens : std::max(1, int(std::ceil(s.capacity_factor * fair)));
  std::vector<int> taken(std::size_t(s.experts));
  for (int t = 0; t < s.tokens; ++t) {
    double const* const xt = x.data() + t * s.d_model;
    double const* const dyt = dy.data() + t * s.d_model;
    double* const dxt = result.dx.data() + t * s.d_model;
    std::vector<double> logits(std::size_t(s.experts));
    for (int e = 0; e < s.experts; ++e) {
      for (int i = 0; i < s.d_model; ++i) {
        logits[std::size_t(e)] += w.router[std::size_t(e * s.d_model + i)] * xt[i];
      }
    }
    auto const chosen = choose(logits, s.top_k);
    std::vector<double> p, dp(chosen.size());
    double sum = 0, dot = 0;
    for (int const e : chosen) {
      p.push_back(std::exp(logits[std::size_t(e)] - logits[std::size_t(chosen[0])]));
      sum += p.back();
    }
    for (std::size_t k = 0; k < chosen.size(); ++k) {
      p[k] /= sum;
      auto const e = std::size_t(chosen[k]);
      if (taken[e]++ >= capacity) {
        ++result.dropped;
        continue;
      }
      std::vector<double> scaled(dyt, dyt + s.d_model);
      for (auto& d : scaled) d *= p[k];
      auto const out =
          run_expert(s, w.up[e], w.down[e], xt, scaled.data(), &grads.up[e], &grads.down[e], dxt);
      for (int i = 0; i < s.d_model; ++i) {
        result.y[std::size_t(t * s.d_model + i)] += p[k] * out[std::size_t(i)];
        dp[k] += dyt[i] * out[std::size_t(i)];
      }
      dot += dp[k] * p[k];
    }
    for (std::size_t k = 0; k < chosen.size(); ++k) {
      double const dlogit = p[k] * (dp[k] - dot);
      for (int i = 0; i < s.d_model; ++i) {
        auto const at = std::size_t(chosen[k] * s.d_model + i);
        grads.router[at] += dlogit * xt[i];
        dxt[i] += dlogit * w.router[at];
      }
    }
  }
  return result;
}

}  // namespace mixture_reference
