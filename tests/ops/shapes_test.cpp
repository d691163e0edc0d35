// SPDX-License-Identifier: Apache-2.0
// Operations refuse shapes that do not fit, with both numbers. What they compute is the laws' and
// the kernels' to test.
#include "laws/numbers.hpp"
#include "moenda/ops/ops.hpp"

namespace {

/// The expression throws ConfigError with exactly this sentence.
#define CHECK_REFUSED(expression, sentence) \
  CHECK_THROWS_MATCHES(expression, ConfigError, Catch::Message(sentence))

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
  CHECK_REFUSED(ops::matmul_backward(s.ctx, s.tensor(4, 3), s.tensor(4, 6), w, dw),
                "matmul_backward: x.cols must equal w.cols (6 vs 5)");
  auto const dy = s.tensor(4, 3), x = s.tensor(4, 5);
  CHECK_REFUSED(ops::matmul_backward(s.ctx, dy, x, w, s.weight(2, 5)),
                "matmul_backward: dw and w must have equally many rows (2 vs 3)");
  CHECK_REFUSED(ops::matmul_backward(s.ctx, dy, x, w, s.weight(3, 4)),
                "matmul_backward: dw and w must have equally many columns (4 vs 5)");
  CHECK_NOTHROW(ops::matmul_backward(s.ctx, dy, x, w, dw));
}

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
  CHECK_REFUSED(ops::add_positions_backward(s.ctx, s.tensor(4, 2), s.weight(4, 2)),
                "add_positions: position + seq_len must fit context_length (5 vs 4)");
  s.ctx.batch.position = -1;
  CHECK_REFUSED(ops::add_positions(s.ctx, s.tensor(4, 2), s.weight(4, 2)),
                "add_positions: position must be at least 0 (-1 vs 0)");
}

TEST_CASE("positions need the batch's rows and the table's width", "[ops]") {
  Setup s;
  auto const table = s.weight(5, 2);
  auto const width = "add_positions: x.cols must equal table.cols (3 vs 2)";
  auto const rows = "add_positions: x.rows must be batch_size * seq_len (3 vs 4)";
  CHECK_REFUSED(ops::add_positions(s.ctx, s.tensor(4, 3), table), width);
  CHECK_REFUSED(ops::add_positions(s.ctx, s.tensor(3, 2), table), rows);
  CHECK_REFUSED(ops::add_positions_backward(s.ctx, s.tensor(4, 3), table), width);
  CHECK_REFUSED(ops::add_positions_backward(s.ctx, s.tensor(3, 2), table), rows);
  CHECK_NOTHROW(ops::add_positions_backward(s.ctx, s.tensor(4, 2), table));
}

TEST_CASE("gradients of a table need its width, means need whole sequences", "[ops]") {
  Setup s;
  std::vector<int> const ids{0, 1};
  CHECK_REFUSED(ops::embedding_backward(s.ctx, s.tensor(2, 3), ids.data(), s.weight(5, 4)),
                "embedding_backward: dy.cols must equal d_model (3 vs 4)");
  CHECK_REFUSED(ops::mean_pool(s.ctx, s.tensor(5, 3), 2),
                "mean_pool: seq_len must divide the rows (5 vs 2)");
  CHECK_REFUSED(ops::mean_pool(s.ctx, s.tensor(5, 3), 0),
                "mean_pool: seq_len must be at least 1 (0 vs 1)");
}

TEST_CASE("attention needs widths of heads times head_dim", "[ops]") {
  Setup s;
  ops::AttentionCache<B> cache;
  ops::Heads const heads{4, 2, 3};
  auto const q = s.tensor(4, 12), k = s.tensor(4, 6), v = s.tensor(4, 6);
  CHECK(ops::attention(s.ctx, q, k, v, heads, cache).cols == 12);
  CHECK_THROWS_WITH(ops::attention(s.ctx, k, k, v, heads, cache), Contains("(6 vs 12)"));
  CHECK_THROWS_WITH(ops::attention(s.ctx, q, q, v, heads, cache), Contains("(12 vs 6)"));
  CHECK_REFUSED(ops::attention(s.ctx, q, k, s.tensor(4, 5), heads, cache),
                "attention: k and v must have equally many columns (6 vs 5)");
}

