// SPDX-License-Identifier: Apache-2.0
#include "cpu/kernels/checks.hpp"

using namespace moenda;
using checks::mask;
using checks::numbers;

namespace {

template <class T>
double balance(cpu::Backend<T>& backend, std::vector<T> const& probs,
               std::vector<T> const& selected, double weight, int cols, T* dprobs = nullptr,
               double scale = 1) {
  double loss = 0;
  cpu::load_balancing_forward<T>(
      backend, &loss, dprobs, probs.data(), selected.data(), nullptr, 1,
      {static_cast<int>(probs.size()) / cols, cols, nullptr, weight, scale});
  return loss;
}

template <class T>
double router_z(cpu::Backend<T>& backend, std::vector<T> const& logits, double weight, int cols,
                T* dlogits = nullptr, double scale = 1) {
  double loss = 0;
  cpu::router_z_forward<T>(backend, &loss, dlogits, logits.data(),
                           {static_cast<int>(logits.size()) / cols, cols, nullptr, weight, scale});
  return loss;
}

/// selected[t, (t + j) % cols] = 1 for j < top_k: balanced when cols divides the rows.
std::vector<double> in_turn(int rows, int cols, int top_k) {
  std::vector<double> selected(static_cast<std::size_t>(rows * cols), 0.0);
  for (int r = 0; r < rows; ++r) {
    for (int j = 0; j < top_k; ++j) {
      selected[static_cast<std::size_t>(r * cols + (r + j) % cols)] = 1.0;
    }
  }
  return selected;
}

}  // namespace

TEST_CASE("load balancing is its weight at balance and E when collapsed", "[cpu][routing_losses]") {
  cpu::Backend<double> backend(2);
  for (int const cols : {1, 2, 8, 64}) {
    int const rows = 2 * cols;
    std::vector<double> const uniform(static_cast<std::size_t>(rows * cols), 1.0 / cols);
    for (int const top_k : {1, (cols + 1) / 2, cols}) {
      auto const selected = in_turn(rows, cols, top_k);
      REQUIRE(balance(backend, uniform, selected, 0.25, cols) == Approx(0.25).epsilon(1e-12));
    }
    std::vector<double> collapsed(uniform.size(), 0.0);
    for (int r = 0; r < rows; ++r) collapsed[static_cast<std::size_t>(r * cols)] = 1.0;
    REQUIRE(balance(backend, collapsed, collapsed, 1.0, cols) == Approx(cols).epsilon(1e-12));
  }
}

TEST_CASE("the z loss of uniform logits is (ln E)^2", "[cpu][routing_losses]") {
  cpu::Backend<float> backend(2);
  for (int const cols : {1, 2, 8, 64, 100}) {
    std::vector<float> const zeros(static_cast<std::size_t>(70 * cols), 0.0f);
    double const expected = std::log(cols) * std::log(cols);
    REQUIRE(router_z(backend, zeros, 2.0, cols) == Approx(2 * expected).margin(1e-12));
  }
}

TEMPLATE_TEST_CASE("routing losses agree with their formula", "[cpu][routing_losses]", float,
                   double) {
  using T = TestType;
  cpu::Backend<T> backend(3);
  for (int const rows : {1, 31, 32, 33, 200}) {
    for (int const cols : {1, 3, 8, 64}) {
      auto const probs = numbers<T>(rows * cols, 1, 0, 1), z = numbers<T>(rows * cols, 2, -20, 20);
      auto const selected = mask<T>(rows * cols, 3, 0.5);
      double assignments = 0, balanced = 0, squares = 0;
      for (T const s : selected) assignments += static_cast<double>(s);
      for (int c = 0; c < cols; ++c) {
        double chosen = 0, mass = 0;
        for (int i = c; i < rows * cols; i += cols) {
          chosen += static_cast<double>(selected[static_cast<std::size_t>(i)]);
          mass += static_cast<double>(probs[static_cast<std::size_t>(i)]);
        }
        balanced += cols * chosen / std::max(assignments, 1.0) * mass / rows;
      }
      for (int r = 0; r < rows; ++r) {
        double sum = 0;
        for (int i = r * cols; i < (r + 1) * cols; ++i) {
          sum += std::exp(static_cast<double>(z[static_cast<std::size_t>(i)]));
        }
        squares += std::pow(std::log(sum), 2) / rows;
      }
      REQUIRE(balance(backend, probs, selected, 0.3, cols) == Approx(0.3 * balanced).epsilon(1e-9));
      REQUIRE(router_z(backend, z, 0.3, cols) ==
              Approx(0.3 * squares).epsilon(checks::tolerance<T>));
    }
  }
}

