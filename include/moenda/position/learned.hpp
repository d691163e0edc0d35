// SPDX-License-Identifier: Apache-2.0
#pragma once
#include "moenda/core/fields.hpp"
#include "moenda/core/weights.hpp"
#include "moenda/ops/attention/position_table.hpp"

namespace moenda::position {

/// y[t] = x[t] + table[position of t].   Radford et al. 2019 (GPT-2), after Gehring et al. 2017.
struct Learned {
  static constexpr char const* name = "learned";
  struct Config {
    MOENDA_FIELDS(Config);
  };
  template <class B>
  struct Params {
    Weight<B> table;  // [context_length, d_model]
    MOENDA_FIELDS(Params, table);
  };
  template <class B>
  struct Cache {};

  template <class B>
  static constexpr Params<B> params(Config const&, int context_length, int d_model) {
    return {weights::table(context_length, d_model)};
  }
  template <class B>
  static Tensor<B> forward(Context<B>& ctx, Config const&, Params<B> const& p, Cache<B>&,
                           Tensor<B> x) {
    return ops::add_positions(ctx, x, p.table);  // [tokens, d_model]
  }
  template <class B>
  static Tensor<B> backward(Context<B>& ctx, Config const&, Params<B> const&,
                            Params<B> const& grads, Cache<B>&, Tensor<B> dy) {
    ops::add_positions_backward(ctx, dy, grads.table);
    return dy;
  }
  template <class B>
  static void rotate(Context<B>&, Config const&, Tensor<B>, int, int) {}
};

}  // namespace moenda::position
