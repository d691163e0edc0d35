// SPDX-License-Identifier: Apache-2.0
#include "cpu/kernels/checks.hpp"

using namespace moenda;
using checks::numbers;

namespace {

double const epsilon = 1e-5;

/// One norm under one interface: `centred` is layer normalisation.
template <class T>
struct Norm {
  bool centred;
  int rows, cols;
  std::vector<T> x, gain, bias, mean, rstd, y, dx, dgain, dbias;

  Norm(bool is_centred, int num_rows, int num_cols)
      : centred(is_centred),
        rows(num_rows),
        cols(num_cols),
        x(numbers<T>(num_rows * num_cols, 1, -2, 3)),
        gain(numbers<T>(num_cols, 2)),
        bias(numbers<T>(num_cols, 3)),
        mean(static_cast<std::size_t>(num_rows)),
        rstd(mean),
        y(x.size()),
        dx(x.size(), T(99)),
        dgain(gain.size()),
        dbias(gain.size()) {}

  void forward(cpu::Backend<T>& backend) {
    auto const e = static_cast<T>(epsilon);
    if (centred) {
      cpu::layer_norm_forward(backend, y.data(), mean.data(), rstd.data(), x.data(), gain.data(),
                              bias.data(), e, rows, cols);
    } else {
      cpu::rms_norm_forward(backend, y.data(), rstd.data(), x.data(), gain.data(), e, rows, cols);
    }
  }
  void backward(cpu::Backend<T>& backend, std::vector<T> const& dy) {
    if (centred) {
      cpu::layer_norm_backward(backend, dx.data(), dgain.data(), dbias.data(), dy.data(),
                               mean.data(), rstd.data(), x.data(), gain.data(), rows, cols);
    } else {
      cpu::rms_norm_backward(backend, dx.data(), dgain.data(), dy.data(), rstd.data(), x.data(),
                             gain.data(), rows, cols);
    }
  }
  std::vector<double> expected() const {
    std::vector<double> out(x.size());
    for (int r = 0; r < rows; ++r) {
      auto const at = [&](int c) { return static_cast<std::size_t>(r * cols + c); };
      double centre = 0, squares = 0;
      for (int c = 0; centred && c < cols; ++c) centre += static_cast<double>(x[at(c)]) / cols;
      for (int c = 0; c < cols; ++c) squares += std::pow(static_cast<double>(x[at(c)]) - centre, 2);
      for (int c = 0; c < cols; ++c) {
        auto const k = static_cast<std::size_t>(c);
        out[at(c)] = (static_cast<double>(x[at(c)]) - centre) /
                         std::sqrt(squares / cols + epsilon) * static_cast<double>(gain[k]) +
                     (centred ? static_cast<double>(bias[k]) : 0.0);
      }
    }
    return out;
  }
};

}  // namespace

TEMPLATE_TEST_CASE("norms agree with their formula", "[cpu][norms]", float, double) {
  cpu::Backend<TestType> backend(3);
  for (bool const centred : {false, true}) {
    for (int const rows : {0, 1, 3, 65}) {
      for (int const cols : {1, 2, 15, 16, 17, 64, 100}) {
        Norm<TestType> norm(centred, rows, cols);
        norm.forward(backend);
        checks::require_near(norm.y, norm.expected(), checks::tolerance<TestType>);
      }
    }
  }
}

TEST_CASE("norm gradients agree with differences", "[cpu][norms]") {
  cpu::Backend<double> backend(2);
  for (bool const centred : {false, true}) {
    Norm<double> norm(centred, 37, 7);
    auto const dy = numbers<double>(37 * 7, 4);
    norm.forward(backend);
    norm.backward(backend, dy);
    auto const saved = norm;
    auto const loss = [&] {
      norm.forward(backend);
      return checks::dot(dy, norm.y);
    };
    checks::require_gradient(norm.x, saved.dx, loss);
    checks::require_gradient(norm.gain, saved.dgain, loss);
    if (centred) checks::require_gradient(norm.bias, saved.dbias, loss);
  }
}

TEST_CASE("norm gradients of parameters accumulate, those of inputs are assigned", "[cpu][norms]") {
  cpu::Backend<double> backend(2);
  for (bool const centred : {false, true}) {
    Norm<double> norm(centred, 40, 9);
    auto const dy = numbers<double>(40 * 9, 4);
    norm.forward(backend);
    norm.backward(backend, dy);
    auto const once = norm;
    norm.backward(backend, dy);
    REQUIRE(norm.dx == once.dx);
    for (std::size_t c = 0; c < 9; ++c) {
      REQUIRE(norm.dgain[c] == Approx(2 * once.dgain[c]));
      REQUIRE(norm.dbias[c] == Approx(2 * once.dbias[c]));
    }
  }
}

TEST_CASE("no rows leave the gradients of parameters as they are", "[cpu][norms]") {
  cpu::Backend<float> backend(2);
  for (bool const centred : {false, true}) {
    Norm<float> norm(centred, 0, 9);
    norm.dgain.assign(9, 2.0f);
    norm.backward(backend, {});
    REQUIRE(norm.dgain == std::vector<float>(9, 2.0f));
  }
}

TEST_CASE("a large mean does not spoil layer normalisation", "[cpu][norms]") {
  cpu::Backend<float> backend(1);
  Norm<float> norm(true, 4, 64);
  for (auto& value : norm.x) value = std::round(value * 64) / 64 + 4096;
  norm.forward(backend);
  checks::require_near(norm.y, norm.expected(), 2e-4);
}

TEST_CASE("norms have the same bits for any thread count", "[cpu][norms]") {
  auto const dy = numbers<float>(333 * 70, 4);
  for (bool const centred : {false, true}) {
    checks::require_same_bits([&](cpu::Backend<float>& backend) {
      Norm<float> norm(centred, 333, 70);
      norm.forward(backend);
      norm.backward(backend, dy);
      auto all = norm.y;
      checks::append(all, norm.dx);
      checks::append(all, norm.dgain);
      checks::append(all, norm.dbias);
      return all;
    });
  }
}
