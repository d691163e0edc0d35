// SPDX-License-Identifier: Apache-2.0
#include <numeric>

#include "cpu/kernels/checks.hpp"

using namespace moenda;
using checks::mask;
using checks::numbers;

namespace {

/// A plan with the arrays it fills. One guard entry behind each must stay untouched.
template <class T>
struct Plan {
  int items, experts;
  std::vector<int> bins, item_of_slot, expert_of_slot, item_begin, slots_of_item;
  std::vector<T> combine_weights;

  Plan(cpu::Backend<T>& backend, std::vector<T> const& selected, std::vector<T> const& weights,
       int num_items, int num_experts, int capacity)
      : items(num_items), experts(num_experts) {
    std::size_t slots = 0;
    for (int const tokens : counted(backend, selected, items, experts)) {
      slots += static_cast<std::size_t>(capacity < 0 ? tokens : std::min(tokens, capacity));
    }
    bins.assign(static_cast<std::size_t>(experts) + 2, -7);
    item_begin.assign(static_cast<std::size_t>(items) + 2, -7);
    item_of_slot.assign(slots + 1, -7);
    expert_of_slot = slots_of_item = item_of_slot;
    combine_weights.assign(slots + 1, T(-7));
    cpu::make_plan(backend, bins.data(), item_of_slot.data(), expert_of_slot.data(),
                   combine_weights.data(), item_begin.data(), slots_of_item.data(), selected.data(),
                   weights.data(), items, experts, capacity);
    for (auto const* array : {&bins, &item_begin, &item_of_slot, &expert_of_slot, &slots_of_item}) {
      REQUIRE(array->back() == -7);
    }
    REQUIRE(combine_weights.back() == T(-7));
  }
  static std::vector<int> counted(cpu::Backend<T>& backend, std::vector<T> const& selected,
                                  int items, int experts) {
    std::vector<int> tokens(static_cast<std::size_t>(experts), 99);  // assigned, not added to
    cpu::count_selected(backend, tokens.data(), selected.data(), items, experts);
    return tokens;
  }
  int slots() const { return bins[static_cast<std::size_t>(experts)]; }
};

/// `array` without its guard entry.
template <class T>
std::vector<T> filled(std::vector<T> array) {
  array.pop_back();
  return array;
}

/// The plan as a double loop over experts and items would fill it.
template <class T>
void require_plan(Plan<T> const& plan, std::vector<T> const& selected,
                  std::vector<T> const& weights, int capacity) {
  std::vector<int> bins{0}, item_of_slot, expert_of_slot, item_begin{0}, slots_of_item;
  std::vector<std::vector<int>> slots_of(static_cast<std::size_t>(plan.items));
  std::vector<T> combine_weights;
  for (int e = 0; e < plan.experts; ++e) {
    int kept = 0;
    for (int i = 0; i < plan.items; ++i) {
      auto const at = static_cast<std::size_t>(i * plan.experts + e);
      if (selected[at] == T(0) || (capacity >= 0 && kept == capacity)) continue;
      ++kept;
      slots_of[static_cast<std::size_t>(i)].push_back(static_cast<int>(item_of_slot.size()));
      item_of_slot.push_back(i);
      expert_of_slot.push_back(e);
      combine_weights.push_back(weights[at]);
    }
    bins.push_back(static_cast<int>(item_of_slot.size()));
  }
  for (auto const& slots : slots_of) {
    checks::append(slots_of_item, slots);
    item_begin.push_back(static_cast<int>(slots_of_item.size()));
  }
  REQUIRE(filled(plan.bins) == bins);
  REQUIRE(filled(plan.item_of_slot) == item_of_slot);
  REQUIRE(filled(plan.expert_of_slot) == expert_of_slot);
  REQUIRE(filled(plan.combine_weights) == combine_weights);
  REQUIRE(filled(plan.item_begin) == item_begin);
  REQUIRE(filled(plan.slots_of_item) == slots_of_item);
}

/// Ways to route: everything to one, nothing, some, all.
template <class T>
std::vector<std::vector<T>> selections(int items, int experts) {
  std::vector<T> one(static_cast<std::size_t>(items * experts), T(0));
  for (std::size_t i = 0; i < one.size(); i += static_cast<std::size_t>(experts)) one[i] = T(1);
  return {one, std::vector<T>(one.size(), T(0)), mask<T>(items * experts, 1, 0.2),
          mask<T>(items * experts, 2, 0.6), std::vector<T>(one.size(), T(1))};
}

int const token_counts[] = {0, 1, 2, 3, 7, 8, 9, 31, 32, 33, 63, 64, 65, 127, 128, 129};

}  // namespace

