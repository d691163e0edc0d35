// SPDX-License-Identifier: Apache-2.0
// Kernels that move, add, normalise and look up: against the CPU, and against themselves.
#include <algorithm>
#include <string>

#include "cpu/kernels/checks.hpp"
#include "device.hpp"

using namespace moenda;
using Catch::Contains;
using checks::numbers;
using on_gpu::Array;

#if !MOENDA_CUDA
TEST_CASE("kernels", "[cuda]") { on_gpu::backend(); }
#else

namespace {

double const bound = 1e-4;
using Floats = std::vector<float>;

/// run() twice, which must give the same bits; returns them.
template <class Run>
Floats same_bits_twice(Run const& run) {
  Floats const first = run(), second = run();
  REQUIRE(first.size() == second.size());
  REQUIRE(std::memcmp(first.data(), second.data(), first.size() * sizeof(float)) == 0);
  return first;
}

}  // namespace

TEST_CASE("fill, copy and add are exact", "[cuda]") {
  auto& gpu = on_gpu::backend();
  for (std::ptrdiff_t const n : {0, 1, 255, 257, 100003}) {
    auto const a = numbers<float>(n, 1), b = numbers<float>(n, 2);
    Array<float> x(a), y(b), z(b);
    copy(gpu, z.data(), x.data(), n);
    REQUIRE(z.host() == a);
    add_forward(gpu, y.data(), y.data(), x.data(), n);  // in place
    auto sum = b;
    for (std::size_t i = 0; i < sum.size(); ++i) sum[i] += a[i];
    REQUIRE(y.host() == sum);
    fill(gpu, x.data(), 3.5f, n);
    REQUIRE(x.host() == Floats(a.size(), 3.5f));
  }
}

TEST_CASE("copy_blocks copies runs, also one run many times", "[cuda]") {
  auto& gpu = on_gpu::backend();
  cpu::Backend<float> host(1);
  struct Runs {
    int blocks;
    std::ptrdiff_t count, y_stride, x_stride;
  };
  for (auto const& r : {Runs{3, 5, 7, 6}, Runs{4, 9, 9, 0}, Runs{70000, 2, 3, 2}, Runs{1, 0, 1, 1},
                        Runs{0, 4, 4, 4}}) {
    auto const x = numbers<float>(r.blocks * r.x_stride + r.count + 1, 3);
    auto y = numbers<float>(r.blocks * r.y_stride + r.count + 1, 4);
    Array<float> on_x(x), on_y(y);
    copy_blocks(gpu, on_y.data(), on_x.data(), r.blocks, r.count, r.y_stride, r.x_stride);
    cpu::copy_blocks(host, y.data(), x.data(), r.blocks, r.count, r.y_stride, r.x_stride);
    REQUIRE(on_y.host() == y);
  }
}

TEST_CASE("rms_norm agrees with the CPU, adds to dgain and repeats its bits", "[cuda]") {
  auto& gpu = on_gpu::backend();
  cpu::Backend<float> host(1);
  for (int const rows : {0, 1, 33, 200}) {
    for (int const cols : {1, 33, 257, 1030}) {
      auto const n = std::ptrdiff_t{rows} * cols;
      auto const x = numbers<float>(n, 1, -2, 3), dy = numbers<float>(n, 2);
      auto const gain = numbers<float>(cols, 3), before = numbers<float>(cols, 4);
      Floats y(x.size()), rstd(static_cast<std::size_t>(rows)), dx(x.size()), dgain = before;
      cpu::rms_norm_forward(host, y.data(), rstd.data(), x.data(), gain.data(), 1e-5f, rows, cols);
      cpu::rms_norm_backward(host, dx.data(), dgain.data(), dy.data(), rstd.data(), x.data(),
                             gain.data(), rows, cols);
      Array<float> on_x(x), on_dy(dy), on_gain(gain), on_y(y), on_rstd(rstd);
      fill(gpu, on_y.data(), 0.0f, n);
      rms_norm_forward(gpu, on_y.data(), on_rstd.data(), on_x.data(), on_gain.data(), 1e-5f, rows,
                       cols);
      checks::require_near(on_y.host(), y, bound);
      checks::require_near(on_rstd.host(), rstd, bound);
      auto const got = same_bits_twice([&] {
        Array<float> on_dgain(before), on_dx(Floats(x.size(), 99.0f));
        rms_norm_backward(gpu, on_dx.data(), on_dgain.data(), on_dy.data(), on_rstd.data(),
                          on_x.data(), on_gain.data(), rows, cols);
        auto both = on_dx.host();
        checks::append(both, on_dgain.host());
        return both;
      });
      auto expected = dx;
      checks::append(expected, dgain);
      checks::require_near(got, expected, bound);
    }
  }
}

