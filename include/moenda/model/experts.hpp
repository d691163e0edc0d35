// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <array>
#include <utility>
#include <vector>

#include "moenda/core/concepts.hpp"
#include "moenda/core/fields.hpp"
#include "moenda/core/walk.hpp"
#include "moenda/ops/memory.hpp"
#include "moenda/router/dispatch_plan.hpp"

namespace moenda {

/// One Config per module, side by side, found by type: get<expert::Ffn>(config). In TOML each has a
/// table under its module's name.
template <class... Ms>
struct SideBySide {
  hana::tuple<typename Ms::Config...> groups{};
  static constexpr std::array<char const*, sizeof...(Ms)> names{Ms::name...};

  template <std::size_t I>
  constexpr auto& at() {
    return groups[hana::size_c<I>];
  }
};
template <class M, class... Ms>
[[nodiscard]] constexpr auto& get(SideBySide<Ms...>& config) {
  constexpr std::array<bool, sizeof...(Ms)> same{std::is_same_v<M, Ms>...};
  static_assert((std::is_same_v<M, Ms> || ...), "get: the module must be one of those listed");
  constexpr std::size_t index = [&] {
    std::size_t i = 0;
    while (!same[i]) ++i;
    return i;
  }();
  return config.template at<index>();
}

/// `count` experts of one kind: the unit of the grouped matmul, and what Experts<...> puts in a
/// row.
template <ExpertLike Expert>
struct Group {
  static constexpr char const* name = Expert::name;
  struct Config {
    int count = 0;
    typename Expert::Config each{};
    MOENDA_FIELDS(Config, count, each);
  };
  template <class B>
  using Params = std::vector<typename Expert::template Params<B>>;
  template <class B>
  struct Cache {
    std::span<typename Expert::template Cache<B>> experts;
  };

  static constexpr int num_experts(Config const& c) { return c.count; }
  static constexpr bool accepts(Config const& c, Granularity routed) {
    auto const needed = granularity_of<Expert>(c.each);
    return needed == Granularity::token || needed == routed;
  }
  /// False when the type alone shows that the expert cannot work on `routed` units.
  static constexpr bool may_accept(Granularity routed) {
    if constexpr (requires { Expert::granularity; }) {
      return Expert::granularity == Granularity::token || Expert::granularity == routed;
    } else {
      return true;
    }
  }
  static void check(Config const& c, Setting const& setting, Problems& problems) {
    problems.expect(c.count >= 0, "count", "at least 0", c.count);
    problems.in("each", [&] { moenda::check<Expert>(c.each, setting, problems); });
  }
  template <class B>
  static constexpr std::vector<typename Expert::template Params<B>> params(Config const& c,
                                                                           int d_model) {
    return std::vector<typename Expert::template Params<B>>(
        c.count < 0 ? 0 : std::size_t(c.count), Expert::template params<B>(c.each, d_model));
  }
  /// Experts first .. first + count of the plan read their slices of x and write those of y.
  template <class B>
  static void forward(Context<B>& ctx, Config const& c,
                      std::vector<typename Expert::template Params<B>> const& p, Cache<B>& cache,
                      DispatchPlan<B> const& plan, int first, Tensor<B> x, Tensor<B> y) {
    cache.experts = ctx.template make<typename Expert::template Cache<B>>(c.count);
    for_each_expert(ctx, c, plan, first, [&](std::size_t e, auto slice) {
      ops::assign(ctx, slice(y), Expert::forward(ctx, c.each, p[e], cache.experts[e], slice(x)));
    });
  }
  template <class B>
  static void backward(Context<B>& ctx, Config const& c,
                       std::vector<typename Expert::template Params<B>> const& p,
                       std::vector<typename Expert::template Params<B>> const& grads,
                       Cache<B>& cache, DispatchPlan<B> const& plan, int first, Tensor<B> dy,
                       Tensor<B> dx) {
    for_each_expert(ctx, c, plan, first, [&](std::size_t e, auto slice) {
      auto const mark = ctx.arena.mark();
      ops::assign(ctx, slice(dx),
                  Expert::backward(ctx, c.each, p[e], grads[e], cache.experts[e], slice(dy)));
      ctx.arena.rewind(mark);
    });
  }