TEMPLATE_TEST_CASE("plans keep each assignment once, in order, up to capacity", "[cpu][dispatch]",
                   float, double) {
  using T = TestType;
  cpu::Backend<T> backend(3);
  for (int const items : token_counts) {
    for (int const experts : {1, 2, 3, 8, 64}) {
      auto const weights = numbers<T>(items * experts, 3);
      for (auto const& selected : selections<T>(items, experts)) {
        for (int const capacity : {-1, 0, 1, items / 2, items, items + 5}) {
          INFO("items " << items << ", experts " << experts << ", capacity " << capacity);
          Plan<T> const plan(backend, selected, weights, items, experts, capacity);
          require_plan(plan, selected, weights, capacity);
        }
      }
    }
  }
}

TEST_CASE("count_selected counts what is not zero", "[cpu][dispatch]") {
  cpu::Backend<float> backend(2);
  std::vector<float> const selected{0, 1, 0.5f, 0, 0, -1, 0, 2, 1};
  REQUIRE(Plan<float>::counted(backend, selected, 3, 3) == std::vector<int>{0, 2, 3});
  REQUIRE(Plan<float>::counted(backend, selected, 0, 3) == std::vector<int>{0, 0, 0});
}

TEST_CASE("gather and combine are each other's transpose", "[cpu][dispatch]") {
  cpu::Backend<double> backend(3);
  for (int const items : {0, 1, 9, 70}) {
    for (int const block : {1, 5, 64, 20000}) {
      if (items * block > 300000) continue;
      auto const selected = mask<double>(items * 8, 1, 0.3),
                 weights = numbers<double>(items * 8, 2);
      Plan<double> const plan(backend, selected, weights, items, 8, items / 3 + 1);
      auto const x = numbers<double>(items * block, 3);
      auto const slots_y = numbers<double>(std::ptrdiff_t{plan.slots()} * block, 4);
      std::vector<double> gathered(slots_y.size()), combined(x.size(), 9.0);
      cpu::gather_items(backend, gathered.data(), x.data(), plan.item_of_slot.data(), plan.slots(),
                        block);
      cpu::combine_items(backend, combined.data(), slots_y.data(),
                         static_cast<double const*>(nullptr), plan.item_begin.data(),
                         plan.slots_of_item.data(), items, block);
      REQUIRE(checks::dot(gathered, slots_y) == Approx(checks::dot(x, combined)).margin(1e-9));
    }
  }
}

