// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <array>

#include "moenda/core/fields.hpp"
#include "moenda/core/weights.hpp"
#include "moenda/loss/needs.hpp"
#include "moenda/ops/elementwise/pointwise.hpp"
#include "moenda/ops/loss/routing_losses.hpp"

namespace moenda::loss {

/// Whose load is balanced: a pass's, each sequence's by itself, or that of all passes of the
/// optimizer step so far.
enum class Over { micro_batch, sequence, global_batch };
constexpr auto enum_names(Over) { return std::array{"micro_batch", "sequence", "global_batch"}; }

/// weight * num_experts * sum_e f_e P_e, with f_e the share of all assignments that went to expert
/// e (before capacity, no gradient) and P_e its mean router probability: Fedus et al. 2021, eq.
/// 4-6; Lepikhin et al. 2020, section 2.2 is the same but for a factor. Equal to `weight` at
/// balance, for any top_k, and to `weight` * num_experts when one expert gets everything.
///   sequence      f and P of each sequence, averaged: DeepSeek-V3 (2024), eq. 17-20
///   global_batch  f of all micro-batches so far, so that a micro-batch of one domain need not
///                 spread over all experts: Qiu et al. 2025, arXiv 2501.11873
struct LoadBalancing {
  static constexpr char const* name = "load_balancing";
  static constexpr bool balances = true;
  struct Config {
    double weight = 0;
    Over over = Over::micro_batch;
    MOENDA_FIELDS(Config, weight, over);
  };
  /// Its place among the gradients holds the assignments of the optimizer step so far.
  template <class B>
  struct Params {
    Weight<B> assignments;  // [1, num_experts], or nothing unless over = global_batch
    MOENDA_FIELDS(Params, assignments);
  };

  static constexpr bool is_on(Config const& c) { return c.weight > 0; }
  static void check(Config const& c, Setting const&, Problems& problems) {
    check_weight(c.weight, problems);
  }
  template <class B>
  static constexpr Params<B> params(Config const& c, int num_experts) {
    bool const keeps = is_on(c) && c.over == Over::global_batch;
    return {weights::state(keeps ? 1 : 0, num_experts)};
  }
  template <class B>
  static void add(Context<B>& ctx, Config const& c, Gates<B> const& gates,
                  GatesGrad<B> const& dgates, Params<B> const& state = {}) {
    if (!is_on(c)) return;
    require_table(gates.probs, "probs", "LoadBalancing");
    int const items = gates.probs.rows;
    bool const by_sequence = c.over == Over::sequence;
    if (by_sequence) {
      require(items == ctx.batch.rows(),
              "LoadBalancing: over = sequence needs a router that routes tokens (items vs tokens)",
              items, ctx.batch.rows());
    }
    ops::load_balancing(ctx, dgates.probs, gates.probs, gates.selected, seen(ctx, c, state),
                        by_sequence ? ctx.batch.batch_size : 1, c.weight);
  }
  /// In backward: the next passes of this optimizer step shall know of this one's assignments.
  template <class B>
  static void collect(Context<B>& ctx, Config const&, Params<B> const& grads,
                      Gates<B> const& gates) {
    if (grads.assignments.size() == 0) return;
    ops::add_row_backward(ctx, ops::without_padding(ctx, gates.selected), grads.assignments);
  }

 private:
  template <class B>
  static typename B::Scalar const* seen(Context<B>& ctx, Config const& c, Params<B> const& state) {
    if (c.over != Over::global_batch) return nullptr;
    if (state.assignments.size() == 0) {
      throw ConfigError(
          "LoadBalancing: over = global_batch needs a place to remember assignments in: the "
          "Params that params() describes");
    }
    return ctx.collected(state.assignments);
  }
};

}  // namespace moenda::loss
