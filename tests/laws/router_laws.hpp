// SPDX-License-Identifier: Apache-2.0
#pragma once
// What every router must obey, with the case's number of experts and with many: rows of 33 and 64
// experts take the kernels' vector code. A case names the router, its config, and what it promises:
//
//   struct Pair {
//     using Module = router::TopK;
//     static constexpr int num_experts = 5;
//     static constexpr bool normalised = true;  // an item's combine weights sum to 1
//     static Module::Config config();
//   };
#include <array>
#include <initializer_list>
#include <limits>
#include <span>

#include "laws/gradient_check.hpp"
#include "laws/numbers.hpp"
#include "moenda/module/check.hpp"
#include "moenda/module/concepts.hpp"
#include "moenda/ops/routing/dispatch.hpp"

namespace laws {

inline constexpr int router_width = 6;

// What a case may say beside the necessary, as `static constexpr bool NAME = true`.
#define MOENDA_CASE_SAYS(NAME)                                 \
  template <class Case>                                        \
  inline constexpr bool NAME = [] {                            \
    if constexpr (requires { Case::NAME; }) return Case::NAME; \
    return false;                                              \
  }()
/// An item may get any number of experts, 0 included: expert choice, top-any.
MOENDA_CASE_SAYS(any_count);
/// Combine weights may add up to more than 1.
MOENDA_CASE_SAYS(unbounded_weights);
/// Draws random numbers in training by the place of an item in the batch.
MOENDA_CASE_SAYS(draws);
/// What an item gets depends on the items before it, such as the previous token.
MOENDA_CASE_SAYS(reads_neighbours);
/// What an item gets depends on its place in its sequence.
MOENDA_CASE_SAYS(reads_position);
/// The gradient is by design not the derivative: the case checks it against its surrogate.
MOENDA_CASE_SAYS(surrogate_gradient);
#undef MOENDA_CASE_SAYS
/// `static constexpr int batch_size`: the items are that many sequences, one after the other, where
/// that number divides them; else one sequence.
template <class Case>
inline constexpr int batch_size_of = [] {
  if constexpr (requires { Case::batch_size; }) return Case::batch_size;
  return 1;
}();

inline constexpr int token_ids = 50;
/// A token id for every item, a function of its row: equal rows are equal tokens.
template <class T>
std::vector<int> tokens_of(std::vector<T> const& x) {
  std::vector<int> tokens(x.size() / router_width);
  for (std::size_t i = 0; i < tokens.size(); ++i) {
    float const first = float(x[i * router_width]);
    std::uint32_t bits = 0;
    std::memcpy(&bits, &first, sizeof bits);
    tokens[i] = int(moenda::Random(bits).bits(0) % token_ids);
  }
  return tokens;
}

/// A router with everything it needs to run on `T`.
template <class Case, class T>
class Routing {
 public:
  using Module = typename Case::Module;
  using Backend = moenda::cpu::Backend<T>;
  using Params = typename Module::template Params<Backend>;

  /// Gates, copied from the arena.
  struct Result {
    std::vector<T> selected, weights, probs, logits;
    int most_per_item, most_per_expert;
  };

