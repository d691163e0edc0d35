// SPDX-License-Identifier: Apache-2.0
// Tiled attention against full scores in double, its gradient against differences, and the laws:
// causality, grouped heads = repeated heads, the same bits for any number of threads.
#include <algorithm>
#include <catch2/catch.hpp>
#include <cmath>
#include <random>
#include <string>
#include <vector>

#include "moenda/cpu/backend.hpp"

using moenda::AttentionShape;
using moenda::cpu::Backend;

namespace {

template <class T>
std::vector<T> random_values(std::size_t count, unsigned seed, double size = 1) {
  std::mt19937 bits(seed);
  std::vector<T> values(count);
  for (auto& value : values)
    value = static_cast<T>(size * (static_cast<double>(bits()) / 2147483648.0 - 1.0));
  return values;
}

std::size_t query_scalars(AttentionShape const& s) {
  return static_cast<std::size_t>(s.batch_size * s.query_len * s.num_heads * s.head_dim);
}
std::size_t key_scalars(AttentionShape const& s) {
  return static_cast<std::size_t>(s.batch_size * s.key_stride * s.num_kv_heads * s.head_dim);
}
std::size_t statistics(AttentionShape const& s) {
  return static_cast<std::size_t>(s.batch_size * s.num_heads * s.query_len);
}

template <class T>
struct Inputs {
  Inputs(AttentionShape const& s, double size = 1)
      : q(random_values<T>(query_scalars(s), 1, size)),
        k(random_values<T>(key_scalars(s), 2, size)),
        v(random_values<T>(key_scalars(s), 3)),
        dy(random_values<T>(query_scalars(s), 4)) {}
  std::vector<T> q, k, v, dy;
};

template <class T>
struct Outputs {
  std::vector<T> y, logsumexp;
};
template <class T>
struct Gradients {
  std::vector<T> dq, dk, dv;
};

// Outputs begin as NaN: whatever is not assigned shows.
template <class T>
Outputs<T> forward(AttentionShape const& s, Inputs<T> const& in, int threads = 1) {
  Backend<T> backend(threads);
  Outputs<T> out{std::vector<T>(query_scalars(s), T(NAN)), std::vector<T>(statistics(s), T(NAN))};
  attention_forward(backend, out.y.data(), out.logsumexp.data(), in.q.data(), in.k.data(),
                    in.v.data(), s);
  return out;
}
template <class T>
Gradients<T> backward(AttentionShape const& s, Inputs<T> const& in, Outputs<T> const& out,
                      int threads = 1) {
  Backend<T> backend(threads);
  Gradients<T> grads{std::vector<T>(query_scalars(s), T(NAN)),
                     std::vector<T>(key_scalars(s), T(NAN)),
                     std::vector<T>(key_scalars(s), T(NAN))};
  attention_backward(backend, grads.dq.data(), grads.dk.data(), grads.dv.data(), in.dy.data(),
                     out.y.data(), out.logsumexp.data(), in.q.data(), in.k.data(), in.v.data(), s);
  return grads;
}

// Whether query i of sequence b sees key j.
bool sees(AttentionShape const& s, int b, int i, int j) {
  auto const at = static_cast<std::size_t>(b);
  int const first = s.firsts == nullptr ? s.key_len - s.query_len : s.firsts[at];
  int const keys = first + (s.lengths == nullptr ? s.query_len : s.lengths[at]);
  int const position = first + i;
  bool const near = s.window == 0 || std::abs(position - j) < s.window;
  return j < keys && near && (!s.causal || j <= position);
}

// All scores of a row at once, in double.
template <class T>
Outputs<double> reference(AttentionShape const& s, Inputs<T> const& in) {
  Outputs<double> out{std::vector<double>(query_scalars(s)), std::vector<double>(statistics(s))};
  int const group = s.num_heads / s.num_kv_heads, width = s.num_heads * s.head_dim;
  int const key_width = s.num_kv_heads * s.head_dim;
  for (int b = 0; b < s.batch_size; ++b) {
    for (int h = 0; h < s.num_heads; ++h) {
      for (int i = 0; i < s.query_len; ++i) {
        T const* q =
            &in.q[static_cast<std::size_t>((b * s.query_len + i) * width + h * s.head_dim)];
        auto const at = [&](std::vector<T> const& x, int j) {
          return &x[static_cast<std::size_t>((b * s.key_stride + j) * key_width +
                                             h / group * s.head_dim)];
        };
        std::vector<double> scores;
        std::vector<int> seen;
        double max = -INFINITY, sum = 0;
        for (int j = 0; j < s.key_stride; ++j) {
          if (!sees(s, b, i, j)) continue;
          seen.push_back(j);
          double score = 0;
          for (int c = 0; c < s.head_dim; ++c) score += double(q[c]) * double(at(in.k, j)[c]);
          scores.push_back(score / std::sqrt(double(s.head_dim)));
          max = std::max(max, scores.back());
        }
        for (double const score : scores) sum += std::exp(score - max);
        out.logsumexp[static_cast<std::size_t>((b * s.num_heads + h) * s.query_len + i)] =
            max + std::log(sum);
        double* y = &out.y[static_cast<std::size_t>(q - in.q.data())];
        for (std::size_t j = 0; j < scores.size(); ++j) {
          double const p = std::exp(scores[j] - max) / sum;
          for (int c = 0; c < s.head_dim; ++c) y[c] += p * double(at(in.v, seen[j])[c]);
        }
      }
    }
  }
  return out;
}

template <class T, class U>
double largest_difference(std::vector<T> const& a, std::vector<U> const& b) {
  double largest = 0;
  for (std::size_t i = 0; i < a.size(); ++i) {
    if (double(a[i]) == double(b[i])) continue;  // also equal infinities
    double const difference = std::abs(double(a[i]) - double(b[i]));
    if (!(difference <= largest)) largest = difference;  // NaN is kept
    if (std::isnan(largest)) return largest;
  }
  return largest;
}

std::string name(AttentionShape const& s) {
  return "batch " + std::to_string(s.batch_size) + " queries " + std::to_string(s.query_len) +
         " keys " + std::to_string(s.key_len) + "/" + std::to_string(s.key_stride) + " heads " +
         std::to_string(s.num_heads) + "/" + std::to_string(s.num_kv_heads) + " head_dim " +
         std::to_string(s.head_dim) + (s.causal ? " causal" : "") + " window " +
         std::to_string(s.window);
}

double dot(std::vector<double> const& a, std::vector<double> const& b) {
  double sum = 0;
  for (std::size_t i = 0; i < a.size(); ++i) sum += a[i] * b[i];
  return sum;
}

}  // namespace

