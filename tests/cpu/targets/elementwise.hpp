// SPDX-License-Identifier: Apache-2.0
#pragma once
// Kernels that work on every number by itself, and the optimizer.
#include "checks.hpp"
#if MOENDA_HEADER_ONLY
#include "moenda/cpu/kernels/elementwise/activations.hpp"
#include "moenda/cpu/kernels/elementwise/elementwise.hpp"
#include "moenda/cpu/kernels/elementwise/pointwise.hpp"
#include "moenda/cpu/kernels/elementwise/random_numbers.hpp"
#include "moenda/cpu/kernels/loss/squared_error.hpp"
#include "moenda/cpu/kernels/optimizer/adamw.hpp"
#include "moenda/cpu/kernels/routing/hash.hpp"
#endif

namespace targets {

namespace cpu = moenda::cpu;

inline double logistic(double x) { return 1 / (1 + std::exp(-x)); }
inline double gelu_share(double x) {
  return logistic(1.5957691216057308 * (x + 0.044715 * x * x * x));
}

inline void activations(int n) {
  Floats const x(n, 1, -6, 6), dy(n, 2, -1, 1), up(n, 3, -2, 2);
  Floats y(n, 9.f), dup(n, 9.f);
  auto const is = [&](char const* kernel, Term f) { expect_each({kernel, n}, y, n, f); };
  cpu::gelu_forward(backend(), y.data(), x.data(), n);
  is("gelu_forward", [&](auto i) { return x[i] * gelu_share(x[i]); });
  cpu::gelu_backward(backend(), y.data(), dy.data(), x.data(), n);
  is("gelu_backward", [&](auto i) {
    double const s = gelu_share(x[i]);
    double const slope = 1.5957691216057308 * (1 + 0.134145 * x[i] * x[i]);
    return dy[i] * (s + x[i] * s * (1 - s) * slope);
  });
  auto const normal = [](double z) { return 0.5 * (1 + std::erf(z / std::sqrt(2.0))); };
  cpu::gelu_erf_forward(backend(), y.data(), x.data(), n);
  is("gelu_erf_forward", [&](auto i) { return x[i] * normal(x[i]); });
  cpu::gelu_erf_backward(backend(), y.data(), dy.data(), x.data(), n);
  is("gelu_erf_backward", [&](auto i) {
    double const density = 0.3989422804014327 * std::exp(-0.5 * double(x[i]) * double(x[i]));
    return dy[i] * (normal(x[i]) + x[i] * density);
  });
  cpu::clip_forward(backend(), y.data(), x.data(), 2.f, n);
  is("clip_forward", [&](auto i) { return std::clamp(double(x[i]), -2.0, 2.0); });
  cpu::clip_backward(backend(), y.data(), dy.data(), x.data(), 2.f, n);
  is("clip_backward", [&](auto i) { return std::abs(double(x[i])) <= 2 ? double(dy[i]) : 0.0; });
  cpu::silu_forward(backend(), y.data(), x.data(), n);
  is("silu_forward", [&](auto i) { return x[i] * logistic(x[i]); });
  auto const silu_slope = [](double z) { return logistic(z) * (1 + z * (1 - logistic(z))); };
  cpu::silu_backward(backend(), y.data(), dy.data(), x.data(), n);
  is("silu_backward", [&](auto i) { return dy[i] * silu_slope(x[i]); });
  cpu::swiglu_forward(backend(), y.data(), x.data(), up.data(), n);
  is("swiglu_forward", [&](auto i) { return x[i] * logistic(x[i]) * up[i]; });
  cpu::swiglu_backward(backend(), y.data(), dup.data(), dy.data(), x.data(), up.data(), n);
  is("swiglu_backward", [&](auto i) { return dy[i] * up[i] * silu_slope(x[i]); });
  expect_each({"swiglu_backward, dup", n}, dup, n,
              [&](auto i) { return dy[i] * x[i] * logistic(x[i]); });
  cpu::sigmoid_forward(backend(), y.data(), x.data(), n);
  is("sigmoid_forward", [&](auto i) { return logistic(x[i]); });
  cpu::sigmoid_backward(backend(), y.data(), dy.data(), x.data(), n);
  is("sigmoid_backward", [&](auto i) { return dy[i] * x[i] * (1 - x[i]); });
  cpu::softplus_forward(backend(), y.data(), x.data(), n);
  is("softplus_forward", [&](auto i) { return std::log1p(std::exp(x[i])); });
  cpu::softplus_backward(backend(), y.data(), dy.data(), x.data(), n);
  is("softplus_backward", [&](auto i) { return dy[i] * logistic(x[i]); });
}

inline void arithmetic(int n) {
  Floats const a(n, 1, -6, 6), b(n, 2, -1, 1);
  Floats y(n, 9.f);
  auto const is = [&](char const* kernel, Term f) { expect_each({kernel, n}, y, n, f, 0); };
  cpu::fill(backend(), y.data(), 3.f, n);
  is("fill", [](auto) { return 3; });
  cpu::fill(backend(), y.data(), 0.f, n);
  is("fill with 0", [](auto) { return 0; });
  cpu::copy(backend(), y.data(), a.data(), n);
  is("copy", [&](auto i) { return a[i]; });
  cpu::add_forward(backend(), y.data(), a.data(), b.data(), n);
  is("add_forward", [&](auto i) { return float(a[i]) + float(b[i]); });
  cpu::multiply_forward(backend(), y.data(), a.data(), b.data(), n);
  is("multiply_forward", [&](auto i) { return float(a[i]) * float(b[i]); });
  cpu::scale_forward(backend(), y.data(), a.data(), 0.5f, 2.f, n);
  expect_each({"scale_forward", n}, y, n, [&](auto i) { return 0.5 * a[i] + 2; });
  double sum = 0, squares = 0;
  for (int i = 0; i < n; ++i) squares += a[i] * a[i];
  cpu::sum_of_squares(backend(), &sum, a.data(), n);
  expect({"sum_of_squares", n}, sum, squares, 1e-12);
  Floats blocks(3 * (n + 2), 9.f);
  Floats const from(3 * (n + 1), 4, -1, 1);
  cpu::copy_blocks(backend(), blocks.data(), from.data(), 3, n, n + 2, n + 1);
  expect_each(
      {"copy_blocks", n}, blocks, 3 * (n + 2),
      [&](auto i) { return i % (n + 2) < n ? from[i / (n + 2) * (n + 1) + i % (n + 2)] : 9; }, 0);
}

inline void optimizer(int n) {
  moenda::AdamWStep const s{0.01, 0.9, 0.99, 1e-8, 0.1, 0.19, 0.0199, 0.5};
  Floats const x(n, 1, -1, 1), m(n, 2, -1, 1), v(n, 3, 0, 1), g(n, 4, -1, 1);
  Floats values = x, first = m, second = v;
  cpu::adamw_step(backend(), values.data(), first.data(), second.data(), g.data(), s, n);
  auto const new_m = [&](auto i) { return 0.9 * m[i] + 0.1 * 0.5 * g[i]; };
  auto const new_v = [&](auto i) { return 0.99 * v[i] + 0.01 * 0.25 * g[i] * g[i]; };
  expect_each({"adamw_step, first moment", n}, first, n, new_m);
  expect_each({"adamw_step, second moment", n}, second, n, new_v);
  expect_each({"adamw_step", n}, values, n, [&](auto i) {
    return x[i] * (1 - 0.001) - 0.01 * new_m(i) / 0.19 / (std::sqrt(new_v(i) / 0.0199) + 1e-8);
  });
}

inline void squared_errors(int n) {
  for (auto const& mask : masks(1, n)) {  // the targets that are there
    Floats const values(n, 1, -3, 3);
    Floats targets(n, 2, -3, 3), losses(n, 9.f), d(n, 9.f);
    for (int i = 0; i < n; ++i) {
      if (!mask.taken(i)) targets.set(i, double(NAN));
    }
    auto const off = [&](auto i) { return mask.taken(i) ? values[i] - targets[i] : 0; };
    double sum = 9, want = 0;
    for (int i = 0; i < n; ++i) want += off(i) * off(i);
    cpu::squared_error(backend(), &sum, losses.data(), d.data(), values.data(), targets.data(),
                       0.25f, n);
    expect({"squared_error", n, mask.name}, sum, want);
    expect_each({"squared_error, losses", n, mask.name}, losses, n,
                [&](auto i) { return off(i) * off(i); });
    expect_each({"squared_error, gradient", n, mask.name}, d, n,
                [&](auto i) { return 0.5 * off(i); });
  }
}

inline void draws(int n) {
  moenda::Random const random(3, 4);
  auto const at = [](auto i) { return static_cast<std::uint64_t>(i); };
  Floats y(n, 9.f);
  auto const is = [&](char const* kernel, Term f) { expect_each({kernel, n}, y, n, f); };
  cpu::draw_uniform(backend(), y.data(), random, n);
  is("draw_uniform", [&](auto i) { return random.uniform(at(i)); });
  cpu::draw_normal(backend(), y.data(), random, n);
  is("draw_normal", [&](auto i) { return random.normal(at(i)); });
  cpu::draw_gumbel(backend(), y.data(), random, n);
  is("draw_gumbel", [&](auto i) { return -std::log(-std::log(random.uniform(at(i)))); });
  cpu::draw_mask(backend(), y.data(), random, 0.3, 2.f, n);
  is("draw_mask", [&](auto i) { return random.uniform(at(i)) >= 0.3 ? 2 : 0; });
  Floats table(2 * n, 9.f);
  Keys const keys{5, 1u << 30};
  cpu::draw_uniform_of_keys(backend(), table.data(), random, keys.data(), 2, n);
  expect_each({"draw_uniform_of_keys", n}, table, 2 * n, [&](auto i) {
    return moenda::Random(random.bits(keys[std::size_t(i / n)])).uniform(at(i % n));
  });
  cpu::draw_gumbel_strata(backend(), table.data(), random, n, 2);
  Doubles got, want;
  for (int i = 0; i < n; ++i) {
    got.push_back(table[2 * i + 1]);
    want.push_back(-std::log(-std::log((i + 0.5) / n)));
  }
  std::sort(got.begin(), got.end());
  expect({"draw_gumbel_strata", n}, got, want);
}

inline void keys_to_hash(int n) {
  Ints tokens;
  for (int i = 0; i < n; ++i) tokens.push_back(70000 * (i % 5) + 3 * i);
  auto const token = [&](auto i) { return std::uint64_t(tokens[std::size_t(i)]); };
  Keys keys(std::size_t(n), 9);
  auto const is = [&](char const* kernel, Term f) { expect_each({kernel, n}, keys, n, f, 0); };
  cpu::token_keys(backend(), keys.data(), tokens.data(), n);
  is("token_keys", token);
  cpu::position_keys(backend(), keys.data(), 5, 7, n, nullptr);
  is("position_keys", [](auto i) { return 5 + i % 7; });
  Floats halves(2 * n, 9.f);
  cpu::split_tokens(backend(), halves.data(), tokens.data(), n);
  expect_each(
      {"split_tokens", n}, halves, 2 * n,
      [&](auto i) { return i % 2 == 0 ? token(i / 2) >> 16 : token(i / 2) & 0xffff; }, 0);
  for (bool const with_token : {false, true}) {
    cpu::previous_keys(backend(), keys.data(), halves.data(), with_token, 0, n, n, n, nullptr);
    is("previous_keys", [&](auto i) {
      std::uint64_t const before = i == 0 ? 0 : 1 + token(i - 1);
      return with_token ? before << 32 | token(i) : before;
    });
  }
  cpu::item_keys(backend(), keys.data(), tokens.data(), nullptr, 0, nullptr, 2, 1, 1, n, nullptr);
  is("item_keys", [&](auto i) { return std::uint64_t{2} << 32 | token(i); });
  Floats selected(n, 9.f), table(400000, 1.f);
  cpu::hash_experts(backend(), selected.data(), keys.data(), 7, 0, 1, 1, n);
  auto const chosen =
      std::ptrdiff_t(moenda::Random(7, 0).bits(keys[0]) % static_cast<std::uint64_t>(n));
  expect_each(
      {"hash_experts", n}, selected, n, [&](auto e) { return e == chosen; }, 0);
  table.set(tokens[0], n);
  cpu::look_up_experts(backend(), selected.data(), tokens.data(), table.data(), 400000, 1, 1, n);
  expect_each(
      {"look_up_experts", n}, selected, n, [&](auto e) { return e == n - 1; }, 0);
}

}  // namespace targets
