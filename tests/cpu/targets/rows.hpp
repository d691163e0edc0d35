// SPDX-License-Identifier: Apache-2.0
#pragma once
// Kernels that work on the rows of a table: softmax, choices of columns, norms.
#include <numeric>

#include "checks.hpp"
#if MOENDA_HEADER_ONLY
#include "moenda/cpu/kernels/norm/layer_norm.hpp"
#include "moenda/cpu/kernels/norm/rms_norm.hpp"
#include "moenda/cpu/kernels/norm/softmax.hpp"
#include "moenda/cpu/kernels/norm/unit_rows.hpp"
#include "moenda/cpu/kernels/routing/choice.hpp"
#include "moenda/cpu/kernels/routing/selection.hpp"
#include "moenda/cpu/kernels/routing/top_k.hpp"
#include "moenda/cpu/kernels/routing/top_k_of_columns.hpp"
#include "moenda/cpu/kernels/table/derivations.hpp"
#endif

namespace targets {

inline constexpr int rows = 3;

inline void softmax(int cols) {
  int const n = rows * cols;
  Floats const z(n, 1, -9, 9), d(n, 2, -1, 1);
  Floats p(n), y(n);
  for (auto const& m : masks_and_null(rows, cols)) {
    cpu::softmax_forward(backend(), p.data(), z.data(), m.data(), rows, cols);
    cpu::log_softmax_forward(backend(), y.data(), z.data(), m.data(), rows, cols);
    auto const exp_at = [&](auto i) { return m.taken(i) ? std::exp(z[i]) : 0; };
    auto const sums = all_of(
        rows, [&](auto r) { return sum_over(cols, [&](auto c) { return exp_at(r * cols + c); }); });
    auto const sum_at = [&](auto i) { return sums[std::size_t(i / cols)]; };
    expect_each({"softmax_forward", cols, m.name}, p, n,
                [&](auto i) { return m.taken(i) ? exp_at(i) / sum_at(i) : 0; });
    expect_each({"log_softmax_forward", cols, m.name}, y, n,
                [&](auto i) { return m.taken(i) ? z[i] - std::log(sum_at(i)) : -INFINITY; });
    Floats dz(n);
    cpu::softmax_backward(backend(), dz.data(), d.data(), p.data(), rows, cols);
    auto const dots = all_of(rows, [&](auto r) {
      return sum_over(cols, [&](auto c) { return p[r * cols + c] * d[r * cols + c]; });
    });
    expect_each({"softmax_backward", cols, m.name}, dz, n,
                [&](auto i) { return p[i] * (d[i] - dots[std::size_t(i / cols)]); });
    cpu::log_softmax_backward(backend(), dz.data(), d.data(), y.data(), rows, cols);
    auto const totals = all_of(
        rows, [&](auto r) { return sum_over(cols, [&](auto c) { return d[r * cols + c]; }); });
    expect_each({"log_softmax_backward", cols, m.name}, dz, n,
                [&](auto i) { return d[i] - std::exp(y[i]) * totals[std::size_t(i / cols)]; });
  }
}

inline void select(int cols) {
  int const n = rows * cols;
  Floats const x(n, 1, 0, 1), d(n, 2, -1, 1);
  for (auto const& m : masks(rows, cols)) {
    for (bool const renormalise : {false, true}) {
      Floats y(n), sums(rows), dx(n);
      auto const at = [&](auto i) { return m.taken(i) ? x[i] : 0; };
      auto const divisors = all_of(rows, [&](auto r) {
        double const sum = sum_over(cols, [&](auto c) { return at(r * cols + c); });
        return renormalise && sum != 0 ? sum : 1;
      });
      auto const divisor = [&](auto r) { return divisors[std::size_t(r)]; };
      cpu::select_forward(backend(), y.data(), sums.data(), x.data(), m.data(), renormalise, rows,
                          cols);
      expect_each({"select_forward, sums", cols, m.name}, sums, rows, divisor);
      expect_each({"select_forward", cols, m.name}, y, n,
                  [&](auto i) { return at(i) / divisor(i / cols); });
      cpu::select_backward(backend(), dx.data(), d.data(), y.data(), sums.data(), m.data(),
                           renormalise, rows, cols);
      auto const dots = all_of(rows, [&](auto r) {
        return sum_over(cols,
                        [&](auto c) { return d[r * cols + c] * at(r * cols + c) / divisor(r); });
      });
      expect_each({"select_backward", cols, m.name}, dx, n, [&](auto i) {
        double const dot = renormalise ? dots[std::size_t(i / cols)] : 0;
        return m.taken(i) ? (d[i] - dot) / divisor(i / cols) : 0;
      });
    }
  }
}

/// Columns of x[first + c * step], c < n, from the largest on; equals from the first on.
[[gnu::noinline]] inline Ints order_of(Floats const& x, std::ptrdiff_t first, std::ptrdiff_t step,
                                       int n) {
  Ints order(static_cast<std::size_t>(n));
  std::iota(order.begin(), order.end(), 0);
  std::stable_sort(order.begin(), order.end(),
                   [&](int a, int b) { return x[first + a * step] > x[first + b * step]; });
  return order;
}

inline void choices(int cols) {
  int const n = rows * cols;
  Floats const z(n, 1, -9, 9), x(n, 2, 0, 1), limits(rows, 3, 0, 1);
  Floats y(n, 9.f);
  for (int const k : {0, 1, 2, 16, 17, cols / 2, cols}) {
    cpu::top_k_of_rows(backend(), y.data(), z.data(), k, rows, cols);
    Doubles want(std::size_t(n), 0);
    for (int r = 0; r < rows; ++r) {
      auto const order = order_of(z, r * cols, 1, cols);
      for (int i = 0; i < std::min(k, cols); ++i) {
        want[std::size_t(r * cols + order[std::size_t(i)])] = 1;
      }
    }
    expect({"top_k_of_rows", cols}, y, want, 0);
    cpu::top_k_of_columns(backend(), y.data(), z.data(), k, rows, cols, cols, 1, 1);
    expect({"top_k_of_columns", cols}, y, want, 0);
  }
  auto const all = masks(rows, cols);
  for (auto const& always : all) {
    for (auto const& m : all) {
      cpu::keep_above(backend(), y.data(), m.data(), always.data(), x.data(), limits.data(), rows,
                      cols);
      expect_each(
          {"keep_above", cols, m.name}, y, n,
          [&](auto i) { return m.taken(i) && (always.taken(i) || x[i] > limits[i / cols]); }, 0);
    }
  }
  cpu::round_robin(backend(), y.data(), 1, 2, 1, rows, cols, nullptr);
  expect_each(
      {"round_robin", cols}, y, n, [&](auto i) { return (1 + i / cols % 2) % cols == i % cols; },
      0);
  for (int const best : {1, 2}) {  // two groups of columns, one of which stays
    if (cols % 2 != 0) break;
    cpu::keep_best_groups(backend(), y.data(), z.data(), 2, 1, best, rows, cols);
    int const size = cols / 2;
    auto const worth = [&](auto r, int g) {
      auto const order = order_of(z, r * cols + g * size, 1, size);
      return sum_over(std::min(best, size),
                      [&](auto i) { return z[r * cols + g * size + order[std::size_t(i)]]; });
    };
    expect_each(
        {"keep_best_groups", cols}, y, n,
        [&](auto i) {
          int const kept = worth(i / cols, 1) > worth(i / cols, 0) ? 1 : 0;
          return i % cols / size == kept ? z[i] : -INFINITY;
        },
        0);
  }
}

inline void one_column(int cols) {
  int const n = rows * cols;
  Floats const x(n, 1, -1, 1), factors(n, 2, -1, 1), table(n, 3, -1, 1), draws(rows, 4, 0, 1);
  Floats probs(n, 5, 0, 2.0 / cols), y(n, 9.f);
  cpu::choose_at_random(backend(), y.data(), probs.data(), draws.data(), rows, cols);
  Ints chosen(rows), columns(rows, 9);
  for (int r = 0; r < rows; ++r) {
    double sum = 0;
    int c = 0;
    for (; c < cols - 1 && sum + probs[r * cols + c] <= draws[r]; ++c) sum += probs[r * cols + c];
    chosen[std::size_t(r)] = c;
  }
  auto const is_chosen = [&](auto i) { return chosen[std::size_t(i / cols)] == i % cols; };
  expect_each({"choose_at_random", cols}, y, n, is_chosen, 0);
  cpu::chosen_columns(backend(), columns.data(), y.data(), rows, cols);
  expect({"chosen_columns", cols}, columns, chosen, 0);
  y = x;
  Ints const lines{2, 0, 2};
  auto const line = [&](auto r) { return lines[std::size_t(r)]; };
  cpu::add_chosen_row(backend(), y.data(), table.data(), lines.data(), rows, cols);
  expect_each({"add_chosen_row", cols}, y, n,
              [&](auto i) { return x[i] + table[line(i / cols) * cols + i % cols]; });
  cpu::scale_by_chosen(backend(), y.data(), x.data(), factors.data(), lines.data(), rows, cols, 3);
  auto const factor = [&](auto r) { return factors[r * 3 + line(r)]; };
  if (n >= 9) {
    expect_each({"scale_by_chosen", cols}, y, n, [&](auto i) { return factor(i / cols) * x[i]; });
  }
  Floats d(9, 1.f);
  cpu::scale_by_chosen_backward(backend(), d.data(), table.data(), x.data(), lines.data(), rows,
                                cols, 3);
  expect_each({"scale_by_chosen_backward", cols}, d, 9, [&](auto i) {
    auto const r = i / 3;
    double const dot =
        sum_over(cols, [&](auto c) { return table[r * cols + c] * x[r * cols + c]; });
    return 1 + (line(r) == i % 3 ? dot : 0);
  });
}

inline void norms(int cols) {
  int const n = rows * cols;
  Floats const x(n, 1, -2, 3), dy(n, 2, -1, 1), gain(cols, 3, 0.5, 2), bias(cols, 4, -1, 1);
  Floats y(n), mean(rows), rstd(rows), dx(n), dgain(cols, 1.f), dbias(cols, 1.f);
  auto const row_mean = [&](std::ptrdiff_t i, Term f) {
    return sum_over(cols, [&](auto c) { return f(i / cols * cols + c); }) / cols;
  };
  // With centred = x less its mean for layer norm, x itself for RMS norm: y = centred s gain +
  // bias.
  auto const means =
      all_of(rows, [&](auto r) { return row_mean(r * cols, [&](auto j) { return x[j]; }); });
  auto const centred = [&](auto i, bool layer) {
    return x[i] - (layer ? means[std::size_t(i / cols)] : 0);
  };
  for (bool const layer : {false, true}) {
    Floats const old_dgain = dgain;
    Doubles normal;
    Doubles scale;
    for (std::ptrdiff_t i = 0; i < n; ++i) {
      auto const square = [&](auto j) { return std::pow(centred(j, layer), 2); };
      if (i % cols == 0) scale.push_back(1 / std::sqrt(row_mean(i, square) + 1e-3));
      normal.push_back(centred(i, layer) * scale.back());
    }
    auto const normal_at = [&](auto i) { return normal[std::size_t(i)]; };
    if (layer) {
      cpu::layer_norm_forward(backend(), y.data(), mean.data(), rstd.data(), x.data(), gain.data(),
                              bias.data(), 1e-3f, rows, cols);
      cpu::layer_norm_backward(backend(), dx.data(), dgain.data(), dbias.data(), dy.data(),
                               mean.data(), rstd.data(), x.data(), gain.data(), rows, cols);
    } else {
      cpu::rms_norm_forward(backend(), y.data(), rstd.data(), x.data(), gain.data(), 1e-3f, rows,
                            cols);
      cpu::rms_norm_backward(backend(), dx.data(), dgain.data(), dy.data(), rstd.data(), x.data(),
                             gain.data(), rows, cols);
    }
    auto const is = [&](char const* kernel, char const* other, Floats const& got, int count,
                        Term f) {
      expect_each({layer ? kernel : other, cols}, got, count, f, 1e-4);
    };
    auto const h = [&](auto i) { return dy[i] * gain[i % cols]; };
    is("layer_norm_forward", "rms_norm_forward", y, n,
       [&](auto i) { return normal_at(i) * gain[i % cols] + (layer ? bias[i % cols] : 0); });
    is("layer_norm_backward", "rms_norm_backward", dx, n, [&](auto i) {
      double const mean_hn = row_mean(i, [&](auto j) { return h(j) * normal_at(j); });
      double const mean_h = layer ? row_mean(i, h) : 0;
      return scale[std::size_t(i / cols)] * (h(i) - mean_h - normal_at(i) * mean_hn);
    });
    is("layer_norm_backward, dgain", "rms_norm_backward, dgain", dgain, cols, [&](auto c) {
      return old_dgain[c] +
             sum_over(rows, [&](auto r) { return dy[r * cols + c] * normal_at(r * cols + c); });
    });
  }
  expect_each({"layer_norm_backward, dbias", cols}, dbias, cols,
              [&](auto c) { return 1 + sum_over(rows, [&](auto r) { return dy[r * cols + c]; }); });
}

inline void unit_rows(int cols) {
  int const n = rows * cols;
  Floats x(n, 1, -2, 3), y(n), inverse(rows), dx(n);
  Floats const dy(n, 2, -1, 1);
  for (int c = 0; c < cols; ++c) x.set(c, 0);  // row 0 has no direction
  auto const length = [&](auto r) {
    return std::sqrt(sum_over(cols, [&](auto c) { return x[r * cols + c] * x[r * cols + c]; }));
  };
  auto const want = [&](auto i) { return i < cols ? 0 : x[i] / length(i / cols); };
  cpu::unit_rows_forward(backend(), y.data(), inverse.data(), x.data(), rows, cols);
  expect_each({"unit_rows_forward", cols}, y, n, want);
  cpu::unit_rows_backward(backend(), dx.data(), dy.data(), y.data(), inverse.data(), rows, cols);
  expect_each(
      {"unit_rows_backward", cols}, dx, n,
      [&](auto i) {
        auto const first = i / cols * cols;
        double const along =
            sum_over(cols, [&](auto c) { return want(first + c) * dy[first + c]; });
        return i < cols ? 0 : (dy[i] - want(i) * along) / length(i / cols);
      },
      1e-4);
}

}  // namespace targets
