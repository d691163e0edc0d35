// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <algorithm>
#include <cmath>
#include <string>

#include "moenda/core/fields.hpp"
#include "moenda/core/gates.hpp"
#include "moenda/core/weights.hpp"
#include "moenda/module/after_step.hpp"
#include "moenda/module/rules.hpp"
#include "moenda/ops/elementwise/pointwise.hpp"
#include "moenda/ops/memory.hpp"
#include "moenda/ops/norm/unit_rows.hpp"
#include "moenda/ops/routing/top_any.hpp"
#include "moenda/ops/routing/top_k.hpp"
#include "moenda/router/choice/scores.hpp"

namespace moenda::router {

/// Every expert that is similar enough to the item, so some items take more experts than others,
/// and experts that come and go. Guo et al. 2024, "Dynamic Mixture of Experts", arXiv 2405.14297.
///   s_e = sigmoid(<x / |x|, w_e / |w_e|> / temperature),   theta_e = sigmoid(G_e / temperature)
///   g_e = 1 if s_e > theta_e, else 0 (eq. 3-4);   k = sum_e g_e;   weight_e = g_e / k (eq. 5)
/// An item with k = 0 gets no expert in training, so only the residual passes, and its best one at
/// evaluation. The gradient of g_e is that of s_e - theta_e where g_e = 1 (straight through a sign
/// and a relu), and k counts as a constant. For other losses, probs are s_e / sum_e s_e.
///
/// Losses, A active experts (section 3.2, eq. 6; the last two are in the published code only):
///   diversity       | unit(w) unit(w)^T - I |       experts shall look for different items
///   simplicity      mean_e |w_e|
///   load_balancing  A sum_e mean_t(g_te / k_t) mean_t(g_te), over the items with k_t > 0; the
///                   second factor has no gradient
///   efficiency      mean_t k_t / A
///
/// Experts come and go (section 3.3): every `adapt_every` steps those that no item activated are
/// removed, but for the last one, and one is added in a free place if some items activated nobody:
/// with w_e = the direction of the sum of those items, and G_e = 0. It takes over the expert that
/// stands in its place, as it is: the published code does so too. The optimizer forgets what it
/// knew of w_e and G_e. `experts_added` and `experts_removed` of the weights count what happened.
///
/// The paper starts from an orthogonal w. Here w is normal: only its directions count, and those of
/// a few long random rows are nearly orthogonal.
struct TopAny {
  static constexpr char const* name = "top_any";
  static constexpr RouterTraits traits{};
  static constexpr int max_experts = 4096;  // diversity compares every expert with every other
  struct Config {
    double temperature = 1;   ///< below 1: steeper
    int initial_experts = 0;  ///< this many are present from the start; 0: all
    double diversity_weight = 0.01, simplicity_weight = 0.01;
    double load_balancing_weight = 0, efficiency_weight = 0;
    int adapt_every = 100;  ///< optimizer steps; 0: experts stay
    double adapt_from = 0,
           adapt_until = 1;  ///< the parts of the training between which they do not
    MOENDA_FIELDS(Config, temperature, initial_experts, diversity_weight, simplicity_weight,
                  load_balancing_weight, efficiency_weight, adapt_every, adapt_from, adapt_until);
  };
  template <class B>
  struct Params {
    Weight<B> weight;     // [num_experts, d_model]
    Weight<B> threshold;  // [1, num_experts]
    // State; counts and sums are of the steps since the last change of experts.
    Weight<B> presence;         // [1, num_experts] 1 added, -1 removed, 0 as at first
    Weight<B> activations;      // [1, num_experts] items that activated the expert
    Weight<B> unrouted;         // [1, 1] items that activated nobody
    Weight<B> unrouted_sum;     // [1, d_model] their sum
    Weight<B> recorded_steps;   // [1, 1]
    Weight<B> experts_added;    // [1, 1] since the start
    Weight<B> experts_removed;  // [1, 1] since the start
    MOENDA_FIELDS(Params, weight, threshold, presence, activations, unrouted, unrouted_sum,
                  recorded_steps, experts_added, experts_removed);
  };
  template <class B>
  struct Cache {
    Tensor<B> x;                     // [items, d_model]
    ops::UnitRows<B> unit_x;         // [items, d_model]
    ops::UnitRows<B> unit_weight;    // [num_experts, d_model]
    ops::TopAny<B> gates;            // [items, num_experts]
    ops::SelectCache<B> normalised;  // of scores
    Tensor<B> dselected;             // [items, num_experts] of the losses, as all that follow
    Tensor<B> dsimilarity;           // [num_experts, num_experts]
    Tensor<B> dweight;               // [num_experts, d_model]
  };

