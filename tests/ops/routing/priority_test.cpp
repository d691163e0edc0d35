// SPDX-License-Identifier: Apache-2.0
// Who stays when an expert has more items than room.
#include "moenda/ops/routing/priority.hpp"

#include <algorithm>

#include "ops/setup.hpp"

namespace {

using namespace moenda;
using laws::numbers;

template <class T>
struct Plans {
  using B = cpu::Backend<T>;
  explicit Plans(int threads = 1) : backend(threads) {}

  Tensor<B> table(std::vector<T> const& from, int items, int experts) {
    auto t = ctx.tensor(items, experts);
    std::copy(from.begin(), from.end(), t.data);
    return t;
  }
  /// About half of the items to every expert, with weights that tell all pairs apart.
  Gates<B> gates(int items, int experts) {
    auto const drawn = numbers<T>(std::ptrdiff_t(items) * experts, 1);
    auto selected = drawn;
    for (T& s : selected) s = s > T(0) ? T(1) : T(0);
    return {table(selected, items, experts), table(drawn, items, experts), {}, {}};
  }
  B backend;
  StepMemory<B> arena;
  Context<B> ctx{backend, arena};
};

/// What a loop over experts that sorts their items keeps.
template <class T>
std::vector<int> expected_items(Gates<cpu::Backend<T>> const& gates, int capacity,
                                std::vector<T> const& priority) {
  std::vector<int> kept;
  int const items = gates.selected.rows, experts = gates.selected.cols;
  auto const at = [=](int i, int e) {
    return std::size_t(i) * std::size_t(experts) + std::size_t(e);
  };
  for (int e = 0; e < experts; ++e) {
    std::vector<int> of_expert;
    for (int i = 0; i < items; ++i) {
      if (gates.selected.data[at(i, e)] != T(0)) of_expert.push_back(i);
    }
    std::stable_sort(of_expert.begin(), of_expert.end(),
                     [&](int a, int b) { return priority[at(a, e)] > priority[at(b, e)]; });
    of_expert.resize(std::min(of_expert.size(), std::size_t(capacity)));
    std::sort(of_expert.begin(), of_expert.end());
    kept.insert(kept.end(), of_expert.begin(), of_expert.end());
  }
  return kept;
}

TEMPLATE_TEST_CASE("the items of largest priority stay, in the order of the items", "[ops]", float,
                   double) {
  using T = TestType;
  for (int const items : {0, 1, 2, 31, 33, 130}) {
    for (int const experts : {1, 3, 8}) {
      for (bool const ties : {false, true}) {
        auto priority = numbers<T>(std::ptrdiff_t(items) * experts, 2);
        if (ties) {
          for (T& p : priority) p = std::round(p * T(2));
        }
        for (int const capacity : {0, 1, 3, items / 3 + 1, items, items + 5}) {
          CAPTURE(items, experts, ties, capacity);
          Plans<T> s(2);
          auto const gates = s.gates(items, experts);
          auto const all = ops::make_plan(s.ctx, gates, 1, -1);
          auto const plan =
              ops::make_plan(s.ctx, gates, 1, capacity, s.table(priority, items, experts));
          std::vector<int> const got(plan.item_of_slot.begin(), plan.item_of_slot.end());
          REQUIRE(got == expected_items(gates, capacity, priority));
          REQUIRE(plan.num_slots + plan.num_dropped == all.num_slots);
          for (int slot = 0; slot < plan.num_slots; ++slot) {
            auto const s_at = std::size_t(slot);
            auto const at =
                std::ptrdiff_t(plan.item_of_slot[s_at]) * experts + plan.expert_of_slot[s_at];
            REQUIRE(plan.combine_weights[s_at] == gates.weights.data[at]);
          }
        }
      }
    }
  }
}

TEST_CASE("equal priorities keep the first by position, as no priority does", "[ops]") {
  Plans<float> s;
  auto const gates = s.gates(70, 4);
  auto const even = s.table(std::vector<float>(280, 0.5f), 70, 4);
  auto const a = ops::make_plan(s.ctx, gates, 1, 9), b = ops::make_plan(s.ctx, gates, 1, 9, even);
  CHECK(std::equal(a.item_of_slot.begin(), a.item_of_slot.end(), b.item_of_slot.begin(),
                   b.item_of_slot.end()));
  CHECK(a.num_dropped == b.num_dropped);
  CHECK(ops::make_plan(s.ctx, gates, 1, -1, even).num_dropped == 0);
}

TEST_CASE("priorities that are not numbers come last", "[ops]") {
  Plans<float> s;
  Gates<laws::Float> const gates{s.table({1, 1, 1, 1}, 4, 1), s.table({1, 2, 3, 4}, 4, 1), {}, {}};
  auto const plan =
      ops::make_plan(s.ctx, gates, 1, 3, s.table({NAN, -INFINITY, INFINITY, -1e30f}, 4, 1));
  CHECK(std::vector<int>(plan.item_of_slot.begin(), plan.item_of_slot.end()) ==
        std::vector<int>{0, 2, 3});  // NaN counts as -infinity, and stands before it
}

TEST_CASE("priorities are shaped like the choice", "[ops]") {
  operations::Setup s;
  Gates<laws::Float> const gates{s.tensor(2, 3), s.tensor(2, 3), {}, {}};
  CHECK_REFUSED(ops::make_plan(s.ctx, gates, 1, 1, s.tensor(2, 4)),
                "make_plan: priority and selected must have equally many columns (4 vs 3)");
}

TEST_CASE("drops have the same bits for any thread count", "[ops]") {
  auto const priority = numbers<float>(900 * 16, 3);
  auto const run = [&](int threads) {
    Plans<float> s(threads);
    auto const plan = ops::make_plan(s.ctx, s.gates(900, 16), 1, 200, s.table(priority, 900, 16));
    return std::vector<int>(plan.item_of_slot.begin(), plan.item_of_slot.end());
  };
  auto const one = run(1);
  for (int const threads : {2, 3, 8}) CHECK(run(threads) == one);
}

}  // namespace
