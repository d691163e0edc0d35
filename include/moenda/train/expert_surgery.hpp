// SPDX-License-Identifier: Apache-2.0
#pragma once
// Fewer experts for a trained network: those that stay, or averages of several.
#include <algorithm>
#include <cmath>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "moenda/core/error.hpp"
#include "moenda/core/walk.hpp"
#include "moenda/model/network.hpp"

namespace moenda {

// Mixtures are numbered as walk() meets them: layer by layer.

/// Expert e of mixture m of the new network is expert keep[m][e] of the old one.
using KeptExperts = std::vector<std::vector<int>>;
/// Expert e of mixture m of the new network is made of the experts groups[m][e] of the old one.
using ExpertGroups = std::vector<std::vector<std::vector<int>>>;
/// How many tokens each expert of each mixture of the old network got; empty: all alike.
using ExpertLoads = std::vector<std::vector<double>>;

namespace detail {

/// Copies the parameters of one model into those of another with other numbers of experts.
template <class B>
class ExpertSurgery {
 public:
  ExpertSurgery(ExpertGroups const& groups, ExpertLoads const& loads)
      : groups_(groups), loads_(loads) {}

  template <class P>
  void copy(P const& from, P const& to, Path const& path = {}) {
    if constexpr (is_weight<P>) {
      demand(from.rows == to.rows && from.cols == to.cols, path, "have the same shape");
      std::copy_n(from.data, from.size(), to.data);
    } else if constexpr (is_vector<P>) {
      demand(from.size() == to.size(), path, "have equally many entries");
      for (std::size_t i = 0; i < from.size(); ++i) {
        copy(from[i], to[i], Path{&path, nullptr, int(i)});
      }
    } else if constexpr (requires { from.choice; }) {
      demand(from.choice.index() == to.choice.index(), path, "be of the same kind");
      copy_choice(from.choice, to.choice, path);
    } else if constexpr (requires {
                           from.router;
                           from.experts;
                         }) {
      copy_mixture(from, to, path);
    } else if constexpr (requires { from.groups; }) {
      copy_groups(from, to, path);
    } else {
      hana::for_each(hana::accessors<P>(), hana::fuse([&](auto name, auto get) {
                       copy(get(from), get(to), Path{&path, name.c_str()});
                     }));
    }
  }
  /// Throws ConfigError when there are groups for more mixtures than the model has.
  void finish() const {
    demand(mixture_ == groups_.size(), {}, "have as many mixtures as there are lists of experts");
  }

 private:
  using Scalar = typename B::Scalar;
  struct Expert {
    std::size_t kind = 0;
    std::vector<Weight<B>> weights{};
  };
  /// Experts of the old model that become one, and the share of each.
  struct Sources {
    std::vector<int> experts;
    std::vector<double> shares;
  };

