// SPDX-License-Identifier: Apache-2.0
// The products of a linear layer on cuBLASLt: against the CPU in double, at every alignment.
#include <string>

#include "cpu/kernels/checks.hpp"
#include "device.hpp"

using namespace moenda;
using checks::numbers;
using on_gpu::Array;

#if !MOENDA_CUDA
TEST_CASE("matmul", "[cuda]") { on_gpu::backend(); }
#else

namespace {

double const bound = 1e-4;
using Floats = std::vector<float>;
using Doubles = std::vector<double>;

struct Shape {
  int rows, out, in;
};
Shape const shapes[] = {{1, 1, 1},   {2, 3, 5},    {17, 33, 9},   {64, 64, 64},
                        {9, 256, 7}, {1, 512, 96}, {130, 70, 65}, {200, 96, 300}};

/// The same numbers in double.
Doubles wide(Floats const& x) { return Doubles(x.begin(), x.end()); }

/// x, w, dy and what the products should be.
struct Case {
  Shape s;
  Floats x, w, dy, before;
  Doubles y, dx, dw;

  explicit Case(Shape shape)
      : s(shape),
        x(numbers<float>(s.rows * s.in, 1)),
        w(numbers<float>(s.out * s.in, 2)),
        dy(numbers<float>(s.rows * s.out, 3)),
        before(numbers<float>(s.out * s.in, 4)),
        y(dy.size()),
        dx(x.size()),
        dw(wide(before)) {
    cpu::Backend<double> host(1);
    auto const x2 = wide(x), w2 = wide(w), dy2 = wide(dy);
    cpu::matmul_forward(host, y.data(), x2.data(), w2.data(), s.rows, s.out, s.in, Precision::fp32);
    cpu::matmul_backward_input(host, dx.data(), dy2.data(), w2.data(), s.rows, s.out, s.in,
                               Precision::fp32);
    cpu::matmul_backward_weight(host, dw.data(), dy2.data(), x2.data(), s.rows, s.out, s.in,
                                Precision::fp32);
  }
};

}  // namespace

TEST_CASE("the three products agree with the CPU", "[cuda]") {
  auto& gpu = on_gpu::backend();
  for (auto const& shape : shapes) {
    for (std::size_t const offset : {0u, 1u, 2u, 4u}) {  // weights lie in a flat arena without gaps
      INFO(shape.rows << " x " << shape.out << " x " << shape.in << ", offset " << offset);
      Case const c(shape);
      auto const [rows, out, in] = shape;
      Array<float> x(c.x, offset), w(c.w, offset), dy(c.dy, offset), dw(c.before, offset);
      Array<float> y(Floats(c.y.size(), 99.0f), offset), dx(Floats(c.dx.size(), 99.0f), offset);
      matmul_forward(gpu, y.data(), x.data(), w.data(), rows, out, in, Precision::fp32);
      matmul_backward_input(gpu, dx.data(), dy.data(), w.data(), rows, out, in, Precision::fp32);
      matmul_backward_weight(gpu, dw.data(), dy.data(), x.data(), rows, out, in, Precision::fp32);
      checks::require_near(y.host(), c.y, bound);
      checks::require_near(dx.host(), c.dx, bound);
      checks::require_near(dw.host(), c.dw, bound);
    }
  }
}

TEST_CASE("the gradient of a weight is added: twice is two times", "[cuda]") {
  auto& gpu = on_gpu::backend();
  Case const c({48, 40, 24});
  Array<float> x(c.x), dy(c.dy), dw(c.before);
  for (int i = 0; i < 2; ++i) {
    matmul_backward_weight(gpu, dw.data(), dy.data(), x.data(), 48, 40, 24, Precision::fp32);
  }
  auto expected = c.dw;
  for (std::size_t i = 0; i < expected.size(); ++i) expected[i] += c.dw[i] - double(c.before[i]);
  checks::require_near(dw.host(), expected, bound);
}

TEST_CASE("products repeat their bits, also on another backend", "[cuda]") {
  on_gpu::backend();
  Case const c({2000, 64, 48});  // long sums for dw: cuBLASLt splits them
  auto const run = [&](cuda::Backend<float>& gpu) {
    Array<float> x(c.x), w(c.w), dy(c.dy), dw(c.before), y(Floats(c.y.size()));
    matmul_forward(gpu, y.data(), x.data(), w.data(), 2000, 64, 48, Precision::fp32);
    matmul_backward_weight(gpu, dw.data(), dy.data(), x.data(), 2000, 64, 48, Precision::fp32);
    gpu.synchronize();
    auto both = y.host();
    checks::append(both, dw.host());
    return both;
  };
  cuda::Backend<float> other;
  auto const expected = run(on_gpu::backend());
  for (int i = 0; i < 10; ++i) REQUIRE(run(i % 2 == 0 ? other : on_gpu::backend()) == expected);
}

TEST_CASE("empty products: nothing, or zeros for an empty sum", "[cuda]") {
  auto& gpu = on_gpu::backend();
  Array<float> a(Floats(12, 1.0f)), y(Floats(12, 5.0f)), dw(Floats(12, 5.0f));
  matmul_forward(gpu, y.data(), a.data(), a.data(), 0, 3, 4, Precision::fp32);
  matmul_backward_weight(gpu, dw.data(), a.data(), a.data(), 0, 3, 4, Precision::fp32);
  REQUIRE(y.host() == Floats(12, 5.0f));
  REQUIRE(dw.host() == Floats(12, 5.0f));
  matmul_forward(gpu, y.data(), a.data(), a.data(), 4, 3, 0, Precision::fp32);
  REQUIRE(y.host() == Floats(12, 0.0f));
}

TEST_CASE("gelu agrees with the CPU", "[cuda]") {
  auto& gpu = on_gpu::backend();
  cpu::Backend<float> host(1);
  auto const x = numbers<float>(5000, 1, -6, 6), dy = numbers<float>(5000, 2);
  Floats y(x.size()), dx(x.size());
  cpu::gelu_forward(host, y.data(), x.data(), 5000);
  cpu::gelu_backward(host, dx.data(), dy.data(), x.data(), 5000);
  Array<float> on_x(x), on_dy(dy), on_y(y), on_dx(x);
  gelu_forward(gpu, on_y.data(), on_x.data(), 5000);
  gelu_backward(gpu, on_dx.data(), on_dy.data(), on_x.data(), 5000);
  checks::require_near(on_y.host(), y, bound);
  checks::require_near(on_dx.host(), dx, bound);
}

TEST_CASE("the fused product and GELU is the product, then GELU", "[cuda]") {
  auto& gpu = on_gpu::backend();
  cpu::Backend<double> host(1);
  for (auto const& shape : shapes) {
    for (std::size_t const offset : {0u, 1u}) {
      Case const c(shape);
      auto expected = c.y;
      cpu::gelu_forward(host, expected.data(), c.y.data(), std::ptrdiff_t(c.y.size()));
      Array<float> x(c.x), w(c.w);
      Array<float> y(Floats(c.y.size(), 99.0f)), h(Floats(c.y.size(), 99.0f), offset);
      auto const [rows, out, in] = shape;
      matmul_gelu_forward(gpu, y.data(), h.data(), x.data(), w.data(), rows, out, in);
      INFO(rows << " x " << out << " x " << in << ", offset " << offset);
      checks::require_near(h.host(), c.y, bound);
      checks::require_near(y.host(), expected, bound);
    }
  }
}
#endif
