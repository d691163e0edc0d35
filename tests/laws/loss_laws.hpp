// SPDX-License-Identifier: Apache-2.0
#pragma once
// What every auxiliary loss must obey. A case names the loss, a config that is on, and its values:
//
//   struct Z {
//     using Module = loss::RouterZ;
//     static Module::Config config() { return {.weight = 0.3}; }
//     static double balanced(double experts);   // of tables that prefer no expert
//     static double collapsed(double experts);  // where everything surely goes to expert 0
//     static double reference(LossTables const&);  // the formula as it stands in the paper
//     static constexpr char const* missing = "logits";  // null: it needs what all routers give
//   };
#include <numeric>
#include <utility>

#include "laws/gradient_check.hpp"
#include "laws/numbers.hpp"
#include "moenda/module/concepts.hpp"

namespace laws {

/// What a router says, by item and expert.
struct LossTables {
  int items = 0, experts = 0;
  std::vector<double> selected, weights, probs, logits, clean, sigma, noise;

  LossTables(int num_items, int num_experts) : items(num_items), experts(num_experts) {
    for (auto* table : {&selected, &weights, &probs, &logits, &clean, &sigma, &noise}) {
      table->assign(std::size_t(items) * std::size_t(experts), 0.0);
    }
    std::fill(sigma.begin(), sigma.end(), 1.0);
  }
  [[nodiscard]] std::size_t at(int item, int expert) const {
    return std::size_t(item) * std::size_t(experts) + std::size_t(expert);
  }
  [[nodiscard]] double noisy(std::size_t i) const { return clean[i] + noise[i] * sigma[i]; }
  /// Adds up term(index, item) over the items.
  template <class Term>
  [[nodiscard]] double sum(int expert, Term const& term) const {
    double total = 0;
    for (int t = 0; t < items; ++t) total += term(at(t, expert));
    return total;
  }
};

inline void softmax_of(LossTables& t) {
  for (int i = 0; i < t.items; ++i) {
    double sum = 0;
    for (int e = 0; e < t.experts; ++e) sum += std::exp(t.logits[t.at(i, e)]);
    for (int e = 0; e < t.experts; ++e) {
      t.probs[t.at(i, e)] = std::exp(t.logits[t.at(i, e)]) / sum;
    }
  }
}
/// Numbers without any meaning; the top_k of largest noisy logit are selected.
inline LossTables random_tables(int items, int experts, int top_k, std::uint64_t seed) {
  LossTables t(items, experts);
  auto const size = std::ptrdiff_t(t.logits.size());
  t.logits = numbers<double>(size, seed, -2, 2);
  t.clean = numbers<double>(size, seed + 1, -2, 2);
  t.sigma = numbers<double>(size, seed + 2, 0.5, 1.5);
  t.noise = numbers<double>(size, seed + 3, -1.5, 1.5);
  softmax_of(t);
  auto const weights = numbers<double>(size, seed + 4, 0.1, 1);
  std::vector<int> order(static_cast<std::size_t>(experts));
  for (int i = 0; i < items; ++i) {
    std::iota(order.begin(), order.end(), 0);
    std::sort(order.begin(), order.end(),
              [&](int a, int b) { return t.noisy(t.at(i, a)) > t.noisy(t.at(i, b)); });
    for (int k = 0; k < top_k; ++k) {
      auto const chosen = t.at(i, order[std::size_t(k)]);
      t.selected[chosen] = 1;
      t.weights[chosen] = weights[chosen];
    }
  }
  return t;
}
/// No expert is preferred, and the items take the experts in turn.
inline LossTables balanced_tables(int experts, int top_k) {
  LossTables t(6 * experts, experts);
  for (int i = 0; i < t.items; ++i) {
    for (int k = 0; k < top_k; ++k) {
      t.selected[t.at(i, (i + k) % experts)] = 1;
      t.weights[t.at(i, (i + k) % experts)] = 1.0 / top_k;
    }
  }
  for (std::size_t i = 0; i < t.noise.size(); ++i) t.noise[i] = t.selected[i] != 0 ? 1 : -1;
  softmax_of(t);
  return t;
}
inline constexpr double sure_logit = 300;
/// Everything surely goes to expert 0, or with `in_turn` to each expert in turn.
inline LossTables sure_tables(int experts, bool in_turn) {
  LossTables t(6 * experts, experts);
  for (int i = 0; i < t.items; ++i) {
    auto const chosen = t.at(i, in_turn ? i % experts : 0);
    t.selected[chosen] = t.weights[chosen] = 1;
    t.logits[chosen] = t.clean[chosen] = sure_logit;
  }
  softmax_of(t);
  return t;
}

/// A loss with everything it needs to run on `T`.
template <class Case, class T>
class LossSubject {
 public:
  using Module = typename Case::Module;
  using Backend = moenda::cpu::Backend<T>;
  static constexpr bool has_state = requires { typename Module::template Params<Backend>; };