TEMPLATE_TEST_CASE("attention equals full scores in double", "[attention]", float, double) {
  double const tolerance = sizeof(TestType) == 4 ? 2e-6 : 1e-14;
  // batch, queries, keys, stride, heads, kv heads, head_dim
  std::vector<AttentionShape> shapes = {
      {1, 1, 1, 1, 1, 1, 1},      {2, 3, 3, 3, 2, 1, 5},      {1, 63, 63, 63, 1, 1, 8},
      {1, 64, 64, 64, 1, 1, 16},  {2, 65, 65, 65, 2, 2, 7},   {1, 130, 130, 130, 6, 2, 33},
      {2, 33, 33, 40, 4, 4, 64},  {1, 1, 200, 256, 8, 4, 64}, {3, 1, 65, 65, 3, 1, 200},
      {2, 5, 131, 140, 4, 2, 24}, {1, 70, 199, 199, 5, 1, 3}, {1, 129, 129, 129, 9, 3, 1},
      {1, 17, 17, 17, 70, 1, 4},  {1, 5, 3, 3, 2, 1, 4}};
  for (auto const& s : shapes) {
    INFO(name(s));
    Inputs<TestType> const in(s, 2.0);
    auto const got = forward(s, in);
    auto const want = reference(s, in);
    CHECK(largest_difference(got.y, want.y) < tolerance);
    CHECK(largest_difference(got.logsumexp, want.logsumexp) < 2 * tolerance);
  }
}

