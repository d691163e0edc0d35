// SPDX-License-Identifier: Apache-2.0
// Plans, and moving items to their slots and back.
#include "moenda/ops/routing/dispatch.hpp"

#include "moenda/ops/routing/top_k.hpp"
#include "ops/setup.hpp"

namespace {

using namespace moenda;
using operations::Setup;
using B = Setup::B;
using Catch::Contains;

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
  CHECK(ops::rows_of_slots(s.ctx, plan, x).rows == 12);
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

TEST_CASE("tokens are picked, longer items are copied", "[ops]") {
  Setup s;
  Gates<B> const gates{s.tensor(2, 3), s.tensor(2, 3), {}, {}};
  auto const x = s.tensor(2, 5), long_x = s.tensor(4, 5);
  auto const tokens = ops::make_plan(s.ctx, gates, 1, -1);
  auto const picked = ops::rows_of_slots(s.ctx, tokens, x);
  CHECK(picked.rows == 6);
  CHECK(picked.data == x.data);
  CHECK(picked.row_of == tokens.item_of_slot.data());
  CHECK_REFUSED(ops::rows_of_slots(s.ctx, tokens, long_x),
                "rows_of_slots: x.rows must be items * item_rows (4 vs 2)");
  auto const items = ops::make_plan(s.ctx, gates, 2, -1);
  CHECK(ops::rows_of_slots(s.ctx, items, long_x).row_of == nullptr);
  CHECK_REFUSED(ops::rows_of_slots(s.ctx, items, x),
                "dispatch: x.rows must be items * item_rows (2 vs 4)");
}

}  // namespace