TEST_CASE("combine agrees with the sum over experts; dropped items get 0", "[cpu][dispatch]") {
  cpu::Backend<float> backend(3);
  int const items = 50, experts = 8, block = 19;
  auto const selected = mask<float>(items * experts, 1, 0.25);
  auto const weights = numbers<float>(items * experts, 2);
  Plan<float> const plan(backend, selected, weights, items, experts, 7);
  auto const slots_y = numbers<float>(plan.slots() * block, 3);
  std::vector<float> y(static_cast<std::size_t>(items * block), 9.0f);
  cpu::combine_items(backend, y.data(), slots_y.data(), plan.combine_weights.data(),
                     plan.item_begin.data(), plan.slots_of_item.data(), items, block);
  std::vector<double> expected(y.size(), 0.0);
  for (int s = 0; s < plan.slots(); ++s) {
    auto const slot = static_cast<std::size_t>(s);
    int const i = plan.item_of_slot[slot], e = plan.expert_of_slot[slot];
    for (int c = 0; c < block; ++c) {
      expected[static_cast<std::size_t>(i * block + c)] +=
          static_cast<double>(weights[static_cast<std::size_t>(i * experts + e)]) *
          static_cast<double>(slots_y[static_cast<std::size_t>(s * block + c)]);
    }
  }
  checks::require_near(y, expected, 1e-6);
}

TEST_CASE("combine gradients agree with differences; those of weights accumulate",
          "[cpu][dispatch]") {
  cpu::Backend<double> backend(2);
  int const items = 9, experts = 3, block = 4;
  auto const selected = mask<double>(items * experts, 1, 0.6);
  auto weights = numbers<double>(items * experts, 2);
  Plan<double> const plan(backend, selected, weights, items, experts, 4);
  auto slots_y = numbers<double>(plan.slots() * block, 3);
  auto const dy = numbers<double>(items * block, 4);
  auto const loss = [&] {
    Plan<double> const again(backend, selected, weights, items, experts, 4);
    std::vector<double> y(dy.size());
    cpu::combine_items(backend, y.data(), slots_y.data(), again.combine_weights.data(),
                       again.item_begin.data(), again.slots_of_item.data(), items, block);
    return checks::dot(dy, y);
  };
  std::vector<double> dslots(slots_y.size(), 9.0), dweights(weights.size(), 1.0);
  auto const backward = [&](double* dw, double const* w) {
    cpu::combine_items_backward(backend, dslots.data(), dw, dy.data(), slots_y.data(), w,
                                plan.item_of_slot.data(), plan.expert_of_slot.data(), plan.slots(),
                                experts, block);
  };
  backward(dweights.data(), plan.combine_weights.data());
  for (auto& d : dweights) d -= 1.0;
  checks::require_gradient(slots_y, dslots, loss);
  checks::require_gradient(weights, dweights, loss);

  backward(nullptr, nullptr);  // weights of 1: the backward of an unweighted combine is a gather
  std::vector<double> gathered(dslots.size());
  cpu::gather_items(backend, gathered.data(), dy.data(), plan.item_of_slot.data(), plan.slots(),
                    block);
  REQUIRE(dslots == gathered);
}

TEST_CASE("dispatch has the same bits for any thread count", "[cpu][dispatch]") {
  int const items = 500, experts = 16, block = 40;
  auto const selected = mask<float>(items * experts, 1, 0.2);
  auto const weights = numbers<float>(items * experts, 2), x = numbers<float>(items * block, 3);
  checks::require_same_bits([&](cpu::Backend<float>& backend) {
    Plan<float> const plan(backend, selected, weights, items, experts, 90);
    std::vector<float> slots(static_cast<std::size_t>(plan.slots() * block)), dslots(slots);
    std::vector<float> y(x.size()), dweights(weights.size(), 0.25f);
    cpu::gather_items(backend, slots.data(), x.data(), plan.item_of_slot.data(), plan.slots(),
                      block);
    cpu::combine_items(backend, y.data(), slots.data(), plan.combine_weights.data(),
                       plan.item_begin.data(), plan.slots_of_item.data(), items, block);
    cpu::combine_items_backward(backend, dslots.data(), dweights.data(), y.data(), slots.data(),
                                plan.combine_weights.data(), plan.item_of_slot.data(),
                                plan.expert_of_slot.data(), plan.slots(), experts, block);
    checks::append(y, dslots);
    checks::append(y, dweights);
    for (int const slot : plan.slots_of_item) y.push_back(static_cast<float>(slot));
    return y;
  });
}
