// SPDX-License-Identifier: Apache-2.0
#pragma once
// Balance and bookkeeping of routers: plans of transport, assignments, the rows of a gate, and who
// is responsible for an answer.
#include "routing.hpp"
#if MOENDA_HEADER_ONLY
#include "moenda/cpu/kernels/table/derivations.hpp"
#endif

namespace targets {

inline void gate_rows(int experts) {
  int const n = experts * experts, cols = 5;
  Floats const s(n, 1, -1, 1), w(experts * cols, 2, -1, 1), unit(experts * cols, 3, -1, 1);
  for (auto const& active : masks(1, experts)) {
    double loss = 3;
    Floats d(n, 9.f), dw(experts * cols, 9.f);
    cpu::gate_diversity(backend(), &loss, d.data(), s.data(), active.data(), 0.5, 2, experts);
    auto const off = [&](auto i) {
      auto const a = i / experts, b = i % experts;
      return active.taken(a) && active.taken(b) ? s[i] - (a == b) : 0;
    };
    double const norm = std::sqrt(sum_over(n, [&](auto i) { return off(i) * off(i); }));
    expect({"gate_diversity", experts, active.name}, loss, 3 + 0.5 * norm);
    expect_each({"gate_diversity, gradient", experts, active.name}, d, n,
                [&](auto i) { return norm == 0 ? 0 : off(i) / norm; });
    loss = 3;
    cpu::gate_simplicity(backend(), &loss, dw.data(), w.data(), unit.data(), active.data(), 0.5, 2,
                         experts, cols);
    double const count = sum_over(experts, [&](auto e) { return active.taken(e); });
    double const lengths = sum_over(
        experts * cols, [&](auto i) { return active.taken(i / cols) ? w[i] * unit[i] : 0; });
    expect({"gate_simplicity", experts, active.name}, loss,
           3 + (count == 0 ? 0 : 0.5 * lengths / count));
    expect_each({"gate_simplicity, gradient", experts, active.name}, dw, experts * cols,
                [&](auto i) { return active.taken(i / cols) ? unit[i] / count : 0; });
  }
}

inline void presence(int experts) {
  int const initial = (experts + 1) / 2, cols = 3;
  for (auto const& used : masks(1, experts)) {  // who was activated
    Floats marks(experts, 4, -1.5, 1.5), active(experts, 9.f);
    for (int e = 0; e < experts; ++e) marks.set(e, std::trunc(marks[e]));
    auto const there = [&](auto e) { return marks[e] > 0 || (marks[e] == 0 && e < initial); };
    cpu::active_experts(backend(), active.data(), marks.data(), initial, experts);
    expect_each({"active_experts", experts}, active, experts, there, 0);
    Doubles want;
    int left = int(sum_over(experts, there)), place = -1, gone = 0;
    for (int e = 0; e < experts; ++e) want.push_back(marks[e]);
    for (int e = experts - 1; e >= 0; --e) {
      bool const leaves = there(e) && !used.taken(e) && left > 1;
      if (leaves) want[std::size_t(e)] = -1, --left, ++gone;
      if (leaves || !there(e)) place = e;
    }
    if (place >= 0) want[std::size_t(place)] = 1;
    Floats weight(experts * cols), threshold(experts, 1.f), sum(cols, 2.f),
        activations = used.values;
    Floats const before = marks;
    float added = 9, steps = 1, removals = 5, additions = 6, unrouted = 7;
    auto const step = [&] {
      cpu::adapt_experts(backend(), &added, &steps, &removals, &additions, marks.data(),
                         weight.data(), threshold.data(), activations.data(), &unrouted, sum.data(),
                         3, initial, experts, cols);
    };
    step();  // the second of three: nothing happens
    expect({"adapt_experts, too early", experts, used.name}, marks, doubles_of(before), 0);
    expect({"adapt_experts, recorded", experts, used.name},
           Ints{int(added), int(steps), int(removals), int(additions), int(unrouted)},
           Ints{-1, 2, 5, 6, 7}, 0);
    step();
    expect({"adapt_experts", experts, used.name}, marks, want, 0);
    expect({"adapt_experts, counts", experts, used.name},
           Ints{int(added), int(steps), int(removals), int(additions), int(unrouted)},
           Ints{place, 0, 5 + gone, 6 + (place >= 0), 0}, 0);
    expect_each({"adapt_experts, weight", experts, used.name}, weight, experts * cols,
                [&](auto i) { return i / cols == place ? 1 / std::sqrt(3.0) : 0; });
    expect_each(
        {"adapt_experts, sum", experts, used.name}, sum, cols, [](auto) { return 0; }, 0);
    expect_each(
        {"adapt_experts, activations", experts, used.name}, activations, experts,
        [](auto) { return 0; }, 0);
    Floats memory(experts * cols, 4.f);
    cpu::clear_row(backend(), memory.data(), &added, cols);
    expect_each(
        {"clear_row", experts, used.name}, memory, experts * cols,
        [&](auto i) { return i / cols == place ? 0 : 4; }, 0);
  }
}

inline void balancing_bias(int experts) {
  Floats const before(experts, 1, -1, 1), counts(experts, 2, 0, 10);
  Floats bias = before;
  double const mean = sum_over(experts, [&](auto e) { return counts[e]; }) / experts;
  cpu::move_balancing_bias(backend(), bias.data(), counts.data(), 0.25, 0.2, experts);
  expect_each({"move_balancing_bias", experts}, bias, experts, [&](auto e) {
    double const load = counts[e] / mean;
    return before[e] + (load < 0.8 - 1e-9 ? 0.25 : load > 1.2 + 1e-9 ? -0.25 : 0);
  });
}

inline void sinkhorn(int cols) {
  constexpr int items = 40;  // more than one block
  int const n = items * cols;
  Floats const z(n, 1, -2, 2);
  Floats plan(n);
  cpu::sinkhorn_forward<float>(backend(), plan.data(), z.data(), nullptr, 3, items, cols);
  Doubles u(items, 0), v(std::size_t(cols), 0);
  for (int step = 0; step < 3; ++step) {
    for (int r = 0; r < items; ++r) {
      u[std::size_t(r)] = -std::log(items * sum_over(cols, [&](auto c) {
                                      return std::exp(z[r * cols + c] + v[std::size_t(c)]);
                                    }));
    }
    for (int c = 0; c < cols; ++c) {
      v[std::size_t(c)] = -std::log(cols * sum_over(items, [&](auto r) {
                                      return std::exp(z[r * cols + c] + u[std::size_t(r)]);
                                    }));
    }
  }
  expect_each({"sinkhorn_forward", cols}, plan, n,
              [&](auto i) { return z[i] + u[std::size_t(i / cols)] + v[std::size_t(i % cols)]; });
}

/// Every row once, every column equally often, and no worse than taking what is free, row by row.
inline void assignment(int cols) {
  int const items = 2 * cols + 1, n = items * cols;
  Floats const affinity(n, 1, -1, 1);
  Floats selected(n, 9.f);
  cpu::balanced_assignment<float>(backend(), selected.data(), affinity.data(), nullptr, items,
                                  cols);
  expect({"balanced_assignment, all rows", cols}, double(n),
         sum_over(n, [&](auto i) { return selected[i] == 0 || selected[i] == 1; }), 0);
  Ints per_row, per_column, once(std::size_t(items), 1), twice(std::size_t(cols), 2);
  for (int r = 0; r < items; ++r) {
    per_row.push_back(int(sum_over(cols, [&](auto c) { return selected[r * cols + c]; })));
  }
  double got = sum_over(n, [&](auto i) { return selected[i] * affinity[i]; }), greedy = 0;
  int thrice = 0;
  for (int c = 0; c < cols; ++c) {
    int const rows_of = int(sum_over(items, [&](auto r) { return selected[r * cols + c]; }));
    per_column.push_back(std::min(2, rows_of));
    if (rows_of == 3) thrice = c;
  }
  expect({"balanced_assignment, rows", cols}, per_row, once, 0);
  expect({"balanced_assignment, columns", cols}, per_column, twice, 0);
  Ints places = twice;
  ++places[std::size_t(thrice)];
  for (int r = 0; r < items; ++r) {
    for (int const c : order_of(affinity, r * cols, 1, cols)) {
      if (places[std::size_t(c)] == 0) continue;
      --places[std::size_t(c)], greedy += affinity[r * cols + c];
      break;
    }
  }
  expect({"balanced_assignment, sum", cols}, std::min(got + 1e-3 * cols, greedy), greedy, 1e-9);
}

/// 3 items with 4 derivations each, by 2 experts, of parts in `width` columns.
inline void derivations(int width) {
  constexpr int items = 3, experts = 2, each = 4, parts = moenda::DerivationTable::parts;
  Ints begin, expert, columns;
  for (int b = 0; b <= items; ++b) begin.push_back(b * each);
  for (int d = 0; d < items * each; ++d) {
    expert.push_back(d / each == 1 ? 0 : d * d % 3 % experts);  // nobody but 0 for item 1
    for (int p = 0; p < parts; ++p)
      columns.push_back(p == d % 3 + 1 ? -1 : (7 * d + 3 * p) % width);
  }
  moenda::DerivationTable const table{items,        experts,       width,
                                      begin.data(), expert.data(), columns.data()};
  Floats const logs(items * width, 1, -3, 0), dlikelihood(items * experts, 2, -1, 1);
  Floats likelihood(items * experts), shares(items * each), d(items * width, 1.f);
  auto const column = [&](int i, int p) { return columns[std::size_t(i * parts + p)]; };
  Doubles prob, sums(items * experts, 0), want(std::size_t(items * width), 1);
  for (int i = 0; i < items * each; ++i) {
    double sum = 0;
    for (int p = 0; p < parts; ++p) {
      if (column(i, p) >= 0) sum += logs[i / each * width + column(i, p)];
    }
    prob.push_back(std::exp(sum));
    sums[std::size_t(i / each * experts + expert[std::size_t(i)])] += prob.back();
  }
  auto const of = [&](auto i) { return std::size_t(i / each * experts + expert[std::size_t(i)]); };
  auto const share = [&](auto i) { return prob[std::size_t(i)] / sums[of(i)]; };
  cpu::derivation_likelihood_forward(backend(), likelihood.data(), shares.data(), logs.data(),
                                     table);
  expect_each({"derivation_likelihood_forward", width}, likelihood, items * experts,
              [&](auto i) { return std::log(sums[std::size_t(i)]); });
  expect_each({"derivation_likelihood_forward, shares", width}, shares, items * each, share);
  cpu::derivation_likelihood_backward(backend(), d.data(), dlikelihood.data(), shares.data(),
                                      table);
  for (int i = 0; i < items * each; ++i) {
    for (int p = 0; p < parts; ++p) {
      if (column(i, p) < 0) continue;
      want[std::size_t(i / each * width + column(i, p))] +=
          dlikelihood[std::ptrdiff_t(of(i))] * share(i);
    }
  }
  expect({"derivation_likelihood_backward", width}, d, want);
}

inline void expectation(int experts) {
  int const n = rows * experts;
  Floats const prior(n, 1, -3, 0), log_router(n, 2, -3, 0);
  for (auto const& m : masks(rows, experts)) {  // who has a likelihood
    Floats likelihood(n, 3, -3, 0);
    for (int i = 0; i < n; ++i) {
      if (!m.taken(i)) likelihood.set(i, -double(INFINITY));
    }
    for (double const weight : {0.0, 1.0}) {
      Floats losses(rows), shares(n);
      double loss = 9, total = 0;
      cpu::expectation_step(backend(), &loss, losses.data(), shares.data(), prior.data(),
                            log_router.data(), likelihood.data(), weight, 2.0, rows, experts);
      auto const chance = [&](auto i) { return std::exp((weight * prior[i] + likelihood[i]) / 2); };
      Doubles want, want_losses(rows, 0);
      for (int i = 0; i < n; ++i) {
        double const sum =
            sum_over(experts, [&](auto e) { return chance(i / experts * experts + e); });
        double const part = sum == 0 ? 0 : chance(i) / sum;
        want.push_back(part);
        if (part == 0) continue;
        want_losses[std::size_t(i / experts)] +=
            part * (2 * std::log(part) - log_router[i] - likelihood[i]);
      }
      for (double const one : want_losses) total += one;
      expect({"expectation_step", experts, m.name}, shares, want);
      expect({"expectation_step, losses", experts, m.name}, losses, want_losses);
      expect({"expectation_step, sum", experts, m.name}, loss, total);
    }
  }
}

}  // namespace targets
