// SPDX-License-Identifier: Apache-2.0
// Matrix products, alone and grouped, and what is built from products, against plain loops in
// double at odd sizes. A program of its own: products take the compilers most of their time.
#include "checks.hpp"
#if MOENDA_HEADER_ONLY
#include "moenda/cpu/kernels/attention/attention.hpp"
#include "moenda/cpu/kernels/attention/attention_backward.hpp"
#include "moenda/cpu/kernels/linear/grouped_matmul.hpp"
#include "moenda/cpu/kernels/linear/matmul.hpp"
#include "moenda/cpu/kernels/loss/cross_entropy.hpp"
#include "moenda/cpu/kernels/sequence/gru.hpp"
#endif

namespace {

using namespace targets;
namespace cpu = moenda::cpu;
constexpr auto fp32 = moenda::Precision::fp32;

/// What bf16 makes of numbers: their products are exact in float, so only the sums round.
Floats rounded(Floats x) {
  for (std::ptrdiff_t i = 0; i < std::ptrdiff_t(x.size()); ++i) {
    x.set(i, double(moenda::round_to_bf16(float(x[i]))));
  }
  return x;
}

void products(int width, int rows, int out, int in) {
  Floats const x(rows * in, 1, -1, 1), w(out * in, 2, -1, 1), dy(rows * out, 3, -1, 1);
  for (auto const precision : {fp32, moenda::Precision::bf16}) {
    bool const exact = precision == fp32;
    Floats const as_x = exact ? x : rounded(x), as_w = exact ? w : rounded(w),
                 as_dy = exact ? dy : rounded(dy);
    Floats y(rows * out, 9.f), dx(rows * in, 9.f), dw(out * in, 1.f);
    cpu::matmul_forward(backend(), y.data(), x.data(), w.data(), rows, out, in, precision);
    expect_each({"matmul_forward", width}, y, rows * out, [&](auto i) {
      return sum_over(in, [&](auto c) { return as_x[i / out * in + c] * as_w[i % out * in + c]; });
    });
    cpu::matmul_backward_input(backend(), dx.data(), dy.data(), w.data(), rows, out, in, precision);
    expect_each({"matmul_backward_input", width}, dx, rows * in, [&](auto i) {
      return sum_over(out, [&](auto o) { return as_dy[i / in * out + o] * as_w[o * in + i % in]; });
    });
    cpu::matmul_backward_weight(backend(), dw.data(), dy.data(), x.data(), rows, out, in,
                                precision);
    expect_each({"matmul_backward_weight", width}, dw, out * in, [&](auto i) {
      return 1 + sum_over(rows,
                          [&](auto r) { return as_dy[r * out + i / in] * as_x[r * in + i % in]; });
    });
  }
}

/// Three groups, of `width` rows, of none, and of 5, that pick their rows from the last to the
/// first.
void grouped(int width, int out, int in) {
  int const rows = width + 5;
  Ints const begin{0, width, width, rows};
  Ints row_of;
  for (int r = 0; r < rows; ++r) row_of.push_back(rows - 1 - r);
  Floats const x(rows * in, 1, -1, 1), w(3 * out * in, 2, -1, 1), dy(rows * out, 3, -1, 1);
  Floats y(rows * out, 9.f), dx(rows * in, 9.f), dw(3 * out * in, 1.f);
  float const* const weights[] = {w.data(), w.data() + out * in, w.data() + 2 * out * in};
  float* const dweights[] = {dw.data(), dw.data() + out * in, dw.data() + 2 * out * in};
  auto const group = [&](auto r) { return r < width ? 0 : 2; };
  auto const weight = [&](auto r, auto o, auto c) { return w[(group(r) * out + o) * in + c]; };
  cpu::grouped_matmul_forward(backend(), y.data(), x.data(), row_of.data(), weights, begin.data(),
                              3, out, in, fp32);
  expect_each({"grouped_matmul_forward", width}, y, rows * out, [&](auto i) {
    auto const r = i / out;
    return sum_over(in, [&](auto c) { return x[(rows - 1 - r) * in + c] * weight(r, i % out, c); });
  });
  cpu::grouped_matmul_backward_input(backend(), dx.data(), dy.data(), weights, begin.data(), 3, out,
                                     in, fp32);
  expect_each({"grouped_matmul_backward_input", width}, dx, rows * in, [&](auto i) {
    auto const r = i / in;
    return sum_over(out, [&](auto o) { return dy[r * out + o] * weight(r, o, i % in); });
  });
  cpu::grouped_matmul_backward_weight(backend(), dweights, dy.data(), x.data(), row_of.data(),
                                      begin.data(), 3, out, in, fp32);
  expect_each({"grouped_matmul_backward_weight", width}, dw, 3 * out * in, [&](auto i) {
    auto const g = i / (out * in), o = i / in % out, c = i % in;
    return 1 + sum_over(rows, [&](auto r) {
             return group(r) == g ? dy[r * out + o] * x[(rows - 1 - r) * in + c] : 0;
           });
  });
}

/// 3 rows, of which row 1 counts nothing.
void cross_entropy(int width, int vocab_size, int cols) {
  constexpr int rows = 3;
  Floats const x(rows * cols, 1, -1, 1), w(vocab_size * cols, 2, -1, 1);
  Floats losses(rows, 9.f), dx(rows * cols, 9.f), dw(vocab_size * cols, 1.f);
  Ints const targets{vocab_size / 2, -1, vocab_size - 1};
  double loss = 9, sum = 0;
  cpu::cross_entropy(backend(), &loss, losses.data(), dx.data(), dw.data(), x.data(), w.data(),
                     targets.data(), 0.5f, rows, vocab_size, cols, fp32);
  auto const target = [&](auto r) { return targets[std::size_t(r)]; };
  auto const logits = all_of(rows * vocab_size, [&](auto i) {
    auto const r = i / vocab_size, v = i % vocab_size;
    return sum_over(cols, [&](auto c) { return x[r * cols + c] * w[v * cols + c]; });
  });
  auto const logit = [&](auto r, auto v) { return logits[std::size_t(r * vocab_size + v)]; };
  auto const log_sums = all_of(rows, [&](auto r) {
    return std::log(sum_over(vocab_size, [&](auto v) { return std::exp(logit(r, v)); }));
  });
  auto const log_sum = [&](auto r) { return log_sums[std::size_t(r)]; };
  auto const want =
      all_of(rows, [&](auto r) { return target(r) < 0 ? 0 : log_sum(r) - logit(r, target(r)); });
  for (double const one : want) sum += one;
  auto const slope = [&](auto r, auto v) {
    return target(r) < 0 ? 0 : 0.5 * (std::exp(logit(r, v) - log_sum(r)) - (v == target(r)));
  };
  expect({"cross_entropy", width}, loss, sum);
  expect({"cross_entropy, losses", width}, losses, want);
  expect_each({"cross_entropy, dx", width}, dx, rows * cols, [&](auto i) {
    return sum_over(vocab_size,
                    [&](auto v) { return slope(i / cols, v) * w[v * cols + i % cols]; });
  });
  expect_each({"cross_entropy, dw", width}, dw, vocab_size * cols, [&](auto i) {
    return 1 + sum_over(rows, [&](auto r) { return slope(r, i / cols) * x[r * cols + i % cols]; });
  });
}

/// Two heads that read one key/value head, one sequence.
void attention(int width, int length, int head_dim) {
  constexpr int heads = 2;
  int const n = length * heads * head_dim, keys = length * head_dim;
  moenda::AttentionShape const shape{1, length, length, length, heads, 1, head_dim};
  Floats const q(n, 1, -1, 1), k(keys, 2, -1, 1), v(keys, 3, -1, 1), dy(n, 4, -1, 1);
  Floats y(n, 9.f), logsumexp(length * heads, 9.f), dq(n, 9.f), dk(keys, 9.f), dv(keys, 9.f);
  cpu::attention_forward(backend(), y.data(), logsumexp.data(), q.data(), k.data(), v.data(),
                         shape);
  double const scale = 1 / std::sqrt(double(head_dim));
  Doubles want(std::size_t(n), 0), want_q = want, want_k(std::size_t(keys), 0), want_v = want_k;
  Doubles want_sum(std::size_t(length * heads), 0);
  for (int t = 0; t < length; ++t) {
    for (int h = 0; h < heads; ++h) {
      int const at = (t * heads + h) * head_dim;
      auto const dot = [&](Floats const& a, Floats const& b, auto j) {
        return sum_over(head_dim, [&](auto c) { return a[at + c] * b[j * head_dim + c]; });
      };
      auto p = all_of(t + 1, [&](auto j) { return std::exp(scale * dot(q, k, j)); });
      double sum = 0, mean = 0;
      for (double const one : p) sum += one;
      for (double& one : p) one /= sum;
      want_sum[std::size_t(h * length + t)] = std::log(sum);
      auto const dp = all_of(t + 1, [&](auto j) { return dot(dy, v, j); });
      for (std::size_t j = 0; j < p.size(); ++j) mean += p[j] * dp[j];
      for (int j = 0; j <= t; ++j) {
        double const share = p[std::size_t(j)];
        double const ds = scale * share * (dp[std::size_t(j)] - mean);
        for (int c = 0; c < head_dim; ++c) {
          auto const own = std::size_t(at + c), other = std::size_t(j * head_dim + c);
          want[own] += share * v[j * head_dim + c], want_v[other] += share * dy[at + c];
          want_q[own] += ds * k[j * head_dim + c], want_k[other] += ds * q[at + c];
        }
      }
    }
  }
  expect({"attention_forward", width}, y, want);
  expect({"attention_forward, logsumexp", width}, logsumexp, want_sum);
  cpu::attention_backward(backend(), dq.data(), dk.data(), dv.data(), dy.data(), y.data(),
                          logsumexp.data(), q.data(), k.data(), v.data(), shape);
  expect({"attention_backward, dq", width}, dq, want_q, 1e-4);
  expect({"attention_backward, dk", width}, dk, want_k, 1e-4);
  expect({"attention_backward, dv", width}, dv, want_v, 1e-4);
}

/// Step 1 of two sequences of which the second is over.
void gru(int hidden) {
  constexpr int batch_size = 2, seq_len = 2, step = 1;
  int const n = batch_size * hidden, wide = 3 * n;
  Floats const x(wide * seq_len, 1, -2, 2), product(wide, 2, -2, 2), bias(3 * hidden, 3, -1, 1);
  Floats const previous(n, 4, -1, 1), dnext(n, 5, -1, 1), dstate(n, 6, -1, 1);
  Floats gates = x, recurrent = product, next(n, 9.f), dprevious(n, 9.f);
  Floats dgates(wide * seq_len, 9.f), drecurrent(wide, 9.f);
  Ints const lengths{2, 1};
  cpu::gru_step_forward(backend(), next.data(), gates.data(), recurrent.data(), bias.data(),
                        previous.data(), lengths.data(), step, batch_size, seq_len, hidden);
  auto const logistic = [](double z) { return 1 / (1 + std::exp(-z)); };
  auto const input = [&](int part, auto i) { return x[3 * hidden + part * hidden + i]; };
  auto const state = [&](int part, auto i) {
    return product[part * hidden + i] + bias[part * hidden + i];
  };
  auto const r = [&](auto i) { return logistic(input(0, i) + state(0, i)); };
  auto const z = [&](auto i) { return logistic(input(1, i) + state(1, i)); };
  auto const candidate = [&](auto i) { return std::tanh(input(2, i) + r(i) * state(2, i)); };
  expect_each({"gru_step_forward", hidden}, next, n, [&](auto i) {
    return i < hidden ? (1 - z(i)) * candidate(i) + z(i) * previous[i] : previous[i];
  });
  for (bool const with_state : {false, true}) {
    cpu::gru_step_backward(backend(), dprevious.data(), dgates.data(), drecurrent.data(),
                           dnext.data(), with_state ? dstate.data() : nullptr, gates.data(),
                           recurrent.data(), previous.data(), lengths.data(), step, batch_size,
                           seq_len, hidden);
    auto const dh = [&](auto i) { return dnext[i] + (with_state ? dstate[i] : 0); };
    auto const dn = [&](auto i) { return dh(i) * (1 - z(i)) * (1 - candidate(i) * candidate(i)); };
    expect_each({"gru_step_backward", hidden}, dprevious, n,
                [&](auto i) { return i < hidden ? dh(i) * z(i) : dnext[i]; });
    expect_each({"gru_step_backward, recurrent", hidden}, drecurrent, wide, [&](auto at) {
      if (at >= 3 * hidden) return 0.0;
      auto const part = at / hidden, i = at % hidden;
      if (part == 0) return dn(i) * state(2, i) * r(i) * (1 - r(i));
      if (part == 1) return dh(i) * (previous[i] - candidate(i)) * z(i) * (1 - z(i));
      return dn(i) * r(i);
    });
  }
}

void all() {
  for (int const width : widths()) gru(width);
  for (int const width : some_widths()) {
    products(width, width, 5, 9);
    products(width, 9, width, 5);
    products(width, 5, 9, width);
    products(width, 17, width, width);
    grouped(width, 9, 5);
    grouped(width, 3, width);
    cross_entropy(width, width, 7);
    cross_entropy(width, 7, width);
    attention(width, 9, width);
    attention(width, width, 5);
  }
}

}  // namespace

int main() { return run(all); }
