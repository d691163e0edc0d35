// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <array>
#include <cmath>
#include <string>

#include "moenda/core/fields.hpp"
#include "moenda/core/weights.hpp"
#include "moenda/module/rules.hpp"
#include "moenda/ops/sequence/gru.hpp"
#include "moenda/ops/sequence/mean_pool.hpp"
#include "moenda/ops/sequence/padding.hpp"

namespace moenda::expert {

/// What a recurrent expert answers: its state after every row, or the one after the last row that
/// is no padding, at every row.
enum class GruOutput { states, last };
constexpr auto enum_names(GruOutput) { return std::array{"states", "last"}; }

/// A gated recurrent unit over whole sequences: Cho et al. 2014, arXiv 1406.1078, eq. 5-8, in
/// PyTorch's form, where the reset gate acts after the product. h_0 = 0; gate order r, z, n:
///   r_t = sigmoid(W_ir x_t + b_ir + W_hr h_{t-1} + b_hr)
///   z_t = sigmoid(W_iz x_t + b_iz + W_hz h_{t-1} + b_hz)
///   n_t = tanh(W_in x_t + b_in + r_t (W_hn h_{t-1} + b_hn))
///   h_t = (1 - z_t) n_t + z_t h_{t-1};   y_t = down h_t
/// Where hidden = d_model there is no down: the states are the answer. Padding is not read, and
/// `last` is the state at a sequence's last valid row (Hecto, Pandey et al. 2025, takes that one).
/// It cannot serve single tokens: a token router sends an expert tokens of many sequences in no
/// useful order, so Mixture refuses that (MOENDA_RULE_GRANULARITY).
struct Gru {
  static constexpr char const* name = "gru";
  static constexpr Granularity granularity = Granularity::sequence;
  static constexpr int max_hidden = 1 << 20;
  struct Config {
    int hidden = 0;
    GruOutput output = GruOutput::states;
    MOENDA_FIELDS(Config, hidden, output);
  };
  template <class B>
  struct Params {
    Weight<B> input, input_bias;          // [3 hidden, d_model], [1, 3 hidden]
    Weight<B> recurrent, recurrent_bias;  // [3 hidden, hidden], [1, 3 hidden]
    Weight<B> down;                       // [d_model, hidden], or [0, hidden] where they are equal
    MOENDA_FIELDS(Params, input, input_bias, recurrent, recurrent_bias, down);
  };
  template <class B>
  struct Cache {
    Tensor<B> x;  // [tokens, d_model]
    ops::GruCache<B> gru;
    Tensor<B> states;  // [tokens, hidden], or [batch_size, hidden] of `last`: what down sees
  };

  static void check(Config const& c, Setting const& setting, Problems& problems) {
    problems.expect(c.hidden >= 1 && c.hidden <= max_hidden, "hidden",
                    "in 1.." + std::to_string(max_hidden), c.hidden);
    problems.expect(!setting.causal || c.output == GruOutput::states, "output",
                    "states in a causal model, where the last state would be the future", "last");
  }
  /// First weights are as wide as PyTorch's, 1 / sqrt(3 hidden), at the usual deviation of 0.02:
  /// smaller ones would forget a state within a few steps.
  template <class B>
  static constexpr Params<B> params(Config const& c, int d_model) {
    int const gates = 3 * c.hidden;
    double const scale = c.hidden > 0 ? 50 / square_root(gates) : 1;
    return {weights::matrix(gates, d_model, scale), weights::bias(gates),
            weights::matrix(gates, c.hidden, scale), weights::bias(gates),
            weights::residual(c.hidden == d_model ? 0 : d_model, c.hidden)};
  }
  template <class B>
  static Tensor<B> forward(Context<B>& ctx, Config const& c, Params<B> const& p, Cache<B>& cache,
                           Tensor<B> x) {
    if (ctx.memory != nullptr) {
      throw ConfigError("Gru: it keeps no state between calls, so it cannot decode token by token");
    }
    if (x.rows == 0) return ctx.tensor(0, x.cols);
    auto gates = ops::add_row(ctx, ops::matmul(ctx, x, p.input), p.input_bias);
    auto steps = ops::gru(ctx, gates, p.recurrent, p.recurrent_bias, cache.gru);
    int const sequences = ctx.batch.batch_size;
    cache.x = x;
    if (c.output == GruOutput::last) {
      cache.states = steps.slice(x.rows, sequences);  // [batch_size, hidden]
      return ops::repeat_rows(ctx, down(ctx, p, cache.states));
    }
    cache.states =
        ops::sequences_of_steps(ctx, steps.slice(sequences, x.rows));  // [tokens, hidden]
    return down(ctx, p, cache.states);
  }
  template <class B>
  static Tensor<B> backward(Context<B>& ctx, Config const& c, Params<B> const& p,
                            Params<B> const& grads, Cache<B>& cache, Tensor<B> dy) {
    if (dy.rows == 0) return ctx.tensor(0, dy.cols);
    Tensor<B> dsteps, dlast;  // [tokens, hidden] step by step, [batch_size, hidden]
    if (c.output == GruOutput::last) {
      dlast = down_backward(ctx, p, grads, cache, ops::repeat_rows_backward(ctx, dy));
    } else {
      auto const dpresent = ops::without_padding(ctx, dy);                 // [tokens, d_model]
      auto const dstates = down_backward(ctx, p, grads, cache, dpresent);  // [tokens, hidden]
      dsteps = ops::steps_of_sequences(ctx, dstates);
      dlast = ops::zeros(ctx, ctx.batch.batch_size, c.hidden);
    }
    auto dgates = ops::gru_backward(ctx, dsteps, dlast, p.recurrent, grads.recurrent,
                                    grads.recurrent_bias, cache.gru);  // [tokens, 3 hidden]
    ops::add_row_backward(ctx, dgates, grads.input_bias);
    return ops::matmul_backward(ctx, dgates, cache.x, p.input, grads.input);  // [tokens, d_model]
  }

 private:
  template <class B>
  static Tensor<B> down(Context<B>& ctx, Params<B> const& p, Tensor<B> states) {
    return p.down.rows == 0 ? states : ops::matmul(ctx, states, p.down);  // [.., d_model]
  }
  template <class B>
  static Tensor<B> down_backward(Context<B>& ctx, Params<B> const& p, Params<B> const& grads,
                                 Cache<B> const& cache, Tensor<B> dy) {
    if (p.down.rows == 0) return dy;
    return ops::matmul_backward(ctx, dy, cache.states, p.down, grads.down);  // [.., hidden]
  }
  /// std::sqrt is not constexpr; Newton's method from above converges to the last bit or next to
  /// it.
  static constexpr double square_root(double x) {
    double root = x < 1 ? 1 : x;
    for (int i = 0; i < 64; ++i) root = 0.5 * (root + x / root);
    return root;
  }
};

}  // namespace moenda::expert