  static void check(Config const& c, Setting const& setting, Problems& problems) {
    if (setting.num_experts > max_experts) {
      problems.add("TopAny: there must be at most " + std::to_string(max_experts) +
                   " experts, got " + std::to_string(setting.num_experts));
    }
    problems.expect(c.temperature >= 0.01 && std::isfinite(c.temperature), "temperature",
                    "at least 0.01 and finite", c.temperature);
    problems.expect(
        c.initial_experts >= 0 && c.initial_experts <= setting.num_experts, "initial_experts",
        "0 (all) or in 1.." + std::to_string(setting.num_experts) + ", the number of experts",
        c.initial_experts);
    auto const weight = [&](double value, char const* key) {
      problems.expect(value >= 0 && std::isfinite(value), key, "at least 0 and finite", value);
    };
    weight(c.diversity_weight, "diversity_weight");
    weight(c.simplicity_weight, "simplicity_weight");
    weight(c.load_balancing_weight, "load_balancing_weight");
    weight(c.efficiency_weight, "efficiency_weight");
    problems.expect(c.adapt_every >= 0 && c.adapt_every <= 1'000'000, "adapt_every",
                    "0 (never) or in 1..1000000", c.adapt_every);
    problems.expect(c.adapt_from >= 0 && c.adapt_from <= 1, "adapt_from",
                    "in 0..1, a part of the training", c.adapt_from);
    problems.expect(c.adapt_until >= c.adapt_from && c.adapt_until <= 1, "adapt_until",
                    "in adapt_from..1, a part of the training", c.adapt_until);
  }
  static constexpr WeightingRule weighting_rule(Config const&) {
    return {.by = WeighedBy::equal_shares};
  }
  /// What to expect at first: a cosine is above 0, the first threshold, for half of the experts.
  static constexpr int experts_per_item(Config const& c, int num_experts) {
    return std::min(num_experts, (initially(c, num_experts) + 1) / 2);
  }
  template <class B>
  static constexpr Params<B> params(Config const&, int d_model, int num_experts) {
    return {weights::router(num_experts, d_model),
            weights::bias(num_experts),
            weights::state(1, num_experts),
            weights::state(1, num_experts),
            weights::state(1, 1),
            weights::state(1, d_model),
            weights::state(1, 1),
            weights::state(1, 1),
            weights::state(1, 1)};
  }
  template <class B>
  static Gates<B> forward(Context<B>& ctx, Config const& c, Params<B> const& p, Cache<B>& cache,
                          Tensor<B> x, int num_experts) {
    auto const w = view(p.weight);  // [num_experts, d_model]
    auto const active = ops::active_experts(ctx, p.presence, initially(c, num_experts));
    cache = {};
    cache.x = x;
    cache.unit_x = ops::unit_rows(ctx, x);                              // [items, d_model]
    cache.unit_weight = ops::unit_rows(ctx, w);                         // [num_experts, d_model]
    auto cosines = ops::cosines(ctx, cache.unit_x, cache.unit_weight);  // [items, num_experts]
    cache.gates = ops::top_any(ctx, cosines, p.threshold, active, 1 / c.temperature, !ctx.training);
    auto const& [selected, weights, scores] = cache.gates;  // [items, num_experts]
    auto probs = ops::select(ctx, scores, scores, true, cache.normalised);
    if (ctx.training && x.rows > 0) add_losses(ctx, c, cache, w, active);
    return {selected, weights, probs, {}};
  }
  template <class B>
  static Tensor<B> backward(Context<B>& ctx, Config const& c, Params<B> const& p,
                            Params<B> const& grads, Cache<B>& cache, GatesGrad<B> const& d) {
    auto const& [selected, weights, scores] = cache.gates;  // [items, num_experts]
    ops::add_row_backward(ctx, ops::without_padding(ctx, selected), grads.activations);
    ops::sum_of_unrouted(ctx, cache.x, selected, grads.unrouted_sum, grads.unrouted);

    auto dselected = ops::multiply(ctx, d.weights, weights);  // 1 / k where selected, else 0
    add_if_there(ctx, dselected, cache.dselected);
    add_threshold_gradient(ctx, c, p, grads, dselected);
    auto dscores = ops::select_backward(ctx, d.probs, cache.normalised);  // [items, num_experts]
    ops::accumulate(ctx, dscores, dselected);
    auto dcosines = ops::scale(ctx, ops::sigmoid_backward(ctx, dscores, scores), 1 / c.temperature);

    auto dunit_weight = ops::zeros(ctx, p.weight.rows, p.weight.cols);  // [num_experts, d_model]
    auto dunit_x = ops::cosines_backward(ctx, dcosines, cache.unit_x, cache.unit_weight,
                                         dunit_weight);  // [items, d_model]
    if (cache.dsimilarity.data != nullptr) {
      ops::accumulate(ctx, dunit_weight,
                      ops::cosines_backward(ctx, cache.dsimilarity, cache.unit_weight,
                                            cache.unit_weight, dunit_weight));
    }
    auto dweight = view(grads.weight);  // [num_experts, d_model]
    ops::accumulate(ctx, dweight, ops::unit_rows_backward(ctx, dunit_weight, cache.unit_weight));
    add_if_there(ctx, dweight, cache.dweight);
    return ops::unit_rows_backward(ctx, dunit_x, cache.unit_x);  // [items, d_model]
  }