  struct Result {
    double value = 0;
    std::vector<T> weights, probs, logits, clean, sigma;  // gradients
    [[nodiscard]] std::vector<T> all() const {
      std::vector<T> out = weights;
      for (auto const* table : {&probs, &logits, &clean, &sigma}) {
        out.insert(out.end(), table->begin(), table->end());
      }
      return out;
    }
  };

  explicit LossSubject(int threads = 1) : backend(threads), config(Case::config()) {}

  /// Gradients begin at `before`, the loss at 0.
  Result operator()(LossTables const& t, moenda::Batch batch, double scale = 1, T before = T(0)) {
    arena.rewind();
    moenda::Context<Backend> ctx{backend, arena, batch};
    ctx.loss_scale = scale;
    std::vector<double> noisy(t.clean.size());
    for (std::size_t i = 0; i < noisy.size(); ++i) noisy[i] = t.noisy(i);
    auto const table = [&](std::vector<double> const& from) {
      auto to = ctx.tensor(t.items, t.experts);
      for (std::size_t i = 0; i < from.size(); ++i) to.data[i] = static_cast<T>(from[i]);
      return to;
    };
    auto const start = [&] {
      auto to = ctx.tensor(t.items, t.experts);
      std::fill_n(to.data, to.size(), before);
      return to;
    };
    moenda::Gates<Backend> const gates{
        table(t.selected), table(t.weights), table(t.probs), table(t.logits), {},
        table(t.clean),    table(noisy),     table(t.sigma)};
    moenda::GatesGrad<Backend> const d{start(), start(), start(), start(), start()};
    add(ctx, gates, d);
    auto const out = [](auto x) { return std::vector<T>(x.data, x.data + x.size()); };
    return {ctx.auxiliary_loss(), out(d.weights), out(d.probs),
            out(d.logits),        out(d.clean),   out(d.sigma)};
  }
  Result operator()(LossTables const& t) { return (*this)(t, {nullptr, 1, t.items}); }

  /// The state of a loss is shapes alone: nothing was collected before.
  void add(moenda::Context<Backend>& ctx, moenda::Gates<Backend> const& gates,
           moenda::GatesGrad<Backend> const& d) {
    if constexpr (has_state) {
      Module::add(ctx, config, gates, d,
                  Module::template params<Backend>(config, gates.selected.cols));
    } else {
      Module::add(ctx, config, gates, d);
    }
  }