TEST_CASE("embedding_forward takes rows", "[cuda]") {
  auto& gpu = on_gpu::backend();
  std::vector<int> const ids{4, 0, 4, 2};
  for (int const cols : {1, 33, 300}) {
    auto const table = numbers<float>(5 * cols, 1);
    Array<float> on_table(table), y(Floats(std::size_t(4 * cols)));
    Array<int> on_ids(ids);
    embedding_forward(gpu, y.data(), on_table.data(), on_ids.data(), 4, cols);
    auto const got = y.host();
    for (int r = 0; r < 4; ++r) {
      auto const from = table.begin() + ids[std::size_t(r)] * cols;
      REQUIRE(std::equal(from, from + cols, got.begin() + r * cols));
    }
  }
}

TEST_CASE("embedding_backward adds in the CPU's order: the bits are the same", "[cuda]") {
  auto& gpu = on_gpu::backend();
  cpu::Backend<float> host(1);
  for (int const table_rows : {1, 7, 5000}) {  // every id equal, many equal, nearly none
    for (int const rows : {0, 1, 256, 257, 1000}) {
      for (int const cols : {1, 33, 300}) {
        std::vector<int> ids;
        for (double const u : numbers<double>(rows, 5, 0, 1)) ids.push_back(int(u * table_rows));
        auto const dy = numbers<float>(std::ptrdiff_t{rows} * cols, 6);
        auto const before = numbers<float>(std::ptrdiff_t{table_rows} * cols, 7);
        auto expected = before;
        cpu::embedding_backward(host, expected.data(), dy.data(), ids.data(), rows, cols,
                                table_rows);
        Array<float> dtable(before), on_dy(dy);
        Array<int> on_ids(ids);
        embedding_backward(gpu, dtable.data(), on_dy.data(), on_ids.data(), rows, cols, table_rows);
        REQUIRE(dtable.host() == expected);
      }
    }
  }
}

TEST_CASE("embedding_backward names an id outside the table and writes nothing", "[cuda]") {
  auto& gpu = on_gpu::backend();
  auto const before = numbers<float>(3 * 2, 1);
  for (int const bad : {-1, 3}) {
    Array<float> dtable(before), dy(numbers<float>(3 * 2, 2));
    Array<int> ids({1, bad, bad});
    REQUIRE_THROWS_WITH(
        embedding_backward(gpu, dtable.data(), dy.data(), ids.data(), 3, 2, 3),
        "embedding_backward: ids must lie in 0..2 (id " + std::to_string(bad) + " in row 1)");
    REQUIRE(dtable.host() == before);
  }
}

TEST_CASE("memory of the host is refused before it is touched", "[cuda]") {
  auto& gpu = on_gpu::backend();
  Floats host(8, 1.0f);
  Array<float> device(host);
  REQUIRE_THROWS_WITH(fill(gpu, host.data(), 0.0f, 8), Contains("fill: all arrays must lie on"));
  REQUIRE_THROWS_AS(copy(gpu, device.data(), host.data(), 8), ConfigError);
  REQUIRE(device.host() == host);  // the device is still there
}

TEST_CASE("an arena on the device takes, keeps and gives back", "[cuda]") {
  auto& gpu = on_gpu::backend();
  Arena arena(gpu.space());
  auto const values = numbers<float>(1000, 1);
  for (int step = 0; step < 3; ++step) {
    arena.rewind();
    auto* const first = static_cast<float*>(arena.take(values.size() * sizeof(float)));
    auto* const second = static_cast<float*>(arena.take(std::size_t{5} << 20));  // its own chunk
    gpu.space().copy_from_host(first, values.data(), values.size() * sizeof(float));
    copy(gpu, second, first, 1000);
    Floats back(values.size());
    gpu.space().copy_to_host(back.data(), second, back.size() * sizeof(float));
    REQUIRE(back == values);
  }
  REQUIRE_THROWS_AS(arena.take(std::size_t{1} << 50), ConfigError);
  REQUIRE_NOTHROW(gpu.synchronize());  // a refused allocation is no lasting error
}

TEST_CASE("a missing kernel throws when it is called", "[cuda]") {
  auto& gpu = on_gpu::backend();
  float* const none = nullptr;
  REQUIRE_THROWS_WITH(silu_forward(gpu, none, none, 1), Contains("silu_forward does not exist"));
}
#endif
