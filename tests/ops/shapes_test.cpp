// SPDX-License-Identifier: Apache-2.0
// Operations refuse shapes that do not fit, with both numbers. What they compute is the laws' and
// the kernels' to test.
#include "laws/numbers.hpp"
#include "moenda/ops/ops.hpp"

namespace {

using namespace moenda;
using B = laws::Float;
using Catch::Contains;

struct Setup {
  Tensor<B> tensor(int rows, int cols) {
    auto t = ctx.tensor(rows, cols);
    std::fill_n(t.data, t.size(), 0.5f);
    return t;
  }
  Weight<B> weight(int rows, int cols) {
    return {rows, cols, WeightKind::matrix, tensor(rows, cols).data};
  }
  B backend{1};
  Arena arena;
  Context<B> ctx{backend, arena, {nullptr, 1, 4}};
};

TEST_CASE("matrix products need equal inner sizes", "[ops]") {
  Setup s;
  auto const w = s.weight(3, 5), dw = s.weight(3, 5);
  CHECK(ops::matmul(s.ctx, s.tensor(4, 5), w).cols == 3);
  CHECK_THROWS_WITH(ops::matmul(s.ctx, s.tensor(4, 6), w),
                    "matmul: x.cols must equal w.cols (6 vs 5)");
  CHECK_THROWS_WITH(ops::matmul_backward(s.ctx, s.tensor(4, 2), s.tensor(4, 5), w, dw),
                    "matmul_backward: dy.cols must equal w.rows (2 vs 3)");
  CHECK_THROWS_WITH(ops::matmul_backward(s.ctx, s.tensor(4, 3), s.tensor(2, 5), w, dw),
                    "matmul_backward: dy.rows must equal x.rows (4 vs 2)");
}

TEST_CASE("elementwise operations need equal shapes", "[ops]") {
  Setup s;
  CHECK_THROWS_WITH(ops::add(s.ctx, s.tensor(2, 3), s.tensor(3, 3)), Contains("(2 vs 3)"));
  CHECK_THROWS_WITH(ops::add(s.ctx, s.tensor(2, 3), s.tensor(2, 4)), Contains("(3 vs 4)"));
  CHECK_THROWS_WITH(ops::swiglu(s.ctx, s.tensor(2, 3), s.tensor(2, 4)), Contains("(6 vs 8)"));
  CHECK_THROWS_AS(ops::assign(s.ctx, s.tensor(2, 3), s.tensor(2, 4)), ConfigError);
  CHECK_THROWS_AS(ops::accumulate(s.ctx, s.tensor(2, 3), s.tensor(2, 4)), ConfigError);
  CHECK_THROWS_AS(ops::softmax_backward(s.ctx, s.tensor(2, 3), s.tensor(2, 4)), ConfigError);
}

TEST_CASE("norms need gains of the row's width", "[ops]") {
  Setup s;
  ops::RmsNormCache<B> rms;
  ops::LayerNormCache<B> layer;
  CHECK_THROWS_WITH(ops::rms_norm(s.ctx, s.tensor(2, 3), s.weight(1, 4), 1e-5, rms),
                    "rms_norm: x.cols must equal gain.cols (3 vs 4)");
  CHECK_THROWS_WITH(
      ops::layer_norm(s.ctx, s.tensor(2, 3), s.weight(1, 4), s.weight(1, 4), 1e-5, layer),
      "layer_norm: x.cols must equal gain.cols (3 vs 4)");
}

TEST_CASE("positions need even heads and must fit the table", "[ops]") {
  Setup s;
  for (int const head_dim : {-2, 0, 1, 3}) {
    CHECK_THROWS_WITH(ops::rope(s.ctx, s.tensor(4, 12), head_dim, 1e4, 1),
                      Contains("head_dim must be even"));
  }
  CHECK_THROWS_WITH(ops::rope(s.ctx, s.tensor(4, 12), 8, 1e4, 1),
                    "rope: head_dim must divide the row width (12 vs 8)");
  CHECK_NOTHROW(ops::add_positions(s.ctx, s.tensor(4, 2), s.weight(4, 2)));
  CHECK_THROWS_WITH(ops::add_positions(s.ctx, s.tensor(4, 2), s.weight(3, 2)),
                    Contains("(4 vs 3)"));
  s.ctx.batch.position = 1;
  CHECK_THROWS_WITH(ops::add_positions(s.ctx, s.tensor(4, 2), s.weight(4, 2)),
                    Contains("(5 vs 4)"));
}

TEST_CASE("attention needs widths of heads times head_dim", "[ops]") {
  Setup s;
  ops::AttentionCache<B> cache;
  ops::Heads const heads{4, 2, 3};
  auto const q = s.tensor(4, 12), k = s.tensor(4, 6), v = s.tensor(4, 6);
  CHECK(ops::attention(s.ctx, q, k, v, heads, cache).cols == 12);
  CHECK_THROWS_WITH(ops::attention(s.ctx, k, k, v, heads, cache), Contains("(6 vs 12)"));
  CHECK_THROWS_WITH(ops::attention(s.ctx, q, q, v, heads, cache), Contains("(12 vs 6)"));
}

TEST_CASE("selections need a positive k, and plans equal tables", "[ops]") {
  Setup s;
  for (int const k : {0, -1}) {
    CHECK_THROWS_WITH(ops::top_k_of_rows(s.ctx, s.tensor(2, 3), k), Contains("at least 1"));
  }
  Gates<B> const gates{s.tensor(2, 3), s.tensor(2, 4), {}, {}};
  CHECK_THROWS_WITH(ops::make_plan(s.ctx, gates, 1, -1), Contains("(8 vs 6)"));
}

TEST_CASE("cross entropy needs the head's width and targets in range", "[ops]") {
  Setup s;
  auto const head = s.weight(7, 3);
  std::vector<int> targets{0, 6, -1, 3};
  CHECK(ops::cross_entropy(s.ctx, s.tensor(4, 3), head, targets.data()) ==
        Approx(3 * std::log(7.0)));
  CHECK_THROWS_WITH(ops::cross_entropy(s.ctx, s.tensor(4, 2), head, targets.data()),
                    Contains("(2 vs 3)"));
  for (int const bad : {7, -2, 1 << 30}) {
    targets[1] = bad;
    CHECK_THROWS_AS(ops::cross_entropy(s.ctx, s.tensor(4, 3), head, targets.data()), DataError);
  }
}

TEST_CASE("an item of several rows travels as one", "[ops]") {
  Setup s;
  Gates<B> const gates{s.tensor(2, 2), s.tensor(2, 2), {}, {}};
  float const selected[] = {1, 0, 1, 1};
  std::copy_n(selected, 4, gates.selected.data);
  auto const plan = ops::make_plan(s.ctx, gates, 3, -1);
  REQUIRE(plan.num_slots == 3);
  auto x = s.tensor(6, 2);
  for (int i = 0; i < 12; ++i) x.data[i] = float(i);
  auto const slots = ops::dispatch(s.ctx, plan, x);
  REQUIRE(slots.rows == 9);
  CHECK(slots.data[0] == 0);  // expert 0: items 0 and 1
  CHECK(slots.data[6] == 6);
  CHECK(slots.data[12] == 6);  // expert 1: item 1
  auto const y = ops::combine(s.ctx, plan, slots);
  for (int i = 0; i < 12; ++i) CHECK(y.data[i] == (i < 6 ? 0.5f : 1.0f) * float(i));
}

}  // namespace
