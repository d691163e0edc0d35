// SPDX-License-Identifier: Apache-2.0

#include "cpu/kernels/checks.hpp"

using namespace moenda;
using checks::numbers;

namespace {

double gelu(double x) {
  return 0.5 * x * (1 + std::tanh(std::sqrt(2 / std::acos(-1.0)) * (x + 0.044715 * x * x * x)));
}
double silu(double x) { return x / (1 + std::exp(-x)); }

/// One activation of one input.
template <class T>
struct Activation {
  void (*forward)(cpu::Backend<T>&, T*, T const*, std::ptrdiff_t);
  void (*backward)(cpu::Backend<T>&, T*, T const*, T const*, std::ptrdiff_t);
  double (*formula)(double);
};

template <class T>
std::vector<Activation<T>> activations() {
  return {{cpu::gelu_forward<T>, cpu::gelu_backward<T>, gelu},
          {cpu::silu_forward<T>, cpu::silu_backward<T>, silu}};
}

}  // namespace

TEMPLATE_TEST_CASE("activations agree with their formula", "[cpu][activations]", float, double) {
  using T = TestType;
  cpu::Backend<T> backend(3);
  for (auto const& activation : activations<T>()) {
    for (int const n : {0, 1, 15, 33, 4096, 9001}) {
      auto const x = numbers<T>(n, 1, -12, 12);
      std::vector<T> y(x.size());
      activation.forward(backend, y.data(), x.data(), n);
      std::vector<double> expected;
      for (T const value : x) expected.push_back(activation.formula(static_cast<double>(value)));
      checks::require_near(y, expected, checks::tolerance<T>);
    }
  }
}

TEMPLATE_TEST_CASE("swiglu is silu times up", "[cpu][activations]", float, double) {
  using T = TestType;
  cpu::Backend<T> backend(3);
  for (int const n : {0, 1, 33, 9001}) {
    auto const gate = numbers<T>(n, 1, -12, 12), up = numbers<T>(n, 2);
    std::vector<T> y(gate.size());
    std::vector<double> expected;
    cpu::swiglu_forward(backend, y.data(), gate.data(), up.data(), n);
    for (std::size_t i = 0; i < gate.size(); ++i) {
      expected.push_back(silu(static_cast<double>(gate[i])) * static_cast<double>(up[i]));
    }
    checks::require_near(y, expected, checks::tolerance<T>);
  }
}

TEST_CASE("activation gradients agree with differences", "[cpu][activations]") {
  cpu::Backend<double> backend(2);
  auto x = numbers<double>(200, 1, -4, 4), up = numbers<double>(200, 2);
  auto const dy = numbers<double>(200, 3);
  std::vector<double> y(200), dx(200, 7.0), dup(200, 7.0);
  for (auto const& activation : activations<double>()) {
    activation.backward(backend, dx.data(), dy.data(), x.data(), 200);
    checks::require_gradient(x, dx, [&] {
      activation.forward(backend, y.data(), x.data(), 200);
      return checks::dot(dy, y);
    });
  }
  cpu::swiglu_backward(backend, dx.data(), dup.data(), dy.data(), x.data(), up.data(), 200);
  auto const loss = [&] {
    cpu::swiglu_forward(backend, y.data(), x.data(), up.data(), 200);
    return checks::dot(dy, y);
  };
  checks::require_gradient(x, dx, loss);
  checks::require_gradient(up, dup, loss);
}

TEST_CASE("activations stay finite far out", "[cpu][activations]") {
  cpu::Backend<float> backend(1);
  std::vector<float> const x{-1e4f, -200.0f, -90.0f, 0.0f, 90.0f, 200.0f, 1e4f}, dy(7, 1.0f);
  std::vector<float> y(7), dx(7);
  for (auto const& activation : activations<float>()) {
    activation.forward(backend, y.data(), x.data(), 7);
    activation.backward(backend, dx.data(), dy.data(), x.data(), 7);
    checks::require_near(y, std::vector<float>{0, 0, 0, 0, 90, 200, 1e4f}, 1e-6);
    checks::require_near(dx, std::vector<float>{0, 0, 0, 0.5f, 1, 1, 1}, 1e-6);
  }
}

TEST_CASE("activations have the same bits for any thread count", "[cpu][activations]") {
  auto const x = numbers<float>(30011, 1, -9, 9), up = numbers<float>(30011, 2);
  checks::require_same_bits([&](cpu::Backend<float>& backend) {
    std::vector<float> y(x.size()), dup(x.size()), all;
    for (auto const& activation : activations<float>()) {
      activation.forward(backend, y.data(), x.data(), 30011);
      checks::append(all, y);
      activation.backward(backend, y.data(), up.data(), x.data(), 30011);
      checks::append(all, y);
    }
    cpu::swiglu_backward(backend, y.data(), dup.data(), x.data(), x.data(), up.data(), 30011);
    checks::append(all, y);
    checks::append(all, dup);
    return all;
  });
}