// Sizes around tiles and registers, heads that share keys, windows of a single key, shorter and
// longer than the sequence, and keys that were there before the queries.
TEMPLATE_TEST_CASE("what a query sees is what the shape says", "[attention]", float, double) {
  double const tolerance = sizeof(TestType) == 4 ? 2e-6 : 1e-14;
  std::vector<AttentionShape> const sizes = {
      {1, 1, 1, 1, 1, 1, 1},       {2, 3, 3, 3, 2, 1, 5},     {1, 65, 65, 65, 2, 2, 7},
      {2, 130, 130, 133, 6, 2, 9}, {1, 1, 200, 256, 8, 4, 8}, {2, 5, 131, 140, 4, 2, 24},
      {1, 70, 199, 199, 5, 1, 3},  {1, 17, 17, 17, 70, 1, 4}, {1, 5, 3, 3, 2, 1, 4}};
  for (auto s : sizes) {
    Inputs<TestType> const in(s, 2.0);
    for (bool const causal : {true, false}) {
      for (int const window : {0, 1, 2, 7, 63, 64, 65, 128, 500}) {
        s.causal = causal, s.window = window;
        INFO(name(s));
        auto const got = forward(s, in);
        auto const want = reference(s, in);
        CHECK(largest_difference(got.y, want.y) < tolerance);
        CHECK(largest_difference(got.logsumexp, want.logsumexp) < 2 * tolerance);
      }
    }
  }
}

TEST_CASE("sequences have their own lengths and their own places among the keys", "[attention]") {
  std::vector<int> const lengths{70, 1, 0, 33, 2}, firsts{10, 80, 3, 0, 64};
  AttentionShape s{5, 70, 90, 90, 4, 2, 5};
  for (bool const causal : {true, false}) {
    for (int const window : {0, 1, 5, 66, 300}) {
      for (bool const placed : {true, false}) {
        s.causal = causal, s.window = window, s.lengths = lengths.data();
        s.firsts = placed ? firsts.data() : nullptr;
        INFO(name(s) << (placed ? " placed" : ""));
        Inputs<double> in(s, 2.0);
        auto const want = reference(s, in);
        for (int b = 0; b < 5; ++b) {  // what lies behind the keys of a sequence is never read
          auto const at = static_cast<std::size_t>(b);
          int const keys = (placed ? firsts[at] : 20) + lengths[at];
          for (std::size_t c = static_cast<std::size_t>(b * 90 + keys) * 10;
               c < static_cast<std::size_t>(b + 1) * 900; ++c) {
            in.k[c] = in.v[c] = NAN;
          }
        }
        auto const got = forward(s, in);
        for (int b = 0; b < 5; ++b) {
          auto const begin = static_cast<std::ptrdiff_t>(b * 70 * 20);
          auto const end = begin + lengths[static_cast<std::size_t>(b)] * 20;
          for (auto at = begin; at < end; ++at) {
            REQUIRE(std::abs(got.y[std::size_t(at)] - want.y[std::size_t(at)]) < 1e-14);
          }
        }
        auto const finite = [](double y) { return std::isfinite(y); };
        CHECK(std::all_of(got.y.begin(), got.y.end(), finite));
      }
    }
  }
  std::vector<int> const outside{10, 80, 3, 0, 89};
  s.firsts = outside.data();
  CHECK_THROWS_WITH(forward(s, Inputs<double>(s)),
                    "attention: the keys of a sequence must fit key_stride (91 vs 90)");
}