  static void demand(bool holds, Path const& path, std::string const& what) {
    if (holds) return;
    auto const where = path.str();
    throw ConfigError("expert surgery: both networks must " + what +
                      (where.empty() ? "" : ", at " + where));
  }
  template <class V>
  void copy_choice(V const& from, V const& to, Path const& path) {
    [&]<std::size_t... I>(std::index_sequence<I...>) {
      ((from.index() == I ? copy(std::get<I>(from), std::get<I>(to), path) : void()), ...);
    }
    (std::make_index_sequence<std::variant_size_v<V>>{});
  }
  template <class P>
  void copy_groups(P const& from, P const& to, Path const& path) {
    [&]<std::size_t... I>(std::index_sequence<I...>) {
      (copy(from.groups[hana::size_c<I>], to.groups[hana::size_c<I>], Path{&path, P::names[I]}),
       ...);
    }
    (std::make_index_sequence<P::names.size()>{});
  }
  template <class P>
  void copy_mixture(P const& from, P const& to, Path const& path) {
    auto const olds = experts_of(from.experts), news = experts_of(to.experts);
    auto const sources = sources_of(olds, news, path);
    for (std::size_t e = 0; e < news.size(); ++e) {
      auto const& first = olds[std::size_t(sources[e].experts[0])];
      demand(first.weights.size() == news[e].weights.size(), path, "have the same experts");
      for (std::size_t w = 0; w < news[e].weights.size(); ++w) {
        auto const& weight = news[e].weights[w];
        demand(first.weights[w].rows == weight.rows && first.weights[w].cols == weight.cols, path,
               "have experts of the same shape");
        average(weight.data, weight.size(), sources[e],
                [&](int old) { return olds[std::size_t(old)].weights[w].data; });
      }
    }
    copy_tables(from.router, to.router, sources, int(olds.size()), path);
    copy_tables(from.loss, to.loss, sources, int(olds.size()), path);
    ++mixture_;
  }
  /// The weights of every expert, in the order in which the router counts them.
  template <class P>
  static std::vector<Expert> experts_of(P const& experts) {
    std::vector<Expert> all;
    std::size_t kind = 0;
    auto const add = [&](auto const& group) {
      for (auto const& expert : group) {
        all.push_back({kind, {}});
        walk(expert, [&](Path const&, auto const& w) { all.back().weights.push_back(w); });
      }
      ++kind;
    };
    if constexpr (is_vector<P>) {
      add(experts);
    } else {
      hana::for_each(experts.groups, add);
    }
    return all;
  }
  std::vector<Sources> sources_of(std::vector<Expert> const& olds, std::vector<Expert> const& news,
                                  Path const& path) const {
    demand(mixture_ < groups_.size(), path, "have as many mixtures as there are lists of experts");
    auto const& groups = groups_[mixture_];
    demand(groups.size() == news.size(), path, "fit the list of experts, one entry per new expert");
    std::vector<double> loads(olds.size(), 1.0);
    if (!loads_.empty()) {
      demand(mixture_ < loads_.size() && loads_[mixture_].size() == olds.size(), path,
             "fit the loads, one per old expert");
      loads = loads_[mixture_];
    }
    std::vector<Sources> all;
    for (std::size_t e = 0; e < groups.size(); ++e) {
      double sum = 0;
      demand(!groups[e].empty(), path, "fit the list of experts, of which no entry is empty");
      for (int const old : groups[e]) {
        demand(old >= 0 && std::size_t(old) < olds.size(), path,
               "fit the list of experts, but the old one has no expert " + std::to_string(old));
        demand(olds[std::size_t(old)].kind == news[e].kind, path,
               "have experts of the same kind where one becomes the other");
        double const load = loads[std::size_t(old)];
        demand(load >= 0 && std::isfinite(load), path, "fit the loads, which are at least 0");
        sum += load;
      }
      all.push_back({groups[e], {}});
      for (int const old : groups[e]) {
        all.back().shares.push_back(sum > 0 ? loads[std::size_t(old)] / sum
                                            : 1.0 / double(groups[e].size()));
      }
    }
    return all;
  }
  /// What has a row or a number per expert follows the experts; parameters of another shape are
  /// copied; other state stays as the new network has it.
  template <class P>
  void copy_tables(P const& from, P const& to, std::vector<Sources> const& sources, int old_experts,
                   Path const& path) {
    std::vector<Weight<B>> olds, news;
    walk(from, [&](Path const&, auto const& w) { olds.push_back(w); });
    walk(to, [&](Path const&, auto const& w) { news.push_back(w); });
    demand(olds.size() == news.size(), path, "have the same router and losses");
    int const new_experts = int(sources.size());
    for (std::size_t i = 0; i < olds.size(); ++i) {
      auto const &a = olds[i], &b = news[i];
      bool const rows = a.kind == WeightKind::router && a.rows == old_experts &&
                        b.rows == new_experts && a.cols == b.cols;
      bool const numbers =
          a.rows == 1 && b.rows == 1 && a.cols == old_experts && b.cols == new_experts;
      if (!rows && !numbers) {
        if (a.kind != WeightKind::state) copy(a, b, path);
        continue;
      }
      std::ptrdiff_t const width = rows ? a.cols : 1;
      for (std::size_t e = 0; e < sources.size(); ++e) {
        average(b.data + std::ptrdiff_t(e) * width, width, sources[e],
                [&](int old) { return a.data + old * width; });
      }
    }
  }
  /// to = sum of share * from, in double; one source is copied bit by bit.
  template <class From>
  static void average(Scalar* to, std::ptrdiff_t n, Sources const& sources, From from) {
    if (sources.experts.size() == 1) return void(std::copy_n(from(sources.experts[0]), n, to));
    for (std::ptrdiff_t i = 0; i < n; ++i) {
      double sum = 0;
      for (std::size_t s = 0; s < sources.experts.size(); ++s) {
        sum += sources.shares[s] * double(from(sources.experts[s])[i]);
      }
      to[i] = Scalar(sum);
    }
  }

  ExpertGroups const& groups_;
  ExpertLoads const& loads_;
  std::size_t mixture_ = 0;
};

}  // namespace detail

/// `to` becomes `from` with fewer experts, each the average of some, weighted by load (a group that
/// got nothing: the plain mean): Li et al. 2024, "Merge, Then Compress" (M-SMoE), section 3. Hidden
/// units are averaged as they stand, without looking for a permutation that matches them.
///
/// Rows of the router are averaged alike. That is not exact where experts compete: n equal experts
/// together weigh n exp(logit) in a softmax, their one successor exp(logit), and a router without
/// biases cannot add log n. With top_k lowered so that a token meets the same function as before,
/// equal experts merge without a change; else train on.
///
/// Routers whose state says which expert is which (Hash, a TopAny that adapts) get no new state:
/// call fit() or start anew. It is done on the host, with copies if need be. Throws ConfigError
/// when the networks differ in more than experts or the lists do not fit; `to` is then of no use.
template <class M, class B>
void merge_experts(Network<M, B> const& from, Network<M, B>& to, ExpertGroups const& groups,
                   ExpertLoads const& loads = {}) {
  from.require_plain("merge_experts");
  to.require_plain("merge_experts");
  detail::ExpertSurgery<B> surgery(groups, loads);
  if constexpr (B::Space::is_host) {
    surgery.copy(from.params, to.params);
  } else {
    auto old = from.params, merged = to.params;
    auto old_values = from.values.on_host(), values = to.values.on_host();
    bind(old, old_values.data());
    bind(merged, values.data());
    surgery.copy(old, merged);
    to.values.assign(values);
  }
  surgery.finish();
}

/// `to` becomes `from` without the experts that are not listed; what is kept is kept bit by bit.
/// Outputs stay the same for tokens that visit kept experts only, where combine weights do not
/// depend on experts that were not selected (select_then_score, score_then_renormalise up to
/// rounding). Says and throws what merge_experts does.
template <class M, class B>
void prune_experts(Network<M, B> const& from, Network<M, B>& to, KeptExperts const& keep) {
  ExpertGroups groups(keep.size());
  for (std::size_t m = 0; m < keep.size(); ++m) {
    for (int const expert : keep[m]) groups[m].push_back({expert});
  }
  merge_experts(from, to, groups);
}

}  // namespace moenda
