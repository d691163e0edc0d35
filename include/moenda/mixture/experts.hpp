// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <algorithm>
#include <array>
#include <cstdint>
#include <limits>
#include <utility>

#include "moenda/mixture/group.hpp"
#include "moenda/ops/elementwise/concatenate.hpp"

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

  static constexpr int num_experts(Config const& c, LayerIndex layer = {}) {
    std::int64_t sum = 0;
    each(
        [&](auto i, auto group) { sum += decltype(group)::type::num_experts(c.groups[i], layer); });
    return int(std::min<std::int64_t>(sum, std::numeric_limits<int>::max()));
  }
  /// The same, of params that exist.
  static constexpr int size(auto const& params) {
    return hana::unpack(params.groups,
                        [](auto const&... group) { return (int(group.size()) + ... + 0); });
  }
  /// For how many layers there are counts; 0: one for all.
  static constexpr int num_counts(Config const& c) {
    int longest = 0;
    each([&](auto i, auto group) {
      longest = std::max(longest, decltype(group)::type::num_counts(c.groups[i]));
    });
    return longest;
  }
  static constexpr bool accepts(Config const& c, Granularity routed) {
    bool ok = true;
    each([&](auto i, auto group) {
      using G = typename decltype(group)::type;
      ok = ok && (G::is_empty(c.groups[i]) || G::accepts(c.groups[i], routed));
    });
    return ok;
  }
  static constexpr bool may_accept(Granularity routed) {
    return (Group<Es>::may_accept(routed) && ...);
  }
  /// Without groups that no layer has an expert of: their configs need not make sense.
  static constexpr void parts(auto&& f, Setting const&, Config const& c, auto&... of) {
    each([&](auto i, auto group) {
      using G = typename decltype(group)::type;
      if (!G::is_empty(c.groups[i])) f(part<G>(G::name), c.groups[i], of.groups[i]...);
    });
  }
  template <class B>
  static constexpr Params<B> params(Config const& c, int d_model, LayerIndex layer = {}) {
    return {hana::unpack(c.groups, [&](auto const&... group) {
      return hana::make_tuple(Group<Es>::template params<B>(group, d_model, layer)...);
    })};
  }
  /// x [rows of all slots, d_model] -> y, as x but in one piece. What the groups answer lies side
  /// by side; it is copied together where more than one has something to say.
  template <class B>
  static Tensor<B> forward(Context<B>& ctx, Config const& c, Params<B> const& p, Cache<B>& cache,
                           DispatchPlan<B> const& plan, int first, Rows<B> x) {
    std::array<Tensor<B>, sizeof...(Es)> parts;
    each([&](auto i, auto group) {
      parts[i] = decltype(group)::type::forward(ctx, c.groups[i], p.groups[i], cache.groups[i],
                                                plan, first, x);
      first += int(p.groups[i].size());
    });
    return ops::concatenate(ctx, std::span<Tensor<B> const>(parts));
  }
  template <class B>
  static Tensor<B> backward(Context<B>& ctx, Config const& c, Params<B> const& p,
                            Params<B> const& grads, Cache<B>& cache, DispatchPlan<B> const& plan,
                            int first, Tensor<B> dy) {
    std::array<Tensor<B>, sizeof...(Es)> parts;
    each([&](auto i, auto group) {
      parts[i] = decltype(group)::type::backward(ctx, c.groups[i], p.groups[i], grads.groups[i],
                                                 cache.groups[i], plan, first, dy);
      first += int(p.groups[i].size());
    });
    return ops::concatenate(ctx, std::span<Tensor<B> const>(parts));
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

/// A single expert type is a Group of it. Mixtures of either have names of their own, so that a
/// file can pick.
template <class E>
struct AsGroups {
  using Module = Group<E>;
  static constexpr char const* mixture_name = "mixture";
};
template <class... Es>
struct AsGroups<Experts<Es...>> {
  using Module = Experts<Es...>;
  static constexpr char const* mixture_name = "mixture_of_groups";
};

}  // namespace moenda