  /// Records what the step collected; after `adapt_every` recorded steps experts come and go. The
  /// host need not know when.
  template <class B>
  static void after_step(StepEnd<B> const& end, Config const& c, Params<B> const& p,
                         Params<B> const& grads) {
    bool const adapts = end.progress() > c.adapt_from && end.progress() <= c.adapt_until;
    if (c.adapt_every == 0 || !adapts) return;
    record(end.backend, p.activations, grads.activations);
    record(end.backend, p.unrouted, grads.unrouted);
    record(end.backend, p.unrouted_sum, grads.unrouted_sum);
    int const experts = p.weight.rows;
    auto* const added = grads.experts_added.data;  // which, for whoever must forget
    adapt_experts(end.backend, added, p.recorded_steps.data, p.experts_removed.data,
                  p.experts_added.data, p.presence.data, p.weight.data, p.threshold.data,
                  p.activations.data, p.unrouted.data, p.unrouted_sum.data, c.adapt_every,
                  initially(c, experts), experts, p.weight.cols);
    end.forget(p.weight, added);
    end.forget(Weight<B>{experts, 1, WeightKind::bias, p.threshold.data}, added);
  }

 private:
  static constexpr int initially(Config const& c, int num_experts) {
    return c.initial_experts == 0 ? num_experts : std::min(c.initial_experts, num_experts);
  }
  template <class B>
  static Tensor<B> view(Weight<B> const& w) {
    return {w.plain("TopAny: a router's weight"), w.rows, w.cols};
  }
  template <class B>
  static void add_if_there(Context<B>& ctx, Tensor<B> to, Tensor<B> from) {
    if (from.data != nullptr) ops::accumulate(ctx, to, from);
  }
  template <class B>
  static void record(B& backend, Weight<B> const& to, Weight<B> const& seen) {
    add_forward(backend, to.data, to.data, seen.data, to.size());
  }
  template <class B>
  static void add_losses(Context<B>& ctx, Config const& c, Cache<B>& cache, Tensor<B> w,
                         Tensor<B> active) {
    auto const& unit = cache.unit_weight;  // [num_experts, d_model]
    if (c.load_balancing_weight > 0 || c.efficiency_weight > 0) {
      cache.dselected = ops::top_any_losses(ctx, cache.gates, active, c.load_balancing_weight,
                                            c.efficiency_weight);
    }
    if (c.diversity_weight > 0) {
      auto similarity = ops::cosines(ctx, unit, unit);  // [num_experts, num_experts]
      cache.dsimilarity = ops::gate_diversity(ctx, similarity, active, c.diversity_weight);
    }
    if (c.simplicity_weight > 0) {
      cache.dweight = ops::gate_simplicity(ctx, w, unit.y, active, c.simplicity_weight);
    }
  }
  /// d theta_e = -sum_t d g_te.
  template <class B>
  static void add_threshold_gradient(Context<B>& ctx, Config const& c, Params<B> const& p,
                                     Params<B> const& grads, Tensor<B> dselected) {
    int const experts = dselected.cols;
    auto sums = ops::zeros(ctx, 1, experts);  // [1, num_experts]
    ops::add_row_backward(ctx, dselected, Weight<B>{1, experts, WeightKind::bias, sums.data});
    auto theta = ops::sigmoid(ctx, ops::scale(ctx, view(p.threshold), 1 / c.temperature));
    auto d = ops::sigmoid_backward(ctx, sums, theta);  // [1, num_experts]
    ops::accumulate(ctx, view(grads.threshold), ops::scale(ctx, d, -1 / c.temperature));
  }
};

}  // namespace moenda::router