TEST_CASE("routing loss gradients agree with differences, scale and accumulate",
          "[cpu][routing_losses]") {
  cpu::Backend<double> backend(2);
  int const cols = 5;
  auto probs = numbers<double>(40 * cols, 1, 0, 1), z = numbers<double>(40 * cols, 2, -3, 3);
  auto const selected = mask<double>(40 * cols, 3, 0.4);
  double const scale = 16;
  std::vector<double> d(probs.size(), 1.0);
  balance(backend, probs, selected, 0.3, cols, d.data(), scale);
  for (auto& value : d) value = (value - 1.0) / scale;
  checks::require_gradient(probs, d, [&] { return balance(backend, probs, selected, 0.3, cols); });
  d.assign(z.size(), 1.0);
  router_z(backend, z, 0.3, cols, d.data(), scale);
  for (auto& value : d) value = (value - 1.0) / scale;
  checks::require_gradient(z, d, [&] { return router_z(backend, z, 0.3, cols); });
}

TEST_CASE("routing losses are added, and nothing adds nothing", "[cpu][routing_losses]") {
  cpu::Backend<double> backend(2);
  double loss = 3;
  RoutingLoss<double> const empty{0, 4, nullptr, 1.0, 1.0};
  cpu::load_balancing_forward<double>(backend, &loss, nullptr, nullptr, nullptr, nullptr, 1, empty);
  cpu::router_z_forward<double>(backend, &loss, nullptr, nullptr, empty);
  REQUIRE(loss == 3);
  std::vector<double> const probs(8, 0.25), nobody(8, 0.0);
  std::vector<double> dprobs(8, 2.0);
  REQUIRE(balance(backend, probs, nobody, 1.0, 4, dprobs.data()) == 0);
  REQUIRE(dprobs == std::vector<double>(8, 2.0));
  cpu::router_z_forward<double>(backend, &loss, nullptr, nobody.data(), {2, 4, nullptr, 1.0, 1.0});
  REQUIRE(loss == Approx(3 + std::log(4) * std::log(4)));
}

TEST_CASE("the z loss does not overflow", "[cpu][routing_losses]") {
  cpu::Backend<float> backend(1);
  std::vector<float> const z{1000, -1000, 0, -1000, -1000, -1000};
  std::vector<float> d(z.size(), 0.0f);
  REQUIRE(router_z(backend, z, 1.0, 3, d.data()) ==
          Approx((1e6 + std::pow(std::log(3) - 1000, 2)) / 2));
  for (float const value : d) REQUIRE(std::isfinite(value));
}

TEST_CASE("load balancing of groups is the mean of the groups' losses", "[cpu][routing_losses]") {
  cpu::Backend<double> backend(3);
  int const cols = 5, rows = 4 * 37;
  auto const probs = numbers<double>(rows * cols, 1, 0, 1);
  auto const selected = mask<double>(rows * cols, 2, 0.3);
  std::vector<double> present(static_cast<std::size_t>(rows), 1.0);
  std::fill_n(present.begin() + 37, 37, 0.0);  // group 1 is padding: a mean of three
  double grouped = 0, expected = 0;
  cpu::load_balancing_forward<double>(backend, &grouped, nullptr, probs.data(), selected.data(),
                                      nullptr, 4, {rows, cols, present.data(), 0.7, 1.0});
  for (int const g : {0, 2, 3}) {
    auto const at = g * 37 * cols;
    cpu::load_balancing_forward<double>(backend, &expected, nullptr, probs.data() + at,
                                        selected.data() + at, nullptr, 1,
                                        {37, cols, nullptr, 0.7, 1.0});
  }
  REQUIRE(grouped == Approx(expected / 3).epsilon(1e-13));
}

TEST_CASE("assignments seen before count in f", "[cpu][routing_losses]") {
  cpu::Backend<double> backend(2);
  // Everything goes to expert 0 now, as much went to expert 1 before: f = (1/2, 1/2).
  std::vector<double> const probs{0.9, 0.1, 0.9, 0.1}, selected{1, 0, 1, 0}, seen{0, 2};
  std::vector<double> d(4, 0.0);
  double loss = 0;
  cpu::load_balancing_forward<double>(backend, &loss, d.data(), probs.data(), selected.data(),
                                      seen.data(), 1, {2, 2, nullptr, 1.0, 1.0});
  REQUIRE(loss == Approx(1.0).epsilon(1e-15));
  checks::require_near(d, std::vector<double>(4, 0.5), 1e-15);
}

TEST_CASE("routing losses have the same bits for any thread count", "[cpu][routing_losses]") {
  int const cols = 24;
  auto const probs = numbers<float>(601 * cols, 1, 0, 1), z = numbers<float>(601 * cols, 2, -9, 9);
  auto const selected = mask<float>(601 * cols, 3, 0.2);
  checks::require_same_bits([&](cpu::Backend<float>& backend) {
    std::vector<float> d(z.size(), 0.1f);
    double const first = balance(backend, probs, selected, 0.01, cols, d.data(), 3.0);
    double const second = router_z(backend, z, 0.01, cols, d.data(), 3.0);
    std::vector<double> all(d.begin(), d.end());
    all.push_back(first);
    all.push_back(second);
    return all;
  });
}