TEST_CASE("attention needs the rows of the batch, forward and backward", "[ops]") {
  Setup s;
  ops::AttentionCache<B> cache;
  ops::Heads const heads{4, 2, 3};
  auto const q = s.tensor(4, 12), kv = s.tensor(4, 6), few_kv = s.tensor(3, 6);
  CHECK_REFUSED(ops::attention(s.ctx, s.tensor(3, 12), few_kv, few_kv, heads, cache),
                "attention: q.rows must be batch_size * seq_len (3 vs 4)");
  CHECK_REFUSED(ops::attention(s.ctx, q, few_kv, kv, heads, cache),
                "attention: k.rows must equal q.rows (3 vs 4)");
  CHECK_REFUSED(ops::attention(s.ctx, q, kv, few_kv, heads, cache),
                "attention: k and v must have equally many rows (4 vs 3)");
  CHECK_NOTHROW(ops::attention(s.ctx, q, kv, kv, heads, cache));
  CHECK_NOTHROW(ops::attention_backward(s.ctx, q, cache, heads));
  CHECK_REFUSED(ops::attention_backward(s.ctx, s.tensor(3, 12), cache, heads),
                "attention_backward: dy and y must have equally many rows (3 vs 4)");
  CHECK_REFUSED(ops::attention_backward(s.ctx, kv, cache, heads),
                "attention_backward: dy and y must have equally many columns (6 vs 12)");
  CHECK_REFUSED(ops::attention_backward(s.ctx, q, cache, {4, 4, 3}),
                "attention: k.cols must be kv_heads * head_dim (6 vs 12)");
  s.ctx.batch.seq_len = 5;  // not the batch of the forward pass
  CHECK_REFUSED(ops::attention_backward(s.ctx, q, cache, heads),
                "attention: q.rows must be batch_size * seq_len (4 vs 5)");
}

TEST_CASE("selections need a positive k, and plans equal tables", "[ops]") {
  Setup s;
  for (int const k : {0, -1}) {
    CHECK_THROWS_WITH(ops::top_k_of_rows(s.ctx, s.tensor(2, 3), k), Contains("at least 1"));
  }
  Gates<B> const gates{s.tensor(2, 3), s.tensor(2, 4), {}, {}};
  CHECK_THROWS_WITH(ops::make_plan(s.ctx, gates, 1, -1), Contains("(4 vs 3)"));
}

TEST_CASE("dispatch and combine need the rows of the plan", "[ops]") {
  Setup s;
  Gates<B> const gates{s.tensor(2, 3), s.tensor(2, 3), {}, {}};  // both items to all 3 experts
  auto const plan = ops::make_plan(s.ctx, gates, 2, -1);
  REQUIRE(plan.num_slots == 6);
  auto const x = s.tensor(4, 5), slots = s.tensor(12, 5), few = s.tensor(3, 5);
  GatesGrad<B> const d{s.tensor(2, 3), {}, {}};
  CHECK(ops::dispatch(s.ctx, plan, x).rows == 12);
  CHECK(ops::dispatch_backward(s.ctx, plan, slots).rows == 4);
  CHECK(ops::combine(s.ctx, plan, slots).rows == 4);
  CHECK(ops::combine_backward(s.ctx, plan, slots, x, d).rows == 12);
  CHECK(ops::combine_backward(s.ctx, plan, slots, x, {}).rows == 12);
  CHECK_REFUSED(ops::dispatch(s.ctx, plan, few),
                "dispatch: x.rows must be items * item_rows (3 vs 4)");
  CHECK_REFUSED(ops::dispatch_backward(s.ctx, plan, few),
                "dispatch_backward: dslots.rows must be slots * item_rows (3 vs 12)");
  CHECK_REFUSED(ops::combine(s.ctx, plan, few),
                "combine: slots.rows must be slots * item_rows (3 vs 12)");
  CHECK_REFUSED(ops::combine_backward(s.ctx, plan, few, x, d),
                "combine_backward: slots.rows must be slots * item_rows (3 vs 12)");
  CHECK_REFUSED(ops::combine_backward(s.ctx, plan, slots, few, d),
                "combine_backward: dy.rows must be items * item_rows (3 vs 4)");
  CHECK_REFUSED(ops::combine_backward(s.ctx, plan, slots, s.tensor(4, 6), d),
                "combine_backward: dy.cols must equal slots.cols (6 vs 5)");
  CHECK_REFUSED(ops::combine_backward(s.ctx, plan, slots, x, {s.tensor(1, 3), {}, {}}),
                "combine_backward: dgates.weights.rows must be items (1 vs 2)");
  CHECK_REFUSED(ops::combine_backward(s.ctx, plan, slots, x, {s.tensor(2, 2), {}, {}}),
                "combine_backward: dgates.weights.cols must be num_experts (2 vs 3)");
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
  CHECK(ops::cross_entropy_with_gradient(s.ctx, none, w, w, nullptr, 1).loss == 0);
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
  CHECK(ops::cross_entropy(s.ctx, s.tensor(4, 3), head, targets.data()) ==
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