  Backend backend;
  typename Module::Config config;
  moenda::StepMemory<Backend> arena;
};

template <class Case>
void values_are_known() {
  LossSubject<Case, double> loss;
  for (int const experts : {1, 2, 8}) {
    CAPTURE(experts);
    for (int const top_k : {1, (experts + 1) / 2, experts}) {
      CAPTURE(top_k);
      CHECK(loss(balanced_tables(experts, top_k)).value ==
            Approx(Case::balanced(experts)).epsilon(1e-12).margin(1e-14));
    }
    CHECK(loss(sure_tables(experts, false)).value ==
          Approx(Case::collapsed(experts)).epsilon(1e-12).margin(1e-14));
  }
  for (int const items : {1, 31, 33, 100}) {
    auto const t = random_tables(items, 6, 2, std::uint64_t(items));
    CAPTURE(items);
    CHECK(loss(t).value == Approx(Case::reference(t)).epsilon(1e-11).margin(1e-14));
  }
}

/// Gradients of all tables agree with differences, are multiplied by ctx.loss_scale, unlike the
/// value, and are added to what is there.
template <class Case>
void loss_gradients_are_right() {
  LossSubject<Case, double> loss;
  auto t = random_tables(7, 5, 2, 3);
  moenda::Batch const batch{nullptr, 1, t.items};
  auto scaled = loss(t, batch, 16, 1);
  CHECK(scaled.value == loss(t).value);
  for (auto* d : {&scaled.weights, &scaled.probs, &scaled.logits, &scaled.clean, &scaled.sigma}) {
    for (double& value : *d) value = (value - 1) / 16;
  }
  auto const measure = [&] { return Measured{loss(t).value, {}}; };
  GradientCheck check;
  check("weights", t.weights, scaled.weights, measure);
  check("probs", t.probs, scaled.probs, measure);
  check("logits", t.logits, scaled.logits, measure);
  check("clean", t.clean, scaled.clean, measure);
  check("sigma", t.sigma, scaled.sigma, measure);
  auto const all = scaled.all();
  CHECK(std::any_of(all.begin(), all.end(), [](double d) { return d != 0; }));
}

/// Puts the first rows of every sequence of `real`, which are `length` each, into tables whose
/// sequences are `seq_len` rows. Returns where each scalar went.
inline std::vector<std::size_t> place(LossTables& t, LossTables const& real, int seq_len,
                                      int length, std::span<int const> lengths) {
  std::vector<std::size_t> placed;
  for (int b = 0; b < int(lengths.size()); ++b) {
    for (int i = 0; i < lengths[std::size_t(b)] * t.experts; ++i) {
      auto const to = t.at(b * seq_len, i), from = real.at(b * length, i);
      t.selected[to] = real.selected[from], t.weights[to] = real.weights[from];
      t.probs[to] = real.probs[from], t.logits[to] = real.logits[from];
      t.clean[to] = real.clean[from], t.sigma[to] = real.sigma[from];
      t.noise[to] = real.noise[from];
      placed.push_back(to);
    }
  }
  return placed;
}

/// However many rows of padding follow a sequence, and whatever they hold: the same value, the same
/// gradients, and none for the padding.
template <class Case>
void padding_counts_nowhere() {
  LossSubject<Case, double> loss;
  std::vector<int> const lengths{7, 0, 4, 1};
  int const sequences = int(lengths.size()), experts = 5, length = 7;
  auto const real = random_tables(sequences * length, experts, 2, 5);
  double value = 0;
  std::vector<double> gradients;
  for (int const seq_len : {length, 8, 40}) {
    CAPTURE(seq_len);
    auto t = random_tables(sequences * seq_len, experts, 3, 50);
    auto const placed = place(t, real, seq_len, length, lengths);
    auto const got = loss(t, {nullptr, sequences, seq_len, 0, lengths.data()});
    std::vector<double> there;
    for (auto table : {got.weights, got.probs, got.logits, got.clean, got.sigma}) {
      for (auto const i : placed) there.push_back(std::exchange(table[i], 0.0));
      CHECK(std::all_of(table.begin(), table.end(), [](double d) { return d == 0; }));
    }
    if (seq_len == length) {
      value = got.value, gradients = there;
      CHECK(value != loss(t, {nullptr, sequences, seq_len}).value);  // the padding was full
    }
    CHECK(got.value == Approx(value).epsilon(1e-12));
    CHECK(distance(there, gradients) <= 1e-12);
  }
  std::vector<int> const none(4, 0), all(4, length);
  CHECK(loss(real, {nullptr, 4, length, 0, none.data()}).value == 0);
  auto const padded = loss(real, {nullptr, 4, length, 0, all.data()}),
             unpadded = loss(real, {nullptr, 4, length});
  CHECK(padded.value == unpadded.value);
  CHECK(same_bits(padded.all(), unpadded.all()));
}

/// No item at all, one item, and one item that nobody takes: finite, and nothing for nothing.
template <class Case>
void few_items_are_fine() {
  LossSubject<Case, double> loss;
  for (int const experts : {1, 4}) {
    CHECK(loss(LossTables(0, experts)).value == 0);
    for (auto const& t : {random_tables(1, experts, 1, 2), LossTables(1, experts)}) {
      auto const got = loss(t);
      CHECK(std::isfinite(got.value));
      CHECK(all_finite(got.all()));
    }
  }
}

template <class Case>
void loss_threads_change_nothing() {
  auto const t = random_tables(4 * 151, 12, 3, 7);
  auto const run = [&](int threads) {
    LossSubject<Case, float> loss(threads);
    auto const got = loss(t, {nullptr, 4, 151});
    auto all = got.all();
    all.push_back(float(got.value));
    return std::pair(got.value, all);
  };
  auto const one = run(1);
  for (int const threads : {2, 3, 8}) {
    auto const many = run(threads);
    CHECK(one.first == many.first);
    CHECK(same_bits(one.second, many.second));
  }
}

/// Off, as by default, it asks for no table, takes no memory and changes nothing; on, it says which
/// table it misses.
template <class Case>
void off_costs_nothing() {
  using Module = typename Case::Module;
  LossSubject<Case, float> loss;
  moenda::Context<Float> ctx{loss.backend, loss.arena, {nullptr, 1, 3}};
  moenda::Gates<Float> gates;
  gates.selected = gates.weights = ctx.tensor(3, 4);
  std::fill_n(gates.selected.data, 12, 1.f);
  auto const before = loss.arena.mark();
  CHECK(!Module::is_on({}));
  loss.config = {};
  loss.add(ctx, gates, {});
  CHECK(loss.arena.mark() == before);
  CHECK(ctx.auxiliary_loss() == 0);
  loss.config = Case::config();
  CHECK(Module::is_on(loss.config));
  if (Case::missing != nullptr) {
    CHECK_THROWS_WITH(loss.add(ctx, gates, {}),
                      Catch::Contains("the router must give " + std::string(Case::missing)));
  } else {
    CHECK_NOTHROW(loss.add(ctx, gates, {}));
  }
}

/// All laws of a loss.
template <class Case>
void check_loss() {
  static_assert(moenda::LossLike<typename Case::Module>);
  values_are_known<Case>();
  loss_gradients_are_right<Case>();
  padding_counts_nowhere<Case>();
  few_items_are_fine<Case>();
  loss_threads_change_nothing<Case>();
  off_costs_nothing<Case>();
}

}  // namespace laws
