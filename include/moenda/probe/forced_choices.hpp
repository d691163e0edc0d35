// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <map>

#include "moenda/core/routing_hook.hpp"

namespace moenda::probe {

/// Replaces the choices of some mixtures at evaluation: to replay a trace, or to ask what another
/// choice would have done. The forced experts weigh what the router would have given them, so that
/// to force its own choice changes nothing.
template <class B>
class ForcedChoices : public RoutingHook<B> {
 public:
  /// What a mixture selects from now on: [items, num_experts] of 1 and 0, on the host, where it is
  /// read in every pass.
  void force(int mixture, Tensor<B> selected) { selected_[mixture] = selected; }

  /// Throws ConfigError in training, and for tables of another shape than the router's.
  void decide(Context<B>& ctx, RoutingSite at, Gates<B>& gates,
              Reweigh<B> const& reweigh) override {
    auto const found = selected_.find(at.mixture);
    if (found == selected_.end()) return;
    auto forced = found->second;  // [items, num_experts]
    if (ctx.training) throw ConfigError("ForcedChoices: choices can only be forced at evaluation");
    require(forced.rows == gates.selected.rows && forced.cols == gates.selected.cols,
            "ForcedChoices: the forced choices must have the shape of the router's (rows)",
            forced.rows, gates.selected.rows);
    if constexpr (!B::Space::is_host) {
      auto const copy = ctx.tensor(forced.rows, forced.cols);  // [items, num_experts]
      ctx.backend.space().copy_from_host(copy.data, forced.data,
                                         std::size_t(copy.size()) * sizeof(typename B::Scalar));
      forced = copy;
    }
    gates.weights = reweigh(ctx, gates, forced);  // [items, num_experts]
    gates.selected = forced;
  }

 private:
  std::map<int, Tensor<B>> selected_;  // by mixture
};

}  // namespace moenda::probe
