// SPDX-License-Identifier: Apache-2.0

#include "cpu/kernels/checks.hpp"

using namespace moenda;
using checks::numbers;

namespace {

AdamWStep step_number(int t) {
  return {0.01, 0.9, 0.95, 1e-8, 0.1, 1 - std::pow(0.9, t), 1 - std::pow(0.95, t), 0.5};
}

/// One parameter, one step, in double.
void reference(double& x, double& m, double& v, double gradient, AdamWStep const& s) {
  double const g = gradient * s.gradient_scale;
  x *= 1 - s.learning_rate * s.weight_decay;
  m = s.beta1 * m + (1 - s.beta1) * g;
  v = s.beta2 * v + (1 - s.beta2) * g * g;
  x -= s.learning_rate / s.correction1 * m / (std::sqrt(v / s.correction2) + s.epsilon);
}

template <class T>
struct Weights {
  std::vector<T> x, m, v;
  explicit Weights(int n) : x(numbers<T>(n, 1)), m(x.size()), v(x.size()) {}
  void step(cpu::Backend<T>& backend, std::vector<T> const& g, AdamWStep const& s) {
    cpu::adamw_step(backend, x.data(), m.data(), v.data(), g.data(), s,
                    static_cast<std::ptrdiff_t>(x.size()));
  }
};

}  // namespace

TEMPLATE_TEST_CASE("adamw agrees with its formula over several steps", "[cpu][adamw]", float,
                   double) {
  using T = TestType;
  cpu::Backend<T> backend(3);
  for (int const n : {0, 1, 7, 8, 513, 9000}) {
    Weights<T> weights(n);
    std::vector<double> x(weights.x.begin(), weights.x.end()), m(x.size()), v(x.size());
    for (int t = 1; t <= 5; ++t) {
      auto const g = numbers<T>(n, static_cast<std::uint64_t>(10 + t));
      weights.step(backend, g, step_number(t));
      for (std::size_t i = 0; i < x.size(); ++i) {
        reference(x[i], m[i], v[i], static_cast<double>(g[i]), step_number(t));
      }
    }
    double const bound = sizeof(T) == 4 ? 1e-6 : 1e-14;
    checks::require_near(weights.x, x, bound);
    checks::require_near(weights.m, m, bound);
    checks::require_near(weights.v, v, bound);
  }
}

TEST_CASE("the first step of adamw moves by the learning rate against the sign", "[cpu][adamw]") {
  cpu::Backend<double> backend(1);
  Weights<double> weights(2);
  weights.x = {1, 1};
  auto s = step_number(1);
  s.weight_decay = 0;
  weights.step(backend, {1e-3, -200}, s);
  REQUIRE(weights.x[0] == Approx(1 - 0.01).epsilon(1e-6));
  REQUIRE(weights.x[1] == Approx(1 + 0.01).epsilon(1e-6));
}

TEST_CASE("adamw decays weights without a gradient and leaves 0 gradients finite", "[cpu][adamw]") {
  cpu::Backend<float> backend(1);
  Weights<float> weights(20);
  auto const before = weights.x;
  weights.step(backend, std::vector<float>(20, 0.0f), step_number(1));
  for (std::size_t i = 0; i < 20; ++i) REQUIRE(weights.x[i] == Approx(before[i] * 0.999f));
  REQUIRE(weights.v == std::vector<float>(20, 0.0f));
}

TEMPLATE_TEST_CASE("sum_of_squares is assigned and exact to double", "[cpu][adamw]", float,
                   double) {
  using T = TestType;
  cpu::Backend<T> backend(3);
  for (int const n : {0, 1, 9, 16384, 16385, 60001}) {
    auto const x = numbers<T>(n, 1);
    double sum = 99;
    cpu::sum_of_squares(backend, &sum, x.data(), n);
    REQUIRE(sum == Approx(checks::dot(x, x)).epsilon(1e-13).margin(0));
  }
  std::vector<T> const large(3, static_cast<T>(1e30));
  double sum = 0;
  cpu::sum_of_squares(backend, &sum, large.data(), 3);
  REQUIRE(sum == Approx(3e60));
}

TEST_CASE("adamw and sum_of_squares have the same bits for any thread count", "[cpu][adamw]") {
  auto const g = numbers<float>(50003, 2);
  checks::require_same_bits([&](cpu::Backend<float>& backend) {
    Weights<float> weights(50003);
    weights.step(backend, g, step_number(1));
    weights.step(backend, g, step_number(2));
    double sum = 0;
    cpu::sum_of_squares(backend, &sum, g.data(), 50003);
    std::vector<double> all(weights.x.begin(), weights.x.end());
    all.insert(all.end(), weights.v.begin(), weights.v.end());
    all.push_back(sum);
    return all;
  });
}
