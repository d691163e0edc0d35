// SPDX-License-Identifier: Apache-2.0
// Mixtures where the host cannot count what goes where: any router, experts of several kinds, whole
// sequences, padding and capacity.
#include <array>
#include <tuple>

#include "closed/layer.hpp"
#include "closed/one_by_one.hpp"
#include "moenda/expert/glu.hpp"
#include "moenda/expert/gru.hpp"
#include "moenda/expert/pooled.hpp"
#include "moenda/mixture/mixture.hpp"
#include "moenda/probe/step_measures.hpp"
#include "moenda/probe/trace.hpp"
#include "moenda/router/base.hpp"
#include "moenda/router/dense.hpp"
#include "moenda/router/expert_choice.hpp"
#include "moenda/router/gshard.hpp"
#include "moenda/router/gumbel.hpp"
#include "moenda/router/hash.hpp"
#include "moenda/router/mask_outputs.hpp"
#include "moenda/router/noisy_top_k.hpp"
#include "moenda/router/per_sequence.hpp"
#include "moenda/router/random.hpp"
#include "moenda/router/sinkhorn.hpp"
#include "moenda/router/top_any.hpp"
#include "moenda/router/top_k.hpp"
#include "moenda/router/uniform.hpp"

namespace {

using namespace moenda;
using closed::OneByOne;

constexpr int width = 6;

/// Three sequences, of which one is padding alone.
struct Text {
  std::array<int, 3> lengths{4, 0, 2};
  std::vector<int> tokens = laws::ids(12, 31, 4);
  std::vector<double> x = laws::numbers<double>(12 * width, 1);
  std::vector<double> dy = laws::numbers<double>(12 * width, 2);

  [[nodiscard]] Batch batch(bool padded) const {
    Batch batch{tokens.data(), 3, 4};
    if (padded) batch.lengths = lengths.data();
    return batch;
  }
};

/// The CPU's bits, in training and for several steps, and no more synchronisations than said.
template <class M>
void check_layer(typename M::Config const& config, std::size_t synchronisations) {
  closed::Layer<M, cpu::Backend<double>> open(config, width);
  closed::Layer<M, closed::Backend<double>> layer(config, width);
  Text const text;
  for (bool const padded : {false, true}) {
    CAPTURE(padded);
    auto const expected = open.run(text.batch(padded), text.x, text.dy);
    REQUIRE(laws::all_finite(expected));
    REQUIRE(laws::same_bits(layer.run(text.batch(padded), text.x, text.dy), expected));
    CHECK(layer.synchronisations == synchronisations);
  }
}

/// Who sits in which slot.
template <class B>
struct SlotsProbe : RoutingHook<B> {
  std::vector<int> bins, items;
  void observe(RoutingSite, Gates<B> const&, DispatchPlan<B> const& plan) override {
    bins.assign(plan.bins.begin(), plan.bins.end());
    items.assign(plan.item_of_slot.begin(), plan.item_of_slot.end());
  }
};

template <class... Es>
void fill_groups(SideBySide<Group<Es>...>& experts, int count) {
  ((get<Group<Es>>(experts).count = count, get<Group<Es>>(experts).each.hidden = 5), ...);
}

using AnyRouter =
    OneOf<router::TopK, router::NoisyTopK, router::GShard, router::Hash, router::Base,
          router::Sinkhorn, router::ExpertChoice, router::Dense, router::Gumbel, router::TopAny,
          router::Random, router::Uniform, router::MaskOutputs<router::TopK>>;
std::vector<AnyRouter::Config> routers() {
  std::vector<AnyRouter::Config> all;
  [&]<std::size_t... I>(std::index_sequence<I...>) {
    (all.push_back({std::in_place_index<I>, typename AnyRouter::Nth<I>::Config{}}), ...);
  }
  (std::make_index_sequence<AnyRouter::names.size()>{});
  return all;
}

TEST_CASE("closed memory: any router, experts one by one and at once", "[closed]") {
  using M = Mixture<AnyRouter, Experts<expert::Ffn, OneByOne, expert::SwiGlu>>;
  M::Config config;
  fill_groups(config.experts, 2);
  for (auto const& router : routers()) {
    CAPTURE(AnyRouter::names[router.choice.index()]);
    config.router = router;
    for (double const capacity : {0.0, 0.7}) {
      CAPTURE(capacity);
      config.capacity_factor = capacity;
      check_layer<M>(config, 1);  // one plan
    }
  }
}

// A hook reads what it observes, and finds there what it finds on the CPU.
template <class M, class B>
auto observed(typename M::Config const& config) {
  closed::Layer<M, B> layer(config, width);
  Text const text;
  probe::StepMeasures<B> measures;
  probe::TraceProbe<B> trace;
  SlotsProbe<B> slots;
  RoutingHooks<B> hooks{&measures, &trace, &slots};
  layer.run(text.batch(true), text.x, text.dy, &hooks);
  return std::tuple(measures.layers().at(0), trace.trace().mixtures.at(0), slots);
}
TEST_CASE("closed memory: hooks observe what they observe on the CPU", "[closed]") {
  using M = Mixture<router::NoisyTopK, expert::Ffn>;
  M::Config const config{.router = {.top_k = 2},
                         .experts = {.count = 4, .each = {.hidden = 5}},
                         .capacity_factor = 0.3};
  auto const [want, want_trace, want_slots] = observed<M, cpu::Backend<double>>(config);
  auto const [got, got_trace, got_slots] = observed<M, closed::Backend<double>>(config);
  CHECK(want.dropped_share > 0);
  CHECK(got.dropped_share == want.dropped_share);
  CHECK(got.tokens_per_expert == want.tokens_per_expert);
  CHECK(got.router_entropy == want.router_entropy);
  CHECK(got.experts_per_item == want.experts_per_item);
  CHECK(got_trace.item_begin == want_trace.item_begin);
  CHECK(got_trace.experts == want_trace.experts);
  CHECK(got_trace.weights == want_trace.weights);
  CHECK(got_slots.items == want_slots.items);
  CHECK(got_slots.bins == want_slots.bins);
}

TEST_CASE("closed memory: a group at the end that no expert is in", "[closed]") {
  using M = Mixture<router::NoisyTopK, Experts<expert::Ffn, OneByOne>>;
  M::Config config;
  get<Group<expert::Ffn>>(config.experts) = {.count = 3, .each = {.hidden = 5}};
  check_layer<M>(config, 0);  // the first group is the whole plan
}

TEST_CASE("closed memory: whole sequences", "[closed]") {
  using M =
      Mixture<router::PerSequence<router::TopK>, Experts<expert::Pooled<expert::Ffn>, expert::Gru>>;
  M::Config config;
  fill_groups(config.experts, 2);
  for (int const top_k : {1, 3}) {
    config.router.top_k = top_k;
    check_layer<M>(config, 1);
  }
  using One = Mixture<router::PerSequence<router::NoisyTopK>, expert::Gru>;
  check_layer<One>({.router = {.top_k = 2}, .experts = {.count = 3, .each = {.hidden = 5}}}, 1);
}

}  // namespace