TEST_CASE("gradients of what is seen equal central differences", "[attention]") {
  std::vector<int> const lengths{67, 0, 5};
  std::vector<AttentionShape> shapes;
  for (bool const causal : {true, false}) {
    for (int const window : {0, 1, 3, 65}) {
      shapes.push_back({3, 67, 67, 67, 2, 1, 3, causal, window});
      shapes.push_back({1, 150, 150, 150, 1, 1, 2, causal, window});  // leaves tiles out
      shapes.push_back({3, 67, 67, 67, 2, 1, 3, causal, window, nullptr, lengths.data()});
    }
  }
  for (auto const& s : shapes) {
    INFO(name(s) << (s.lengths == nullptr ? "" : " with lengths"));
    Inputs<double> in(s, 1.5);
    if (s.lengths != nullptr) {  // nothing is asked of padding
      for (std::size_t at = 0; at < in.dy.size(); ++at) {
        auto const row = static_cast<int>(at) / 6;
        if (row % 67 >= lengths[static_cast<std::size_t>(row / 67)]) in.dy[at] = 0;
      }
    }
    auto const out = forward(s, in);
    auto const grads = backward(s, in, out);
    auto const check = [&](std::vector<double>& x, std::vector<double> const& dx) {
      double worst = 0;
      for (std::size_t i = 0; i < x.size(); i += 1 + x.size() / 37) {
        double const old = x[i], step = 1e-5;
        x[i] = old + step;
        double const above = dot(reference(s, in).y, in.dy);
        x[i] = old - step;
        double const below = dot(reference(s, in).y, in.dy);
        x[i] = old;
        double const difference = std::abs((above - below) / (2 * step) - dx[i]);
        if (!(difference <= worst)) worst = difference;
      }
      CHECK(worst < 1e-8);
    };
    check(in.q, grads.dq);
    check(in.k, grads.dk);
    check(in.v, grads.dv);
    for (auto const* values : {&grads.dq, &grads.dk, &grads.dv}) {
      for (double const value : *values) REQUIRE(std::isfinite(value));
    }
  }
}

TEST_CASE("keys behind key_len are never read", "[attention]") {
  AttentionShape const s{2, 3, 50, 60, 2, 1, 8};
  Inputs<float> in(s);
  auto const want = forward(s, in);
  for (int b = 0; b < 2; ++b) {
    for (int j = 50; j < 60; ++j) {
      for (int c = 0; c < 8; ++c) {
        auto const at = static_cast<std::size_t>((b * 60 + j) * 8 + c);
        in.k[at] = in.v[at] = NAN;
      }
    }
  }
  CHECK(forward(s, in).y == want.y);
}

TEST_CASE("attention gradients equal central differences", "[attention]") {
  for (AttentionShape const s :
       {AttentionShape{2, 5, 5, 5, 4, 2, 3}, {1, 67, 67, 67, 2, 1, 2}, {1, 3, 3, 3, 3, 3, 17}}) {
    INFO(name(s));
    Inputs<double> in(s, 1.5);
    auto const out = forward(s, in);
    auto const grads = backward(s, in, out);
    auto const check = [&](std::vector<double>& x, std::vector<double> const& dx) {
      double worst = 0;
      for (std::size_t i = 0; i < x.size(); i += 1 + x.size() / 97) {
        double const old = x[i], step = 1e-5;
        x[i] = old + step;
        double const above = dot(reference(s, in).y, in.dy);
        x[i] = old - step;
        double const below = dot(reference(s, in).y, in.dy);
        x[i] = old;
        double const difference = std::abs((above - below) / (2 * step) - dx[i]);
        if (!(difference <= worst)) worst = difference;
      }
      CHECK(worst < 1e-8);
    };
    check(in.q, grads.dq);
    check(in.k, grads.dk);
    check(in.v, grads.dv);
  }
}

