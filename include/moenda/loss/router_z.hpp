// SPDX-License-Identifier: Apache-2.0
#pragma once
#include "moenda/core/fields.hpp"
#include "moenda/loss/needs.hpp"
#include "moenda/ops/loss/routing_losses.hpp"

namespace moenda::loss {

/// weight * mean_t (log sum_e exp logits_te)^2: keeps router logits small. Zoph et al. 2022, eq. 5.
/// weight * (ln num_experts)^2 when all logits are 0.
struct RouterZ {
  static constexpr char const* name = "router_z";
  static constexpr bool balances = false;
  struct Config {
    double weight = 0;
    MOENDA_FIELDS(Config, weight);
  };

  static constexpr bool is_on(Config const& c) { return c.weight > 0; }
  static void check(Config const& c, Setting const&, Problems& problems) {
    check_weight(c.weight, problems);
  }
  template <class B>
  static void add(Context<B>& ctx, Config const& c, Gates<B> const& gates,
                  GatesGrad<B> const& dgates) {
    if (!is_on(c)) return;
    require_table(gates.logits, "logits", "RouterZ");
    ops::router_z(ctx, dgates.logits, gates.logits, c.weight);
  }
};

}  // namespace moenda::loss
