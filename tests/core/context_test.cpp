// SPDX-License-Identifier: Apache-2.0
#include "moenda/core/context.hpp"

#include <catch2/catch.hpp>

namespace {

using namespace moenda;

TEST_CASE("tensors have their shape and are apart", "[context]") {
  Shapes backend;
  StepMemory<Shapes> arena;
  Context<Shapes> ctx{backend, arena, {nullptr, 2, 3}};
  CHECK(ctx.batch.rows() == 6);
  auto const a = ctx.tensor(6, 5), b = ctx.tensor(0, 5), c = ctx.tensor(6, 0);
  CHECK(a.rows == 6);
  CHECK(a.cols == 5);
  CHECK(a.size() == 30);
  CHECK(b.size() == 0);
  CHECK(c.size() == 0);
  CHECK(ctx.tensor(1, 1).data >= a.data + 30);
}

TEST_CASE("impossible tensors are refused", "[context]") {
  Shapes backend;
  StepMemory<Shapes> arena;
  Context<Shapes> ctx{backend, arena};
  CHECK_THROWS_AS(ctx.tensor(-1, 4), ConfigError);
  CHECK_THROWS_AS(ctx.tensor(4, -1), ConfigError);
  constexpr int most = std::numeric_limits<int>::max();
  CHECK_THROWS(ctx.tensor(most, most));
  CHECK_THROWS_AS(ctx.make<int>(-1), ConfigError);
}

TEST_CASE("made objects are constructed, also on used memory", "[context]") {
  Shapes backend;
  StepMemory<Shapes> arena;
  arena.poison(true);
  Context<Shapes> ctx{backend, arena};
  struct Cache {
    int rows = 7;
    float* data = nullptr;
  };
  for (auto const& cache : ctx.make<Cache>(5)) {
    CHECK(cache.rows == 7);
    CHECK(cache.data == nullptr);
  }
  for (int const n : ctx.make<int>(9)) CHECK(n == 0);
  CHECK(ctx.make<int>(0).empty());
}

}  // namespace
