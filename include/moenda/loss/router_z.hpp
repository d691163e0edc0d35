// SPDX-License-Identifier: Apache-2.0
#pragma once
#include "moenda/core/fields.hpp"
#include "moenda/router/gates.hpp"

namespace moenda::loss {

/// weight * mean_t (log sum_e exp logits_te)^2: keeps router logits small. Zoph et al. 2022, eq. 5.
struct RouterZ {
  static constexpr char const* name = "router_z";
  static constexpr bool balances = false;
  struct Config {
    double weight = 0;
    MOENDA_FIELDS(Config, weight);
  };
  template <class B>
  static void add(Context<B>& ctx, Config const& c, Gates<B> const& gates,
                  GatesGrad<B> const& dgates) {
    if (gates.logits.data == nullptr || c.weight == 0) return;
    router_z_forward(ctx.backend, &ctx.auxiliary_loss, dgates.logits.data, gates.logits.data,
                     c.weight, ctx.loss_scale, gates.logits.rows, gates.logits.cols);
  }
};

}  // namespace moenda::loss
