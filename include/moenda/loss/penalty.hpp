// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <cmath>

#include "moenda/core/fields.hpp"
#include "moenda/loss/needs.hpp"
#include "moenda/ops/elementwise/pointwise.hpp"
#include "moenda/ops/loss/routing_losses.hpp"
#include "moenda/ops/memory.hpp"
#include "moenda/ops/norm/softmax.hpp"

namespace moenda::loss {

/// The penalty of enhanced-nanoGPT (Gil Torres 2025), N experts:
///   p = softmax(logits / temperature),  q = mean_t p_t
///   weight * (A + B),  A = mean_te p (1 - p),  B = 1 / N - mean_e q_e (1 - q_e)
/// A asks for sure choices, B for equal use, and together they are 1 / N - mean_e variance_t(p_te).
/// So one expert for everything costs 1 / N, as much as no preference at all: it cannot undo a
/// collapse, and where all items are alike it has no gradient. 1 / N^2 at best.
struct Penalty {
  static constexpr char const* name = "penalty";
  static constexpr bool balances = false;
  struct Config {
    double weight = 0, temperature = 1.66;
    MOENDA_FIELDS(Config, weight, temperature);
  };

  static constexpr bool is_on(Config const& c) { return c.weight > 0; }
  static void check(Config const& c, Setting const&, Problems& problems) {
    check_weight(c.weight, problems);
    problems.expect(std::isfinite(c.temperature) && c.temperature > 0, "temperature",
                    "above 0 and finite", c.temperature);
  }
  template <class B>
  static void add(Context<B>& ctx, Config const& c, Gates<B> const& gates,
                  GatesGrad<B> const& dgates) {
    if (!is_on(c)) return;
    require_table(gates.logits, "logits", "Penalty");
    double const factor = 1 / c.temperature;
    auto const probs = ops::softmax(ctx, ops::scale(ctx, gates.logits, factor));  // as logits
    auto const dprobs = ops::zeros(ctx, probs.rows, probs.cols);                  // as logits
    ops::spread_penalty(ctx, dprobs, probs, c.weight);
    if (dgates.logits.data == nullptr) return;
    auto const dscaled = ops::softmax_backward(ctx, dprobs, probs);  // as logits
    ops::accumulate(ctx, dgates.logits, ops::scale(ctx, dscaled, factor));
  }
};

}  // namespace moenda::loss