 private:
  /// Calls f(e, slice) for every expert that got something; within, ctx.batch is the expert's part.
  template <class B, class F>
  static void for_each_expert(Context<B>& ctx, Config const& c, DispatchPlan<B> const& plan,
                              int first, F f) {
    auto const outer = ctx.batch;
    for (int e = 0; e < c.count; ++e) {
      int const begin = plan.bins[std::size_t(first + e)];
      int const items = plan.tokens_per_expert(first + e);
      if (items == 0) continue;
      ctx.batch = {nullptr, items, plan.item_rows, 0};
      f(std::size_t(e),
        [&](Tensor<B> t) { return t.slice(begin * plan.item_rows, items * plan.item_rows); });
    }
    ctx.batch = outer;
  }
};

/// Groups of different experts, side by side in one plan: Experts<expert::Ffn, expert::SwiGlu>.
template <ExpertLike... Es>
struct Experts {
  using Config = SideBySide<Group<Es>...>;
  template <class B>
  struct Params {
    hana::tuple<typename Group<Es>::template Params<B>...> groups;
    static constexpr std::array<char const*, sizeof...(Es)> names{Es::name...};
  };
  template <class B>
  struct Cache {
    hana::tuple<typename Group<Es>::template Cache<B>...> groups;
  };

  static constexpr int num_experts(Config const& c) {
    return hana::unpack(c.groups, [](auto const&... group) { return (group.count + ... + 0); });
  }
  static constexpr bool accepts(Config const& c, Granularity routed) {
    bool ok = true;
    each([&](auto i, auto group) {
      ok = ok && (c.groups[i].count == 0 || decltype(group)::type::accepts(c.groups[i], routed));
    });
    return ok;
  }
  static constexpr bool may_accept(Granularity routed) {
    return (Group<Es>::may_accept(routed) && ...);
  }
  static void check(Config const& c, Setting const& setting, Problems& problems) {
    each([&](auto i, auto group) {
      if (c.groups[i].count == 0) return;
      using G = typename decltype(group)::type;
      problems.in(G::name, [&] { G::check(c.groups[i], setting, problems); });
    });
  }
  template <class B>
  static constexpr Params<B> params(Config const& c, int d_model) {
    return {hana::unpack(c.groups, [&](auto const&... group) {
      return hana::make_tuple(Group<Es>::template params<B>(group, d_model)...);
    })};
  }
  template <class B>
  static void forward(Context<B>& ctx, Config const& c, Params<B> const& p, Cache<B>& cache,
                      DispatchPlan<B> const& plan, int first, Tensor<B> x, Tensor<B> y) {
    each([&](auto i, auto group) {
      decltype(group)::type::forward(ctx, c.groups[i], p.groups[i], cache.groups[i], plan, first, x,
                                     y);
      first += c.groups[i].count;
    });
  }
  template <class B>
  static void backward(Context<B>& ctx, Config const& c, Params<B> const& p, Params<B> const& grads,
                       Cache<B>& cache, DispatchPlan<B> const& plan, int first, Tensor<B> dy,
                       Tensor<B> dx) {
    each([&](auto i, auto group) {
      decltype(group)::type::backward(ctx, c.groups[i], p.groups[i], grads.groups[i],
                                      cache.groups[i], plan, first, dy, dx);
      first += c.groups[i].count;
    });
  }

 private:
  template <class F>
  static constexpr void each(F f) {
    [&]<std::size_t... I>(std::index_sequence<I...>) {
      (f(hana::size_c<I>, hana::type_c<Group<Es>>), ...);
    }
    (std::index_sequence_for<Es...>{});
  }
};

/// A single expert type is a Group of it.
template <class E>
struct AsGroups {
  using Module = Group<E>;
};
template <class... Es>
struct AsGroups<Experts<Es...>> {
  using Module = Experts<Es...>;
};

}  // namespace moenda
