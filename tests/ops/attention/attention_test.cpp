// SPDX-License-Identifier: Apache-2.0
// Attention and positions refuse shapes that do not fit, with both numbers.
#include "moenda/ops/attention/attention.hpp"

#include "moenda/ops/attention/position_table.hpp"
#include "moenda/ops/attention/rope.hpp"
#include "ops/setup.hpp"

namespace {

using namespace moenda;
using operations::Setup;
using B = Setup::B;
using Catch::Contains;

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

TEST_CASE("attention that is not causal remembers nothing", "[ops]") {
  Setup s;
  ops::AttentionCache<B> cache;
  auto const q = s.tensor(4, 12), kv = s.tensor(4, 6);
  ops::Heads const heads{4, 2, 3, false};
  CHECK_NOTHROW(ops::attention(s.ctx, q, kv, kv, heads, cache));
  Memory<B> memory{.batch_size = 1, .max_seq_len = 4};
  s.ctx.memory = &memory;
  CHECK_REFUSED(ops::attention(s.ctx, q, kv, kv, heads, cache),
                "attention: where it is not causal nothing can be remembered, as an earlier token "
                "would have to see the later ones; read the whole sequence at once");
}

TEST_CASE("positions of each sequence must fit the table and the memory", "[ops]") {
  Setup s;
  std::vector<int> positions{1}, lengths{3};
  s.ctx.batch.positions = positions.data();
  CHECK_REFUSED(ops::add_positions(s.ctx, s.tensor(4, 2), s.weight(4, 2)),
                "row_positions: position + length of a sequence must fit the table (5 vs 4)");
  s.ctx.batch.lengths = lengths.data();  // only padding stands behind it
  CHECK_NOTHROW(ops::add_positions(s.ctx, s.tensor(4, 2), s.weight(4, 2)));
  Memory<B> memory{.batch_size = 1, .max_seq_len = 3};
  s.ctx.memory = &memory;
  CHECK_REFUSED(ops::remember(s.ctx, s.tensor(4, 2)),
                "place_rows: position + length of a sequence must fit its room (4 vs 3)");
}

}  // namespace