TEST_CASE("float gradients agree with double ones", "[attention]") {
  for (AttentionShape const s : {AttentionShape{1, 130, 130, 130, 4, 2, 64},
                                 {2, 64, 64, 64, 3, 1, 5},
                                 {1, 65, 65, 65, 2, 2, 200},
                                 {2, 100, 100, 100, 2, 1, 1}}) {
    INFO(name(s));
    Inputs<float> const in(s);
    Inputs<double> wide(s);
    wide.q.assign(in.q.begin(), in.q.end()), wide.k.assign(in.k.begin(), in.k.end());
    wide.v.assign(in.v.begin(), in.v.end()), wide.dy.assign(in.dy.begin(), in.dy.end());
    auto const got = backward(s, in, forward(s, in));
    auto const want = backward(s, wide, forward(s, wide));
    CHECK(largest_difference(got.dq, want.dq) < 5e-6);
    CHECK(largest_difference(got.dk, want.dk) < 5e-6);
    CHECK(largest_difference(got.dv, want.dv) < 2e-5);
  }
}

TEST_CASE("attention has the same bits for any number of threads", "[attention]") {
  for (AttentionShape const s : {AttentionShape{3, 130, 130, 130, 4, 2, 20},
                                 {1, 40, 40, 40, 1, 1, 8},
                                 {3, 130, 130, 130, 4, 2, 20, false, 0},
                                 {3, 130, 130, 130, 4, 2, 20, true, 70}}) {
    INFO(name(s));
    Inputs<float> const in(s);
    auto const out = forward(s, in);
    auto const grads = backward(s, in, out);
    for (int const threads : {2, 3, 8}) {
      auto const other = forward(s, in, threads);
      CHECK(other.y == out.y);
      CHECK(other.logsumexp == out.logsumexp);
      auto const again = backward(s, in, out, threads);
      CHECK(again.dq == grads.dq);
      CHECK(again.dk == grads.dk);
      CHECK(again.dv == grads.dv);
    }
  }
}

TEST_CASE("a query sees no later key", "[attention]") {
  AttentionShape const s{1, 150, 150, 150, 4, 2, 16};
  Inputs<float> const in(s);
  auto const before = forward(s, in);
  auto const row = static_cast<std::size_t>(s.num_heads * s.head_dim);
  for (int const t : {0, 1, 31, 32, 63, 64, 100, 149}) {
    INFO("key " << t);
    Inputs<float> changed = in;
    auto const key_row = static_cast<std::size_t>(s.num_kv_heads * s.head_dim);
    for (std::size_t c = 0; c < key_row; ++c) {
      changed.k[static_cast<std::size_t>(t) * key_row + c] += 3;
      changed.v[static_cast<std::size_t>(t) * key_row + c] -= 5;
    }
    auto const after = forward(s, changed);
    auto const first = static_cast<std::ptrdiff_t>(static_cast<std::size_t>(t) * row);
    CHECK(std::equal(before.y.begin(), before.y.begin() + first, after.y.begin()));
    CHECK(before.y[static_cast<std::size_t>(first)] != after.y[static_cast<std::size_t>(first)]);
  }
}

TEST_CASE("grouped heads equal heads whose keys are repeated", "[attention]") {
  AttentionShape const grouped{2, 70, 70, 70, 6, 2, 9};
  AttentionShape const repeated{2, 70, 70, 70, 6, 6, 9};
  Inputs<double> const in(grouped);
  Inputs<double> wide(repeated);
  wide.q = in.q, wide.dy = in.dy;
  auto const source = [](std::size_t at) {  // of [row, head, c] in [row, head / 3, c]
    return at / 54 * 18 + at % 54 / 27 * 9 + at % 9;
  };
  for (std::size_t at = 0; at < wide.k.size(); ++at) {
    wide.k[at] = in.k[source(at)], wide.v[at] = in.v[source(at)];
  }
  auto const out = forward(grouped, in), wide_out = forward(repeated, wide);
  CHECK(largest_difference(out.y, wide_out.y) < 1e-14);
  auto const grads = backward(grouped, in, out), wide_grads = backward(repeated, wide, wide_out);
  std::vector<double> dk(in.k.size()), dv(in.v.size());
  for (std::size_t at = 0; at < wide.k.size(); ++at) {
    dk[source(at)] += wide_grads.dk[at], dv[source(at)] += wide_grads.dv[at];
  }
  CHECK(largest_difference(grads.dq, wide_grads.dq) < 1e-13);
  CHECK(largest_difference(grads.dk, dk) < 1e-13);
  CHECK(largest_difference(grads.dv, dv) < 1e-13);
}

