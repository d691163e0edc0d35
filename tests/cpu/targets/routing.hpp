// SPDX-License-Identifier: Apache-2.0
#pragma once
// Losses on routers, and what else routers do with a table of [items, experts].
#include "rows.hpp"
#if MOENDA_HEADER_ONLY
#include "moenda/cpu/kernels/loss/load_balancing.hpp"
#include "moenda/cpu/kernels/loss/load_variation.hpp"
#include "moenda/cpu/kernels/loss/router_spread.hpp"
#include "moenda/cpu/kernels/loss/router_z.hpp"
#include "moenda/cpu/kernels/routing/assignment.hpp"
#include "moenda/cpu/kernels/routing/balancing_bias.hpp"
#include "moenda/cpu/kernels/routing/gate_rows.hpp"
#include "moenda/cpu/kernels/routing/sinkhorn.hpp"
#include "moenda/cpu/kernels/routing/top_any.hpp"
#endif

namespace targets {

/// What all losses are tried with: 4 items, of which item 2 is padding.
struct LossTable {
  static constexpr int items = 4;
  static constexpr double weight = 0.5, scale = 2, present_items = 3;
  explicit LossTable(int experts) : cols(experts), present(items, 1.f) { present.set(2, 0); }
  [[nodiscard]] moenda::RoutingLoss<float> how() const {
    return {items, cols, present.data(), weight, scale};
  }
  /// sum over the present items.
  [[nodiscard]] double sum(Term f) const {
    return sum_over(items, [&](auto r) { return present[r] == 0 ? 0 : f(r); });
  }
  /// The loss of a kernel and its gradient, a table that held 1: they must be as said.
  void expect(Tried const& tried, double loss, double want, Floats const& gradient,
              Term slope) const {
    targets::expect(tried, loss, 3 + want);
    expect_each(
        {tried.kernel, tried.width, tried.mask}, gradient, items * cols,
        [&](auto i) { return 1 + (present[i / cols] == 0 ? 0 : scale * slope(i)); }, 1e-4);
  }
  int cols;
  Floats present;
};

inline void losses_of_probs(int cols) {
  LossTable const t(cols);
  int const n = t.items * cols;
  Floats const z(n, 1, -3, 3), seen(cols, 2, 0, 2);
  Floats p(n), d(n, 1.f);
  cpu::softmax_forward(backend(), p.data(), z.data(), static_cast<float*>(nullptr), t.items, cols);
  double const count = t.present_items, w = t.weight;
  auto const mean = [&](auto e) { return t.sum([&](auto r) { return p[r * cols + e]; }) / count; };
  auto const means = all_of(cols, mean);
  auto const q = [&](auto e) { return means[std::size_t(e)]; };

  double loss = 3;
  cpu::router_z_forward(backend(), &loss, d.data(), z.data(), t.how());
  auto const log_sums = all_of(t.items, [&](auto r) {
    return std::log(sum_over(cols, [&](auto c) { return std::exp(z[r * cols + c]); }));
  });
  auto const log_sum = [&](auto r) { return log_sums[std::size_t(r)]; };
  double const squares = t.sum([&](auto r) { return log_sum(r) * log_sum(r); });
  t.expect({"router_z_forward", cols}, loss, w * squares / count, d, [&](auto i) {
    double const l = log_sum(i / cols);
    return w * 2 * l * std::exp(z[i] - l) / count;
  });

  loss = 3, d = Floats(n, 1.f);
  cpu::spread_penalty_forward(backend(), &loss, d.data(), p.data(), t.how());
  double spread = 1.0 / cols;
  spread += t.sum([&](auto r) {
    return sum_over(cols, [&](auto c) { return p[r * cols + c] * (1 - p[r * cols + c]); });
  }) / (count * cols);
  spread -= sum_over(cols, [&](auto e) { return q(e) * (1 - q(e)); }) / cols;
  t.expect({"spread_penalty_forward", cols}, loss, w * spread, d,
           [&](auto i) { return w * 2 * (q(i % cols) - p[i]) / (count * cols); });

  loss = 3, d = Floats(n, 1.f);
  cpu::router_entropy_forward(backend(), &loss, d.data(), p.data(), 0.25, t.how());
  auto const plogp = [](double x) { return x * std::log(x); };
  double const entropy = -t.sum([&](auto r) {
    return sum_over(cols, [&](auto c) { return plogp(p[r * cols + c]); });
  }) / count;
  double const marginal = -sum_over(cols, [&](auto e) { return plogp(q(e)); });
  t.expect({"router_entropy_forward", cols}, loss, w * entropy - 0.25 * marginal, d, [&](auto i) {
    return (0.25 * (std::log(q(i % cols)) + 1) - w * (std::log(p[i]) + 1)) / count;
  });

  for (auto const& s : masks(t.items, cols)) {
    for (bool const counts_seen : {false, true}) {
      loss = 3, d = Floats(n, 1.f);
      cpu::load_balancing_forward(backend(), &loss, d.data(), p.data(), s.data(),
                                  counts_seen ? seen.data() : nullptr, 1, t.how());
      auto const taken = [&](auto e) {
        return t.sum([&](auto r) { return s.taken(r * cols + e); }) + (counts_seen ? seen[e] : 0);
      };
      double const all = sum_over(cols, taken);
      auto const f = [&](auto e) { return all == 0 ? 0 : taken(e) / all; };
      t.expect({"load_balancing_forward", cols, s.name}, loss,
               w * cols * sum_over(cols, [&](auto e) { return f(e) * q(e); }), d,
               [&](auto i) { return w * cols * f(i % cols) / count; });
    }
  }
}

/// CV^2 of the sums and its derivative in sum e.
struct Variation {
  explicit Variation(Doubles const& all) : sums(all) {
    for (double const s : sums) mean += s / double(sums.size());
    for (double const s : sums) value += (s - mean) * (s - mean) / double(sums.size());
    value = mean == 0 ? 0 : value / (mean * mean);
  }
  [[nodiscard]] double slope(std::ptrdiff_t e) const {
    double const s = sums[std::size_t(e)];
    return mean == 0 ? 0 : 2 / (double(sums.size()) * mean) * ((s - mean) / mean - value);
  }
  Doubles sums;
  double mean = 0, value = 0;
};

inline void importance(int cols) {
  LossTable const t(cols);
  int const n = t.items * cols;
  Floats const weights(n, 1, 0, 1);
  for (auto const& s : masks(t.items, cols)) {
    Doubles sums;
    for (int e = 0; e < cols; ++e) {
      sums.push_back(t.sum([&](auto r) {
        double const own = weights[r * cols + e];
        return s.taken(r * cols + e) ? own : 0;
      }));
    }
    Variation const cv(sums);
    double loss = 3;
    Floats d(n, 1.f);
    cpu::importance_forward(backend(), &loss, d.data(), weights.data(), s.data(), t.how());
    t.expect({"importance_forward", cols, s.name}, loss, t.weight * cv.value, d,
             [&](auto i) { return s.taken(i) ? t.weight * cv.slope(i % cols) : 0; });
  }
}

inline void smooth_load(int cols) {
  LossTable const t(cols);
  int const n = t.items * cols;
  Floats const clean(n, 1, -1, 1), sigma(n, 2, 0.5, 1.5), noise(n, 3, -1, 1);
  Floats noisy(n);
  for (int i = 0; i < n; ++i) noisy.set(i, clean[i] + sigma[i] * noise[i]);
  for (auto const& s : masks(t.items, cols)) {
    auto const mark = [&](std::ptrdiff_t i) {  // -1: nobody to be compared with
      std::ptrdiff_t best = -1;
      for (auto j = i / cols * cols; j < (i / cols + 1) * cols; ++j) {
        if (s.taken(j) == s.taken(i)) continue;
        if (best < 0 || (s.taken(i) ? noisy[j] > noisy[best] : noisy[j] < noisy[best])) best = j;
      }
      return best;
    };
    auto const ahead = [&](auto i) { return (clean[i] - noisy[mark(i)]) / sigma[i]; };
    Doubles sums;
    for (int e = 0; e < cols; ++e) {
      sums.push_back(t.sum([&](auto r) {
        auto const i = r * cols + e;
        return mark(i) < 0 ? double(s.taken(i)) : std::erfc(-ahead(i) / std::sqrt(2.0)) / 2;
      }));
    }
    Variation const cv(sums);
    Doubles dclean(std::size_t(n), 0), dsigma = dclean;
    for (std::ptrdiff_t i = 0; i < n; ++i) {
      auto const m = mark(i);
      if (m < 0) continue;
      double const u = ahead(i), phi = std::exp(-u * u / 2) / std::sqrt(2 * std::acos(-1.0));
      double const slope = t.weight * cv.slope(i % cols) * phi / sigma[i];
      dclean[std::size_t(i)] += slope, dsigma[std::size_t(i)] -= slope * u;
      dclean[std::size_t(m)] -= slope;
      dsigma[std::size_t(m)] -= slope * (noisy[m] - clean[m]) / sigma[m];
    }
    double loss = 3;
    Floats d(n, 1.f), ds(n, 1.f);
    cpu::smooth_load_forward(backend(), &loss, d.data(), ds.data(), clean.data(), noisy.data(),
                             sigma.data(), s.data(), t.how());
    double const want = t.weight * cv.value;
    auto const in = [](Doubles const& table) {
      return [&](auto i) { return table[std::size_t(i)]; };
    };
    t.expect({"smooth_load_forward", cols, s.name}, loss, want, d, in(dclean));
    t.expect({"smooth_load_forward, sigma", cols, s.name}, loss, want, ds, in(dsigma));
  }
}

inline void top_any(int cols) {
  LossTable const t(cols);
  int const n = t.items * cols;
  Floats const cosines(n, 1, -1, 1), limits(cols, 2, -1, 1), x(n, 3, -1, 1);
  for (auto const& active : masks(1, cols)) {
    for (bool const at_least_one : {false, true}) {
      Floats selected(n), weights(n), scores(n), d(n);
      cpu::top_any_forward(backend(), selected.data(), weights.data(), scores.data(),
                           cosines.data(), limits.data(), active.data(), 3.f, at_least_one, t.items,
                           cols);
      Doubles taken, share;
      for (std::ptrdiff_t r = 0; r < t.items; ++r) {
        std::ptrdiff_t best = -1;
        double count = 0;
        for (std::ptrdiff_t c = 0; c < cols; ++c) {
          double const cosine = cosines[r * cols + c];
          if (active.taken(c) && (best < 0 || cosine > cosines[r * cols + best])) best = c;
          taken.push_back(active.taken(c) && cosine > limits[c]);
          count += taken.back();
        }
        if (count == 0 && at_least_one) {
          count = taken[std::size_t(r * cols + std::max<std::ptrdiff_t>(0, best))] = 1;
        }
        for (std::ptrdiff_t c = 0; c < cols; ++c) {
          double const one = taken[std::size_t(r * cols + c)];
          share.push_back(one == 0 ? 0 : one / count);
        }
      }
      expect({"top_any_forward", cols, active.name}, selected, taken, 0);
      expect({"top_any_forward, weights", cols, active.name}, weights, share);
      expect_each({"top_any_forward, scores", cols, active.name}, scores, n, [&](auto i) {
        return active.taken(i % cols) ? 1 / (1 + std::exp(-3 * cosines[i])) : 0;
      });

      double loss = 3, balance = 0, assignments = 0;
      cpu::top_any_losses(backend(), &loss, d.data(), selected.data(), weights.data(),
                          active.data(), 0.25, t.how());
      auto const own = [&](Doubles const& table, auto r, auto c) {
        return table[std::size_t(r * cols + c)];
      };
      auto const total = [&](Doubles const& table, auto c) {
        return t.sum([&](auto r) { return own(table, r, c); });
      };
      auto const any = [&](auto r) {
        return sum_over(cols, [&](auto c) { return own(taken, r, c); }) > 0;
      };
      double const routed = std::max(1.0, t.sum(any));
      double const actives = sum_over(cols, [&](auto c) { return active.taken(c); });
      for (int c = 0; c < cols; ++c) {
        assignments += total(taken, c), balance += total(taken, c) * total(share, c);
      }
      double const unit = t.weight * actives / (routed * routed);
      double const efficiency = actives == 0 ? 0 : 0.25 / (t.present_items * actives);
      expect({"top_any_losses", cols, active.name}, loss,
             3 + (actives == 0 ? 0 : unit * balance + efficiency * assignments));
      expect_each({"top_any_losses, gradient", cols, active.name}, d, n, [&](auto i) {
        bool const counts = actives > 0 && t.present[i / cols] != 0 && taken[std::size_t(i)] != 0;
        double const slope = unit * total(taken, i % cols) * share[std::size_t(i)] + efficiency;
        return counts ? t.scale * slope : 0;
      });
      Floats sums(cols, 1.f), count(1, 1.f);
      cpu::sum_of_unrouted(backend(), sums.data(), count.data(), x.data(), selected.data(),
                           t.present.data(), cols, t.items, cols);
      expect({"sum_of_unrouted, count", cols, active.name}, count[0],
             1 + t.sum([&](auto r) { return !any(r); }));
      expect_each({"sum_of_unrouted", cols, active.name}, sums, cols, [&](auto c) {
        return 1 + t.sum([&](auto r) { return any(r) ? 0 : x[r * cols + c]; });
      });
    }
  }
}

}  // namespace targets
