// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <algorithm>
#include <span>
#include <variant>
#include <vector>

#include "moenda/core/dispatch_plan.hpp"
#include "moenda/core/fields.hpp"
#include "moenda/mixture/grouped_weights.hpp"
#include "moenda/module/concepts.hpp"
#include "moenda/module/one_of.hpp"
#include "moenda/ops/memory.hpp"
#include "moenda/ops/routing/gather.hpp"

namespace moenda {

/// `count` experts of one kind, and what Experts<...> puts in a row. Experts that are written for
/// grouped weights run all at once: one product per weight over the rows of all of them. Others
/// run one after the other.
template <ExpertLike Expert>
struct Group {
  static constexpr char const* name = Expert::name;
  struct Config {
    int count = 0;
    typename Expert::Config each{};
    /// Empty, or a count for every layer of the model in place of `count`.
    std::vector<int> count_per_layer{};
    MOENDA_FIELDS(Config, count, each, count_per_layer);
  };
  template <class B>
  using Params = std::vector<typename Expert::template Params<B>>;
  template <class B>
  struct Cache {
    std::span<typename Expert::template Cache<B>> experts;  // a single one when they run at once
  };

  static constexpr int num_experts(Config const& c, LayerIndex layer = {}) {
    if (c.count_per_layer.empty()) return c.count;
    auto const l = std::size_t(layer.value);
    return l < c.count_per_layer.size() ? c.count_per_layer[l] : 0;
  }
  /// The same, of params that exist.
  static constexpr int size(auto const& params) { return int(params.size()); }
  /// For how many layers there are counts; 0: one for all.
  static constexpr int num_counts(Config const& c) { return int(c.count_per_layer.size()); }
  /// Whether no layer has an expert of this kind.
  static constexpr bool is_empty(Config const& c) {
    if (c.count_per_layer.empty()) return c.count == 0;
    return std::all_of(c.count_per_layer.begin(), c.count_per_layer.end(),
                       [](int count) { return count == 0; });
  }
  static constexpr void parts(auto&& f, Setting const& at, Config const& c, auto&... of) {
    if constexpr (sizeof...(of) == 0) {  // they share a config
      auto each = part<Expert>("each");
      each.count = num_experts(c, {at.layer});
      f(each, c.each);
    } else {
      int const sizes[] = {size(of)...};
      for (int e = 0; e < sizes[0]; ++e) f(part<Expert>("each"), c.each, of[std::size_t(e)]...);
    }
  }
  static constexpr bool accepts(Config const& c, Granularity routed) {
    auto const needed = granularity_of<Expert>(c.each);
    return needed == Granularity::token || needed == routed;
  }
  /// False when the type alone shows that the expert cannot work on `routed` units.
  static constexpr bool may_accept(Granularity routed) {
    auto const needed = static_granularity<Expert>().value_or(Granularity::token);
    return needed == Granularity::token || needed == routed;
  }
  static void check(Config const& c, Setting const& setting, Problems& problems) {
    problems.expect(c.count >= 0, "count", "at least 0", c.count);
    problems.expect(
        c.count_per_layer.empty() || setting.num_layers == 0 || num_counts(c) == setting.num_layers,
        "count_per_layer", "empty or as long as the model has layers", num_counts(c));
    for (int const count : c.count_per_layer) {
      problems.expect(count >= 0, "count_per_layer", "counts of at least 0", count);
    }
  }
  template <class B>
  static constexpr Params<B> params(Config const& c, int d_model, LayerIndex layer = {}) {
    int const count = num_experts(c, layer);
    return Params<B>(count < 0 ? 0 : std::size_t(count),
                     Expert::template params<B>(c.each, d_model));
  }
  /// The group's experts are the plan's from number `first` on. x [rows of all slots, d_model] ->
  /// y [rows of the group's slots, d_model]. Rows of empty slots mean nothing.
  template <class B>
  static Tensor<B> forward(Context<B>& ctx, Config const& c, Params<B> const& p, Cache<B>& cache,
                           DispatchPlan<B> const& plan, int first, Rows<B> x) {
    Slots const slots(ctx, size(p), plan, first, runs_at_once(c));
    if (slots.rows() == 0) return ctx.tensor(0, x.cols);
    auto const outer = ctx.batch;
    auto const y = visit_kind(c, [&](auto kind, auto const& each) {
      return run(kind, ctx, each, c, p, cache, slots, x.slice(slots.first_row, slots.rows()));
    });
    ctx.batch = outer;
    return y;
  }
  /// dy [rows of all slots, d_model] -> dx [rows of the group's slots, d_model].
  template <class B>
  static Tensor<B> backward(Context<B>& ctx, Config const& c, Params<B> const& p,
                            Params<B> const& grads, Cache<B>& cache, DispatchPlan<B> const& plan,
                            int first, Tensor<B> dy) {
    Slots const slots(ctx, size(p), plan, first, runs_at_once(c));
    if (slots.rows() == 0) return ctx.tensor(0, dy.cols);
    auto const outer = ctx.batch;
    auto const dx = visit_kind(c, [&](auto kind, auto const& each) {
      return run_backward(kind, ctx, each, c, p, grads, cache, slots,
                          dy.slice(slots.first_row, slots.rows()));
    });
    ctx.batch = outer;
    return dx;
  }

