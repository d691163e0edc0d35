// SPDX-License-Identifier: Apache-2.0
// Operations refuse shapes that do not fit, with both numbers. What they compute is the laws' and
// the kernels' to test.
#include "moenda/ops/ops.hpp"
#include "ops/setup.hpp"

namespace {

using namespace moenda;
using operations::Setup;
using B = Setup::B;
using Catch::Contains;

TEST_CASE("elementwise operations need equal shapes", "[ops]") {
  Setup s;
  auto const x = s.tensor(2, 3), wide = s.tensor(2, 4), tall = s.tensor(3, 3);
  CHECK_REFUSED(ops::add(s.ctx, x, tall), "add: both must have equally many rows (2 vs 3)");
  CHECK_REFUSED(ops::add(s.ctx, x, wide), "add: both must have equally many columns (3 vs 4)");
  CHECK_REFUSED(ops::gelu_backward(s.ctx, tall, x),
                "gelu_backward: dy and x must have equally many rows (3 vs 2)");
  CHECK_REFUSED(ops::gelu_backward(s.ctx, wide, x),
                "gelu_backward: dy and x must have equally many columns (4 vs 3)");
  CHECK_REFUSED(ops::silu_backward(s.ctx, tall, x),
                "silu_backward: dy and x must have equally many rows (3 vs 2)");
  CHECK_REFUSED(ops::silu_backward(s.ctx, wide, x),
                "silu_backward: dy and x must have equally many columns (4 vs 3)");
  // As many scalars, but other rows.
  CHECK_REFUSED(ops::swiglu(s.ctx, x, s.tensor(3, 2)),
                "swiglu: gate and up must have equally many rows (2 vs 3)");
  CHECK_REFUSED(ops::swiglu(s.ctx, x, wide),
                "swiglu: gate and up must have equally many columns (3 vs 4)");
  CHECK_REFUSED(ops::swiglu_backward(s.ctx, x, x, tall),
                "swiglu_backward: gate and up must have equally many rows (2 vs 3)");
  CHECK_REFUSED(ops::swiglu_backward(s.ctx, wide, x, x),
                "swiglu_backward: dy and gate must have equally many columns (4 vs 3)");
  CHECK_THROWS_AS(ops::assign(s.ctx, s.tensor(2, 3), s.tensor(2, 4)), ConfigError);
  CHECK_THROWS_AS(ops::accumulate(s.ctx, s.tensor(2, 3), s.tensor(2, 4)), ConfigError);
}

TEST_CASE("masks need the shape of what they select from", "[ops]") {
  Setup s;
  auto const x = s.tensor(2, 3), wide = s.tensor(2, 4), tall = s.tensor(3, 3);
  CHECK_REFUSED(ops::softmax(s.ctx, x, tall),
                "softmax: mask and logits must have equally many rows (3 vs 2)");
  CHECK_REFUSED(ops::softmax(s.ctx, x, wide),
                "softmax: mask and logits must have equally many columns (4 vs 3)");
  CHECK_NOTHROW(ops::softmax(s.ctx, x));  // no mask selects everything
  CHECK_REFUSED(ops::softmax_backward(s.ctx, x, s.tensor(3, 2)),
                "softmax_backward: dprobs and probs must have equally many rows (2 vs 3)");
  CHECK_REFUSED(ops::softmax_backward(s.ctx, x, wide),
                "softmax_backward: dprobs and probs must have equally many columns (3 vs 4)");
  ops::SelectCache<B> cache;
  CHECK_REFUSED(ops::select(s.ctx, x, tall, false, cache),
                "select: mask and x must have equally many rows (3 vs 2)");
  CHECK_REFUSED(ops::select(s.ctx, x, wide, true, cache),
                "select: mask and x must have equally many columns (4 vs 3)");
  CHECK_NOTHROW(ops::select(s.ctx, x, x, true, cache));
  CHECK_NOTHROW(ops::select_backward(s.ctx, x, cache));
  CHECK_REFUSED(ops::select_backward(s.ctx, tall, cache),
                "select_backward: dy and y must have equally many rows (3 vs 2)");
  CHECK_REFUSED(ops::select_backward(s.ctx, wide, cache),
                "select_backward: dy and y must have equally many columns (4 vs 3)");
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
  auto const x = s.tensor(2, 3);
  auto const gain = s.weight(1, 3), rows = s.weight(0, 3), other = s.weight(1, 2);
  CHECK_REFUSED(ops::rms_norm(s.ctx, x, rows, 1e-5, rms),
                "rms_norm: gain must have one row (0 vs 1)");
  CHECK_REFUSED(ops::layer_norm(s.ctx, x, rows, gain, 1e-5, layer),
                "layer_norm: gain must have one row (0 vs 1)");
  CHECK_REFUSED(ops::layer_norm(s.ctx, x, gain, rows, 1e-5, layer),
                "layer_norm: bias and gain must have equally many rows (0 vs 1)");
  CHECK_REFUSED(ops::layer_norm(s.ctx, x, gain, other, 1e-5, layer),
                "layer_norm: bias and gain must have equally many columns (2 vs 3)");
}

TEST_CASE("gradients of norms need the shapes of the forward pass", "[ops]") {
  Setup s;
  auto const x = s.tensor(2, 3), wide = s.tensor(2, 4), tall = s.tensor(3, 3);
  auto const gain = s.weight(1, 3), other = s.weight(1, 2);
  ops::RmsNormCache<B> rms;
  CHECK_NOTHROW(ops::rms_norm(s.ctx, x, gain, 1e-5, rms));
  CHECK_NOTHROW(ops::rms_norm_backward(s.ctx, x, rms, gain, gain));
  CHECK_REFUSED(ops::rms_norm_backward(s.ctx, tall, rms, gain, gain),
                "rms_norm_backward: dy and x must have equally many rows (3 vs 2)");
  CHECK_REFUSED(ops::rms_norm_backward(s.ctx, wide, rms, gain, gain),
                "rms_norm_backward: dy and x must have equally many columns (4 vs 3)");
  CHECK_REFUSED(ops::rms_norm_backward(s.ctx, x, rms, other, other),
                "rms_norm_backward: dy.cols must equal gain.cols (3 vs 2)");
  CHECK_REFUSED(ops::rms_norm_backward(s.ctx, x, rms, gain, other),
                "rms_norm_backward: dgain and gain must have equally many columns (2 vs 3)");
  ops::LayerNormCache<B> layer;
  CHECK_NOTHROW(ops::layer_norm(s.ctx, x, gain, gain, 1e-5, layer));
  CHECK_NOTHROW(ops::layer_norm_backward(s.ctx, x, layer, gain, gain, gain));
  CHECK_REFUSED(ops::layer_norm_backward(s.ctx, tall, layer, gain, gain, gain),
                "layer_norm_backward: dy and x must have equally many rows (3 vs 2)");
  CHECK_REFUSED(ops::layer_norm_backward(s.ctx, wide, layer, gain, gain, gain),
                "layer_norm_backward: dy and x must have equally many columns (4 vs 3)");
  CHECK_REFUSED(ops::layer_norm_backward(s.ctx, x, layer, other, other, other),
                "layer_norm_backward: dy.cols must equal gain.cols (3 vs 2)");
  CHECK_REFUSED(ops::layer_norm_backward(s.ctx, x, layer, gain, other, gain),
                "layer_norm_backward: dgain and gain must have equally many columns (2 vs 3)");
  CHECK_REFUSED(ops::layer_norm_backward(s.ctx, x, layer, gain, gain, other),
                "layer_norm_backward: dbias and gain must have equally many columns (2 vs 3)");
}

TEST_CASE("gradients of a table need its width, means need whole sequences", "[ops]") {
  Setup s;
  std::vector<int> const ids{0, 1};
  auto const table = s.weight(5, 4);
  CHECK_REFUSED(ops::embedding_backward(s.ctx, s.tensor(2, 3), ids.data(), table, table),
                "embedding_backward: dy.cols must equal d_model (3 vs 4)");
  CHECK_REFUSED(ops::embedding_backward(s.ctx, s.tensor(2, 4), ids.data(), table, s.weight(4, 4)),
                "embedding_backward: dtable and table must have equally many rows (4 vs 5)");
  s.ctx.batch = {nullptr, 2, 2};
  CHECK_REFUSED(ops::mean_pool(s.ctx, s.tensor(5, 3)),
                "mean_pool: x.rows must be batch_size * seq_len (5 vs 4)");
  CHECK_REFUSED(ops::mean_pool_backward(s.ctx, s.tensor(3, 3)),
                "mean_pool_backward: dy.rows must be batch_size (3 vs 2)");
  CHECK_REFUSED(ops::repeat_rows(s.ctx, s.tensor(3, 3)),
                "repeat_rows: x.rows must be batch_size (3 vs 2)");
  CHECK_REFUSED(ops::repeat_rows_backward(s.ctx, s.tensor(5, 3)),
                "repeat_rows_backward: dy.rows must be batch_size * seq_len (5 vs 4)");
}

TEST_CASE("nothing at all is a legal shape", "[ops]") {
  Setup s;
  s.ctx.batch.seq_len = 0;
  auto const none = s.tensor(0, 6);
  auto const w = s.weight(6, 6), gain = s.weight(1, 6);
  CHECK(ops::matmul_backward(s.ctx, none, none, w, w).rows == 0);
  CHECK(ops::add(s.ctx, none, none).rows == 0);
  CHECK(ops::gelu_backward(s.ctx, none, none).rows == 0);
  CHECK(ops::silu_backward(s.ctx, none, none).rows == 0);
  CHECK(ops::swiglu(s.ctx, none, none).rows == 0);
  CHECK(ops::swiglu_backward(s.ctx, none, none, none).first.rows == 0);
  CHECK(ops::softmax_backward(s.ctx, none, ops::softmax(s.ctx, none, none)).rows == 0);
  ops::SelectCache<B> select;
  ops::select(s.ctx, none, none, true, select);
  CHECK(ops::select_backward(s.ctx, none, select).rows == 0);
  ops::RmsNormCache<B> rms;
  ops::rms_norm(s.ctx, none, gain, 1e-5, rms);
  CHECK(ops::rms_norm_backward(s.ctx, none, rms, gain, gain).rows == 0);
  ops::LayerNormCache<B> layer;
  ops::layer_norm(s.ctx, none, gain, gain, 1e-5, layer);
  CHECK(ops::layer_norm_backward(s.ctx, none, layer, gain, gain, gain).rows == 0);
  ops::AttentionCache<B> attention;
  ops::attention(s.ctx, none, none, none, {2, 2, 3}, attention);
  CHECK(ops::attention_backward(s.ctx, none, attention, {2, 2, 3}).dq.rows == 0);
  CHECK(ops::add_positions(s.ctx, none, w).rows == 0);
  CHECK_NOTHROW(ops::add_positions_backward(s.ctx, none, w));
  CHECK(*ops::cross_entropy_with_gradient(s.ctx, none, w, w, nullptr, 1).loss == 0);
  auto const plan = ops::make_plan(s.ctx, Gates<B>{s.tensor(0, 3), s.tensor(0, 3), {}, {}}, 1, -1);
  auto const slots = ops::dispatch(s.ctx, plan, none);
  CHECK(ops::combine(s.ctx, plan, slots).rows == 0);
  CHECK(ops::combine_backward(s.ctx, plan, slots, none, {s.tensor(0, 3), {}, {}}).rows == 0);
  CHECK(ops::dispatch_backward(s.ctx, plan, slots).rows == 0);
}

TEST_CASE("cross entropy needs the head's width and targets in range", "[ops]") {
  Setup s;
  auto const head = s.weight(7, 3);
  std::vector<int> targets{0, 6, -1, 3};
  CHECK(*ops::cross_entropy(s.ctx, s.tensor(4, 3), head, targets.data()) ==
        Approx(3 * std::log(7.0)));
  CHECK_THROWS_WITH(ops::cross_entropy(s.ctx, s.tensor(4, 2), head, targets.data()),
                    Contains("(2 vs 3)"));
  for (int const bad : {7, -2, 1 << 30}) {
    targets[1] = bad;
    CHECK_THROWS_AS(ops::cross_entropy(s.ctx, s.tensor(4, 3), head, targets.data()), DataError);
  }
  auto const gradient = [&](int cols, Weight<B> const& dhead) {
    return ops::cross_entropy_with_gradient(s.ctx, s.tensor(4, cols), head, dhead, targets.data(),
                                            1);
  };
  CHECK_REFUSED(gradient(2, head), "cross_entropy: x.cols must equal head.cols (2 vs 3)");
  CHECK_REFUSED(gradient(3, s.weight(6, 3)),
                "cross_entropy: dhead and head must have equally many rows (6 vs 7)");
  CHECK_REFUSED(gradient(3, s.weight(7, 2)),
                "cross_entropy: dhead and head must have equally many columns (2 vs 3)");
}

}  // namespace