  explicit Routing(int threads = 1, int experts = Case::num_experts)
      : backend(threads), config(Case::config()), num_experts(experts) {
    params = Module::template params<Backend>(config, router_width, num_experts);
    grads = params;
    auto const size = static_cast<std::size_t>(moenda::count(params));
    values.resize(size);
    gradients.resize(size);
    moenda::bind(params, values.data());
    moenda::bind(grads, gradients.data());
    fill_weights(params, 5, 1);
    if constexpr (requires { Case::prepare(config, params, experts); }) {
      Case::prepare(config, params, experts);
    }
  }
  /// Calls f(ctx, gates, cache) with the gates of x [items, router_width].
  template <class F>
  auto with_gates(std::vector<T> const& x, bool training, F f) {
    int const rows = int(x.size()) / router_width;
    arena.rewind();
    auto const tokens = tokens_of(x);
    int batch_size = rows % batch_size_of<Case> == 0 ? batch_size_of<Case> : 1;
    if (!lengths.empty()) batch_size = int(lengths.size());
    moenda::Context<Backend> ctx{backend, arena, {tokens.data(), batch_size, rows / batch_size}};
    if (!lengths.empty()) ctx.batch.lengths = lengths.data();
    ctx.training = training;
    auto input = ctx.tensor(rows, router_width);
    std::copy(x.begin(), x.end(), input.data);
    typename Module::template Cache<Backend> cache{};
    auto const gates = Module::forward(ctx, config, params, cache, input, num_experts);
    return f(ctx, gates, cache);
  }
  Result operator()(std::vector<T> const& x, bool training = true) {
    return with_gates(x, training, [](auto&, auto const& gates, auto&) {
      auto const table = [](auto t) { return std::vector<T>(t.data, t.data + t.size()); };
      return Result{table(gates.selected), table(gates.weights), table(gates.probs),
                    table(gates.logits),   gates.most_per_item,  gates.most_per_expert};
    });
  }

