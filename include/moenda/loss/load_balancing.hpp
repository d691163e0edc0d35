// SPDX-License-Identifier: Apache-2.0
#pragma once
#include "moenda/core/fields.hpp"
#include "moenda/router/gates.hpp"

namespace moenda::loss {

/// weight * num_experts * sum_e f_e P_e, with f_e the share of assignments that went to expert e
/// (before capacity, no gradient) and P_e its mean router probability: Fedus et al. 2021, eq. 4-6.
/// Equal to `weight` at balance, for any top_k.
struct LoadBalancing {
  static constexpr char const* name = "load_balancing";
  static constexpr bool balances = true;
  struct Config {
    double weight = 0;
    MOENDA_FIELDS(Config, weight);
  };
  template <class B>
  static void add(Context<B>& ctx, Config const& c, Gates<B> const& gates,
                  GatesGrad<B> const& dgates) {
    if (gates.probs.data == nullptr || c.weight == 0) return;
    load_balancing_forward(ctx.backend, &ctx.auxiliary_loss, dgates.probs.data, gates.probs.data,
                           gates.selected.data, c.weight, ctx.loss_scale, gates.probs.rows,
                           gates.probs.cols);
  }
};

}  // namespace moenda::loss