TEST_CASE("a token at a time gives what the whole sequence gives", "[attention]") {
  AttentionShape const all{1, 100, 100, 100, 4, 2, 12};
  Inputs<float> const in(all);
  auto const want = forward(all, in);
  for (int t = 0; t < 100; ++t) {
    AttentionShape const one{1, 1, t + 1, 100, 4, 2, 12};
    Inputs<float> step = in;
    auto const first = in.q.begin() + t * 48;
    step.q.assign(first, first + 48);
    auto const got = forward(one, step);
    std::vector<float> const row(want.y.begin() + t * 48, want.y.begin() + (t + 1) * 48);
    REQUIRE(largest_difference(got.y, row) < 1e-6);
  }
}

TEST_CASE("huge scores stay finite", "[attention]") {
  AttentionShape const s{1, 80, 80, 80, 2, 1, 4};
  Inputs<float> const in(s, 141.0);  // scores up to about 1e4 * 4
  auto const out = forward(s, in);
  CHECK(largest_difference(out.y, reference(s, in).y) < 0.02);
  auto const grads = backward(s, in, out);
  for (auto const* values : {&out.y, &out.logsumexp, &grads.dq, &grads.dk, &grads.dv}) {
    for (float const value : *values) REQUIRE(std::isfinite(value));
  }
}

TEST_CASE("NaN is not swallowed", "[attention]") {
  AttentionShape const s{1, 70, 70, 70, 1, 1, 8};
  Inputs<float> in(s);
  in.k[66 * 8] = NAN;
  auto const out = forward(s, in);
  CHECK(std::isfinite(out.y[63 * 8]));
  CHECK(std::isnan(out.y[66 * 8]));
  CHECK(std::isnan(out.y[69 * 8]));
}

TEST_CASE("nothing to attend to", "[attention]") {
  Inputs<float> const in(AttentionShape{2, 3, 3, 3, 2, 1, 4});
  CHECK(forward(AttentionShape{0, 3, 3, 3, 2, 1, 4}, in).y.empty());
  CHECK(forward(AttentionShape{2, 0, 3, 3, 2, 1, 4}, in).y.empty());
  auto const out = forward(AttentionShape{2, 3, 0, 0, 2, 1, 4}, in);
  CHECK(out.y == std::vector<float>(48, 0.0f));
  CHECK(out.logsumexp == std::vector<float>(12, -INFINITY));
}

TEST_CASE("attention refuses impossible shapes", "[attention]") {
  Backend<float> backend(1);
  float x[8] = {};
  auto const run = [&](AttentionShape const& s) { attention_forward(backend, x, x, x, x, x, s); };
  CHECK_THROWS_WITH(run({1, 1, 1, 1, 3, 2, 1}), Catch::Contains("multiple of num_kv_heads"));
  CHECK_THROWS_AS(run({1, 1, 2, 1, 1, 1, 1}), moenda::ConfigError);
  CHECK_THROWS_AS(run({1, 1, 1, 1, 1, 0, 1}), moenda::ConfigError);
  CHECK_THROWS_AS(run({1, 1, 1, 1, 1, 1, 0}), moenda::ConfigError);
  CHECK_THROWS_AS(run({-1, 1, 1, 1, 1, 1, 1}), moenda::ConfigError);
  CHECK_THROWS_WITH(run({1, 1, 1, 1, 1, 1, 1, true, -1}),
                    "attention: window must be at least 0 (-1 vs 0)");
  CHECK_THROWS_AS(attention_backward(backend, x, x, x, x, x, x, x, x, x, {1, 1, 2, 2, 1, 1, 1}),
                  moenda::ConfigError);
}