  Backend backend;
  moenda::StepMemory<Backend> arena;
  typename Module::Config config;
  int num_experts;
  std::span<int const> lengths;  ///< of the sequences that the items are; empty: no padding
  Params params, grads;
  std::vector<T> values, gradients;
};

/// selected is 0 or 1, the promised number of ones per item; weights are finite and, where
/// promised, sum to 1.
template <class Case, class T>
void tables_are_sound(std::vector<T> const& x, bool training, int experts) {
  Routing<Case, T> router(1, experts);
  auto const gates = router(x, training);
  int const promised = moenda::experts_per_item<typename Case::Module>(router.config, experts);
  auto const items = x.size() / router_width;
  REQUIRE(gates.selected.size() == items * std::size_t(experts));
  REQUIRE(gates.weights.size() == gates.selected.size());
  for (std::size_t i = 0; i < items; ++i) {
    int ones = 0;
    double sum = 0;
    for (std::size_t e = i * std::size_t(experts); e < (i + 1) * std::size_t(experts); ++e) {
      REQUIRE((gates.selected[e] == T(0) || gates.selected[e] == T(1)));
      if (gates.selected[e] == T(0)) continue;
      REQUIRE(std::isfinite(gates.weights[e]));
      REQUIRE(gates.weights[e] >= T(0));
      ++ones;
      sum += double(gates.weights[e]);
    }
    CAPTURE(i);
    if (!any_count<Case>) REQUIRE(ones == promised);
    if (Case::normalised && ones > 0) REQUIRE(std::abs(sum - 1) <= 1e-6);
    if (!Case::normalised && !unbounded_weights<Case>) REQUIRE(sum <= 1 + 1e-6);
  }
}

/// No item has more experts, and no expert more items, than the gates say; and they do say how many
/// experts an item has at most, unless it may be any number.
template <class Case, class T>
void bounds_hold(std::vector<T> const& x, bool training, int num_experts) {
  Routing<Case, T> router(1, num_experts);
  auto const gates = router(x, training);
  auto const experts = std::size_t(num_experts);
  std::vector<int> of_item(x.size() / router_width), of_expert(experts);
  for (std::size_t i = 0; i < gates.selected.size(); ++i) {
    if (gates.selected[i] != 0) ++of_item[i / experts], ++of_expert[i % experts];
  }
  if (!any_count<Case>) CHECK(gates.most_per_item >= 0);
  CHECK(gates.most_per_item <= num_experts);
  for (int const n : of_item) REQUIRE((gates.most_per_item < 0 || n <= gates.most_per_item));
  for (int const n : of_expert) REQUIRE((gates.most_per_expert < 0 || n <= gates.most_per_expert));
}

/// Not finite in: still the promised number of experts per item, and other items' gates unchanged.
template <class Case>
void bad_rows_stay_alone(int num_experts) {
  Routing<Case, float> router(1, num_experts);
  auto const x = numbers<float>(4 * router_width, 3);
  auto const good = router(x);
  auto const experts = std::size_t(num_experts);
  for (float const bad : {NAN, INFINITY, -INFINITY, 1e30f, -1e30f}) {
    auto changed = x;
    changed[router_width + 2] = bad;  // item 1
    auto const gates = router(changed);
    CAPTURE(bad);
    float ones = 0;
    for (std::size_t e = 0; e < experts; ++e) ones += gates.selected[experts + e];
    if (!any_count<Case>) {
      CHECK(int(ones) ==
            moenda::experts_per_item<typename Case::Module>(router.config, num_experts));
    }
    for (std::size_t i = 0; i < gates.selected.size(); ++i) {
      if (i / experts == 1) continue;
      REQUIRE(gates.selected[i] == good.selected[i]);
      REQUIRE(gates.weights[i] == good.weights[i]);
    }
  }
}

/// Through the plan: every kept assignment once, sorted by expert, then item; kept + dropped = all.
template <class Case>
void assignments_are_conserved(std::vector<float> const& x, int capacity, int num_experts) {
  Routing<Case, float> router(1, num_experts);
  router.with_gates(x, true, [&](auto& ctx, auto const& gates, auto&) {
    auto const plan = moenda::ops::make_plan(ctx, gates, 1, capacity);
    auto const experts = std::size_t(num_experts);
    std::vector<int> wanted(experts), kept(std::size_t(gates.selected.size()));
    for (std::size_t i = 0; i < kept.size(); ++i)
      wanted[i % experts] += gates.selected.data[i] != 0;
    int all = 0;
    for (std::size_t e = 0; e < experts; ++e) {
      all += wanted[e];
      int const expected = capacity < 0 ? wanted[e] : std::min(capacity, wanted[e]);
      CHECK(plan.tokens_per_expert(int(e)) == expected);
      int last = -1;
      for (auto s = std::size_t(plan.bins[e]); s < std::size_t(plan.bins[e + 1]); ++s) {
        REQUIRE(plan.expert_of_slot[s] == int(e));
        REQUIRE(plan.item_of_slot[s] > last);
        last = plan.item_of_slot[s];
        auto const at = std::size_t(last) * experts + e;
        REQUIRE(gates.selected.data[at] == 1);
        REQUIRE(plan.combine_weights[s] == gates.weights.data[at]);
        ++kept[at];
      }
    }
    CHECK(plan.num_slots + plan.num_dropped == all);
    CHECK(plan.bins[experts] == plan.num_slots);
    CHECK(std::count(kept.begin(), kept.end(), 1) == plan.num_slots);
    // The way back: every item lists its own slots, each slot once.
    std::vector<int> seen(std::size_t(plan.num_slots));
    for (std::size_t i = 0; i < std::size_t(plan.num_items); ++i) {
      for (int at = plan.item_begin[i]; at < plan.item_begin[i + 1]; ++at) {
        auto const slot = std::size_t(plan.slots_of_item[std::size_t(at)]);
        REQUIRE(plan.item_of_slot[slot] == int(i));
        ++seen[slot];
      }
    }
    CHECK(std::count(seen.begin(), seen.end(), 1) == plan.num_slots);
    // combine(dispatch(x)) with weights: each row times the sum of its kept weights.
    auto rows = ctx.tensor(plan.num_items, 2);
    for (int i = 0; i < rows.rows; ++i) rows.data[2 * i] = float(i), rows.data[2 * i + 1] = 1;
    auto const y = moenda::ops::combine(ctx, plan, moenda::ops::dispatch(ctx, plan, rows));
    for (int i = 0; i < y.rows; ++i) {
      REQUIRE(y.data[2 * i] == Approx(double(i) * double(y.data[2 * i + 1])).margin(1e-5));
    }
    return 0;
  });
}

/// The order of the items changes nothing but the order of the answers.
template <class Case>
void items_can_be_permuted(std::vector<float> const& x, int num_experts) {
  Routing<Case, float> router(1, num_experts);
  auto const items = x.size() / router_width;
  std::vector<float> reversed(x.size());
  for (std::size_t i = 0; i < x.size(); ++i) {
    reversed[(items - 1 - i / router_width) * router_width + i % router_width] = x[i];
  }
  bool const training = !draws<Case>;
  auto const a = router(x, training), b = router(reversed, training);
  auto const experts = std::size_t(num_experts);
  for (std::size_t i = 0; i < a.selected.size(); ++i) {
    auto const j = (items - 1 - i / experts) * experts + i % experts;
    REQUIRE(a.selected[i] == b.selected[j]);
    REQUIRE(a.weights[i] == b.weights[j]);
  }
}

/// Arbitrary gradients in all three tables come back as dx and the gradients of the parameters.
template <class Case>
void router_gradients_are_right(int experts) {
  Routing<Case, double> router(1, experts);
  int const items = 6;
  auto x = numbers<double>(items * router_width, 4);
  std::array<std::vector<double>, 3> const d{numbers<double>(items * experts, 6),
                                             numbers<double>(items * experts, 7),
                                             numbers<double>(items * experts, 8)};
  auto const measure = [&] {
    auto const gates = router(x);
    Measured m;
    for (std::size_t i = 0; i < gates.selected.size(); ++i) {
      m.choices.push_back(int(gates.selected[i]));
      if (gates.selected[i] != 0) m.loss += d[0][i] * gates.weights[i];  // read only where selected
      if (!gates.probs.empty()) m.loss += d[1][i] * gates.probs[i];
      if (!gates.logits.empty()) m.loss += d[2][i] * gates.logits[i];
    }
    return m;
  };
  auto const dx = router.with_gates(x, true, [&](auto& ctx, auto const& gates, auto& cache) {
    moenda::GatesGrad<Double> dgates{ctx.tensor(items, experts), ctx.tensor(items, experts),
                                     ctx.tensor(items, experts)};
    for (std::size_t i = 0; i < d[0].size(); ++i) {
      dgates.weights.data[i] = gates.selected.data[i] != 0 ? d[0][i] : 0;
      dgates.probs.data[i] = d[1][i];
      dgates.logits.data[i] = d[2][i];
    }
    auto const t =
        Case::Module::backward(ctx, router.config, router.params, router.grads, cache, dgates);
    return std::vector<double>(t.data, t.data + t.size());
  });
  GradientCheck check;
  check("x", x, dx, measure);
  std::size_t const coordinates = experts <= 8 ? 0 : 48;  // of a weight; 0: all
  std::ptrdiff_t at = 0;
  moenda::walk(router.params, [&](moenda::Path const& path, auto const& weight) {
    auto const size = std::size_t(weight.size());
    if (weight.trains() && size > 0) {  // state has no derivative
      check(path.str(), std::span(router.values).subspan(std::size_t(at), size),
            std::span(std::as_const(router.gradients)).subspan(std::size_t(at), size), measure,
            coordinates);
    }
    at += weight.size();
  });
}

/// The same bits for any number of threads, in the gates, dx and the gradients.
template <class Case>
void threads_change_nothing(int experts) {
  int const items = 200;
  auto const x = numbers<float>(items * router_width, 21);
  auto const d = numbers<float>(items * experts, 22);
  auto const all = [&](int threads) {
    Routing<Case, float> router(threads, experts);
    auto result = router.with_gates(x, true, [&](auto& ctx, auto const& gates, auto& cache) {
      moenda::GatesGrad<Float> dgates{ctx.tensor(items, experts), ctx.tensor(items, experts),
                                      ctx.tensor(items, experts)};
      for (std::size_t i = 0; i < d.size(); ++i) {
        dgates.weights.data[i] = gates.selected.data[i] * d[i];
        dgates.probs.data[i] = dgates.logits.data[i] = d[i];
      }
      std::vector<float> out(gates.selected.data, gates.selected.data + gates.selected.size());
      out.insert(out.end(), gates.weights.data, gates.weights.data + gates.weights.size());
      auto const dx =
          Case::Module::backward(ctx, router.config, router.params, router.grads, cache, dgates);
      out.insert(out.end(), dx.data, dx.data + dx.size());
      return out;
    });
    result.insert(result.end(), router.gradients.begin(), router.gradients.end());
    return result;
  };
  auto const one = all(1);
  for (int const threads : {2, 3}) CHECK(same_bits(one, all(threads)));
}

/// Found out by trying: whether an item's gates change when other items do, or only those that
/// stand later in their sequence.
template <class Case>
[[nodiscard]] bool depends_on_others(bool training, bool only_later,
                                     int num_experts = Case::num_experts) {
  Routing<Case, float> router(1, num_experts);
  constexpr int items = 9;
  auto const x = numbers<float>(items * router_width, 9);
  auto const gates = router(x, training);
  auto const experts = std::size_t(num_experts);
  for (std::size_t item = 0; item < std::size_t(items); ++item) {
    for (float const size : {3.f, -3.f, 30.f}) {
      auto changed = x;
      for (int i = 0; i < router_width; ++i) changed[item * router_width + std::size_t(i)] *= size;
      auto const other = router(changed, training);
      static_assert(items % batch_size_of<Case> == 0);
      auto const seq_len = std::size_t(items / batch_size_of<Case>);
      for (std::size_t i = 0; i < gates.selected.size(); ++i) {
        auto const seen_by = i / experts;
        if (seen_by == item || (only_later && seen_by % seq_len >= item % seq_len)) continue;
        if (gates.selected[i] != other.selected[i]) return true;
        if (gates.selected[i] != 0 && gates.weights[i] != other.weights[i]) return true;
      }
    }
  }
  return false;
}

/// The declared traits are what trying finds.
template <class Case>
void traits_are_honest(int experts = Case::num_experts) {
  moenda::RouterTraits const traits = moenda::traits_of<typename Case::Module>(Case::config());
  CHECK(traits.causal_at_evaluation == !depends_on_others<Case>(false, true, experts));
  // What a token reads of those before it in its sequence, attention may read as well.
  CHECK(traits.couples_batch_in_training ==
        depends_on_others<Case>(true, reads_neighbours<Case>, experts));
  auto const params = Case::Module::template params<moenda::Shapes>(Case::config(), 4, 4);
  CHECK(traits.has_parameters == (moenda::parameter_count(params) > 0));
  Routing<Case, float> router(1, experts);
  bool const draws_noise =
      router.with_gates(numbers<float>(9 * router_width, 9), true,
                        [](auto&, auto const& gates, auto&) { return gates.sigma.cols > 0; });
  CHECK(traits.draws_noise == draws_noise);
}

/// Three sequences of 8 items, of which one is all there and one is nothing but padding.
template <class Case>
struct Padded {
  static constexpr std::array lengths{8, 0, 3};
  static constexpr int seq_len = 8, items = 3 * seq_len;
  [[nodiscard]] static bool present(int item) {
    return item % seq_len < lengths[std::size_t(item / seq_len)];
  }
  /// Everything that comes of the present items, with items in the padding that are `factor` times
  /// as large: selected, weights, dx; the gradients and what state collects; the auxiliary loss.
  [[nodiscard]] static std::vector<float> outcome(float factor, bool training, int experts) {
    Routing<Case, float> router(1, experts);
    router.lengths = lengths;
    auto x = numbers<float>(items * router_width, 31);
    auto const d = numbers<float>(items * experts, 32);
    for (int i = 0; i < items * router_width; ++i) {
      if (!present(i / router_width)) x[std::size_t(i)] *= factor;
    }
    auto all = router.with_gates(x, training, [&](auto& ctx, auto const& gates, auto& cache) {
      moenda::GatesGrad<Float> dgates{ctx.tensor(items, experts), ctx.tensor(items, experts),
                                      ctx.tensor(items, experts)};
      for (std::size_t i = 0; i < d.size(); ++i) {
        float const own = present(int(i) / experts) ? d[i] : 0;
        dgates.weights.data[i] = gates.selected.data[i] * own;
        dgates.probs.data[i] = dgates.logits.data[i] = own;
      }
      std::vector<float> out{float(ctx.auxiliary_loss())};
      auto const take = [&](auto const& table) {
        for (int i = 0; i < table.size(); ++i) {
          if (present(i / table.cols)) out.push_back(table.data[i]);
        }
      };
      take(gates.selected);
      for (int i = 0; i < gates.weights.size(); ++i) {
        bool const reads = present(i / experts) && gates.selected.data[i] != 0;
        if (reads) out.push_back(gates.weights.data[i]);
      }
      if (training) {
        take(
            Case::Module::backward(ctx, router.config, router.params, router.grads, cache, dgates));
      }
      return out;
    });
    all.insert(all.end(), router.gradients.begin(), router.gradients.end());
    return all;
  }
};

/// What stands in padding changes nothing.
template <class Case>
void padding_changes_nothing(int experts) {
  for (bool const training : {true, false}) {
    CAPTURE(training);
    auto const expected = Padded<Case>::outcome(1, training, experts);
    REQUIRE(all_finite(expected));
    CHECK(Padded<Case>::outcome(-3, training, experts) == expected);
  }
}

/// The laws of a router with so many experts. `sizes`: how many items are tried.
template <class Case>
void check_router_of(int experts, std::initializer_list<int> sizes) {
  CAPTURE(experts);
  moenda::RouterTraits const traits = moenda::traits_of<typename Case::Module>(Case::config());
  for (int const items : sizes) {
    CAPTURE(items);
    auto const x = numbers<float>(items * router_width, 12);
    for (bool const training : {true, false}) {
      tables_are_sound<Case, float>(x, training, experts);
      bounds_hold<Case>(x, training, experts);
      tables_are_sound<Case, double>(numbers<double>(items * router_width, 12, -1000, 1000),
                                     training, experts);
    }
    for (int const capacity : {-1, 0, 1, 3}) assignments_are_conserved<Case>(x, capacity, experts);
    if (!reads_neighbours<Case> && !reads_position<Case>) items_can_be_permuted<Case>(x, experts);
  }
  // only ties
  tables_are_sound<Case, float>(std::vector<float>(5 * router_width, 0), true, experts);
  if (!traits.couples_batch_in_training && !reads_neighbours<Case>) {
    bad_rows_stay_alone<Case>(experts);
  }
  if (!surrogate_gradient<Case>) router_gradients_are_right<Case>(experts);
  threads_change_nothing<Case>(experts);
  traits_are_honest<Case>(experts);
  padding_changes_nothing<Case>(experts);
}

/// The smallest number of experts from `least` on that the case's config can work with, such as a
/// multiple of its groups, or as many as it selects; 0: there is none near.
template <class Case>
[[nodiscard]] int experts_from(int least) {
  for (int experts = least; experts < least + 64; ++experts) {
    moenda::Problems problems;
    moenda::check<typename Case::Module>(Case::config(), {.num_experts = experts}, problems);
    if (problems.empty()) return experts;
  }
  return 0;
}

/// All laws of a router, with its own number of experts and with 5, 33 and 64.
template <class Case>
void check_router() {
  static_assert(moenda::RouterLike<typename Case::Module>);
  check_router_of<Case>(Case::num_experts, {0, 1, 7, 64, 65});
  for (int const least : {5, 33, 64}) {
    int const experts = experts_from<Case>(least);
    CAPTURE(least);
    REQUIRE(experts > 0);
    if (experts != Case::num_experts) check_router_of<Case>(experts, {7, 65});
  }
}

}  // namespace laws
