// SPDX-License-Identifier: Apache-2.0
#pragma once
#include "moenda/core/fields.hpp"
#include "moenda/loss/needs.hpp"
#include "moenda/ops/loss/routing_losses.hpp"

namespace moenda::loss {

/// weight * CV(L)^2, L_e = sum_t P(t, e) the smooth number of items of expert e: Shazeer et al.
/// 2017, appendix A, eq. 8-11. P is the chance that e is among the chosen were its own noise drawn
/// again:
///   P(t, e) = Phi((clean_te - mark_te) / sigma_te),   mark = k-th largest noisy logit of the
///   others
/// It needs a router that draws noise. 0 at balance; 0 too when every item goes to every expert.
struct SmoothLoad {
  static constexpr char const* name = "smooth_load";
  static constexpr bool balances = true;
  static constexpr bool needs_noise = true;
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
    require_table(gates.sigma, "clean and noisy logits and the sigma of the noise", "SmoothLoad");
    ops::smooth_load(ctx, dgates.clean, dgates.sigma, gates.clean, gates.noisy, gates.sigma,
                     gates.selected, c.weight);
  }
};

}  // namespace moenda::loss