 private:
  /// The group's part of a plan. All groups together have all the plan's slots: where more than are
  /// filled, the empty ones at the end are those of the last group, and belong to no expert of it.
  struct Slots {
    int first_row = 0, item_rows = 1, num_rows = 0;
    std::span<int const> begin;    // [count + 1] rows of each expert, counted from first_row, in
                                   // the backend's space
    std::span<int const> on_host;  // the same on the host; empty where only the backend knows
    std::span<int const> lengths;  // [slots] of sequences; empty where nothing is padding

    /// Where the host cannot look at the plan it asks for it (one synchronisation for each plan),
    /// unless the group is the whole plan and `at_once`: then nobody needs to know.
    template <class B>
    Slots(Context<B>& ctx, int count, DispatchPlan<B> const& plan, int first, bool at_once)
        : item_rows(plan.item_rows) {
      if (count == 0) return;
      bool const is_last = first + count == plan.num_experts;
      int first_slot = 0, end_slot = plan.num_slots;
      if (!B::Space::is_host && first == 0 && is_last && at_once && item_rows == 1) {
        begin = plan.bins;
      } else {
        auto const bins =
            plan.bins_on_host(ctx).subspan(std::size_t(first), std::size_t(count) + 1);
        auto const rows = ctx.template make<int>(count + 1);
        for (std::size_t e = 0; e < rows.size(); ++e) rows[e] = (bins[e] - bins[0]) * item_rows;
        first_slot = bins[0];
        if (!is_last) end_slot = bins.back();
        on_host = rows;
        begin = ctx.on_backend(on_host);
      }
      int const num_slots = end_slot - first_slot;
      first_row = first_slot * item_rows;
      num_rows = num_slots * item_rows;
      // Padding tokens are in no plan; whole sequences bring theirs along.
      auto const& batch = ctx.batch;
      if (batch.lengths == nullptr || plan.num_items != batch.batch_size) return;
      auto const* slots = plan.item_of_slot.data() + first_slot;
      auto const gathered = ctx.template numbers<int>(num_slots);
      gather_lengths(ctx.backend, gathered.data(), batch.lengths, slots, num_slots);
      lengths = gathered;
    }
    [[nodiscard]] int rows() const { return num_rows; }
    /// `count` rows from `first` on as a batch: an item is a sequence.
    [[nodiscard]] Batch batch_of(int first, int count) const {
      Batch batch{nullptr, count / item_rows, item_rows, 0};
      if (!lengths.empty()) batch.lengths = lengths.data() + first / item_rows;
      return batch;
    }
  };

