// SPDX-License-Identifier: Apache-2.0
#pragma once
#include "moenda/core/fields.hpp"
#include "moenda/loss/needs.hpp"
#include "moenda/ops/loss/routing_losses.hpp"

namespace moenda::loss {

/// weight * CV(I)^2 = weight * variance(I) / mean(I)^2, I_e = sum over the items that went to
/// expert e of its combine weight: Shazeer et al. 2017, eq. 6-7. 0 at balance, weight *
/// (num_experts - 1) when one expert gets everything. Combine weights that do not depend on the
/// logits (one expert per item under select_then_score) have nothing to learn from it.
struct Importance {
  static constexpr char const* name = "importance";
  static constexpr bool balances = true;
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
    ops::importance(ctx, dgates.weights, gates.weights, gates.selected, c.weight);
  }
};

}  // namespace moenda::loss
