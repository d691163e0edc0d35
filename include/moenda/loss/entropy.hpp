// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <cmath>

#include "moenda/core/fields.hpp"
#include "moenda/loss/needs.hpp"
#include "moenda/ops/loss/routing_losses.hpp"

namespace moenda::loss {

/// token_weight * mean_t H(p_t) - marginal_weight * H(mean_t p_t), H(p) = -sum_e p_e ln p_e.
/// token_weight above 0 asks for sure choices, below 0 for undecided ones; marginal_weight above 0
/// asks for equal use of the experts, below 0 for few of them. Hecto (Pandey et al. 2025) has both
/// above 0: sure choices alone collapse onto one expert.
struct Entropy {
  static constexpr char const* name = "entropy";
  static constexpr bool balances = false;  // it can ask for the opposite too
  struct Config {
    double token_weight = 0, marginal_weight = 0;
    MOENDA_FIELDS(Config, token_weight, marginal_weight);
  };

  static constexpr bool is_on(Config const& c) {
    return c.token_weight != 0 || c.marginal_weight != 0;
  }
  static void check(Config const& c, Setting const&, Problems& problems) {
    problems.expect(std::isfinite(c.token_weight), "token_weight", "finite", c.token_weight);
    problems.expect(std::isfinite(c.marginal_weight), "marginal_weight", "finite",
                    c.marginal_weight);
  }
  template <class B>
  static void add(Context<B>& ctx, Config const& c, Gates<B> const& gates,
                  GatesGrad<B> const& dgates) {
    if (!is_on(c)) return;
    require_table(gates.probs, "probs", "Entropy");
    ops::router_entropy(ctx, dgates.probs, gates.probs, c.token_weight, c.marginal_weight);
  }
};

}  // namespace moenda::loss