  /// Expert where it is no OneOf; like Alternative.
  struct Itself {
    using Module = Expert;
  };
  /// Calls f(kind, its config) with the module that the experts are: a OneOf's choice, or Expert.
  template <class F>
  static auto visit_kind(Config const& c, F f) {
    if constexpr (is_one_of<Expert>) {
      return Expert::visit(c.each, f);
    } else {
      return f(Itself{}, c.each);
    }
  }
  /// Whether the experts run as one group.
  static bool runs_at_once(Config const& c) {
    return visit_kind(c, [](auto kind, auto const&) {
      return GroupedExpertLike<typename decltype(kind)::Module>;
    });
  }
  /// The cache of that module.
  template <class Kind, class C>
  static auto& cache_of(C& cache) {
    if constexpr (requires { Kind::index; }) {
      return std::get<Kind::index>(cache.choice);
    } else {
      return cache;
    }
  }

  // All at once.
  template <class Kind, class B>
  requires GroupedExpertLike<typename Kind::Module>
  static Tensor<B> run(Kind, Context<B>& ctx, auto const& each, Config const&, Params<B> const& p,
                       Cache<B>& cache, Slots const& slots, Rows<B> x) {
    using Module = typename Kind::Module;
    cache.experts = ctx.template make<typename Expert::template Cache<B>>(1);
    if constexpr (requires { Kind::index; }) {
      cache.experts[0].choice.template emplace<Kind::index>();
    }
    ctx.batch = slots.batch_of(0, x.rows);
    auto const weights = grouped_weights<Module>(ctx, each, x.cols, p, slots.begin, slots.rows());
    return Module::forward(ctx, each, weights, cache_of<Kind>(cache.experts[0]), x);
  }
  template <class Kind, class B>
  requires GroupedExpertLike<typename Kind::Module>
  static Tensor<B> run_backward(Kind, Context<B>& ctx, auto const& each, Config const&,
                                Params<B> const& p, Params<B> const& grads, Cache<B>& cache,
                                Slots const& slots, Tensor<B> dy) {
    using Module = typename Kind::Module;
    ctx.batch = slots.batch_of(0, dy.rows);
    auto const weights = grouped_weights<Module>(ctx, each, dy.cols, p, slots.begin, slots.rows());
    auto const gradients =
        grouped_weights<Module>(ctx, each, dy.cols, grads, slots.begin, slots.rows());
    return Module::backward(ctx, each, weights, gradients, cache_of<Kind>(cache.experts[0]), dy);
  }

  // One after the other.
  template <class Kind, class B>
  static Tensor<B> run(Kind, Context<B>& ctx, auto const&, Config const& c, Params<B> const& p,
                       Cache<B>& cache, Slots const& slots, Rows<B> picked) {
    cache.experts = ctx.template make<typename Expert::template Cache<B>>(size(p));
    auto const x = ops::gather(ctx, picked);    // [rows of the group, d_model]
    auto const y = ctx.tensor(x.rows, x.cols);  // as x
    for_each_expert(ctx, slots, [&](std::size_t e, auto slice) {
      ops::assign(ctx, slice(y), Expert::forward(ctx, c.each, p[e], cache.experts[e], slice(x)));
    });
    return y;
  }
  template <class Kind, class B>
  static Tensor<B> run_backward(Kind, Context<B>& ctx, auto const&, Config const& c,
                                Params<B> const& p, Params<B> const& grads, Cache<B>& cache,
                                Slots const& slots, Tensor<B> dy) {
    auto const dx = ctx.tensor(dy.rows, dy.cols);  // [rows of the group, d_model]
    auto const mark = ctx.arena.mark();
    for_each_expert(ctx, slots, [&](std::size_t e, auto slice) {
      ops::assign(ctx, slice(dx),
                  Expert::backward(ctx, c.each, p[e], grads[e], cache.experts[e], slice(dy)));
      ctx.arena.rewind(mark);
    });
    return dx;
  }
  /// Calls f(e, slice) for every expert that got something; within, ctx.batch is the expert's part.
  template <class B, class F>
  static void for_each_expert(Context<B>& ctx, Slots const& slots, F f) {
    for (std::size_t e = 0; e + 1 < slots.on_host.size(); ++e) {
      int const begin = slots.on_host[e], rows = slots.on_host[e + 1] - begin;
      if (rows == 0) continue;
      ctx.batch = slots.batch_of(begin, rows);
      f(e, [=](Tensor<B> t) { return t.slice(begin, rows); });
    }
  }
};

}  // namespace moenda
