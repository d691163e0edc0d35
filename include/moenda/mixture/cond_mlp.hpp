// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <array>
#include <cmath>
#include <span>
#include <string>

#include "moenda/core/routing_hook.hpp"
#include "moenda/core/weights.hpp"
#include "moenda/mixture/auxiliary_losses.hpp"
#include "moenda/module/after_step.hpp"
#include "moenda/module/idle_parameters.hpp"
#include "moenda/ops/elementwise/activation.hpp"
#include "moenda/ops/elementwise/pointwise.hpp"
#include "moenda/ops/elementwise/random_numbers.hpp"
#include "moenda/ops/linear/matmul.hpp"
#include "moenda/ops/memory.hpp"
#include "moenda/ops/norm/softmax.hpp"
#include "moenda/ops/routing/choice.hpp"
#include "moenda/ops/routing/dispatch.hpp"
#include "moenda/ops/routing/hash.hpp"
#include "moenda/ops/routing/top_k.hpp"
#include "moenda/ops/sequence/padding.hpp"
#include "moenda/router/choice/choice_gradient.hpp"

namespace moenda {

/// Which path a token takes when the model is used.
enum class PathAtEvaluation { most_likely, sample };
constexpr auto enum_names(PathAtEvaluation) { return std::array{"most_likely", "sample"}; }

/// CondMLP (enhanced-nanoGPT, Gil Torres 2025): one shared MLP, of which only the biases depend on
/// the token. A guesser chooses one of `num_paths` pairs of them.
///   guess = x guess^T + guess_bias;   p = softmax(guess / temperature);   s ~ Categorical(p)
///   h = gelu(x up^T + up_bias[s]);    y = h down^T + down_bias[s]
/// As published (Gradient::none) the output does not depend on p, so without auxiliary losses the
/// guesser stays as it was drawn: the biases are noise. The other modes teach it.
///
/// In training s is drawn anew in every step. The published code draws at evaluation too, which
/// makes its results random; here that is `at_evaluation = "sample"`, by a draw that is a fixed
/// function of layer, position and token. The default takes the most likely path.
///
/// Auxiliary losses see p as probs, p_s as the weight of the chosen path and guess as logits. The
/// balancing bias is BiasBalanced's: it moves the choice, not p.
template <Gradient mode = Gradient::none, LossLike... Losses>
struct CondMlp {
  static constexpr char const* name = mode == Gradient::none     ? "cond_mlp"
                                      : mode == Gradient::scaled ? "cond_mlp_scaled"
                                                                 : "cond_mlp_straight_through";
  using Terms = AuxiliaryLosses<Losses...>;
  static constexpr int max_hidden = 1 << 24, max_paths = 65536;

  /// A bias per path that moves against the load: see router::BiasBalanced.
  struct Balance {
    double rate = 0;  ///< 0: no such bias
    double dead_zone = 0, frozen_from = 0.97;
    MOENDA_FIELDS(Balance, rate, dead_zone, frozen_from);
  };
  struct Config {
    int hidden = 0, num_paths = 4;
    double temperature = 1.66;
    PathAtEvaluation at_evaluation = PathAtEvaluation::most_likely;
    typename Terms::Config loss{};
    Balance balance{};
    MOENDA_FIELDS(Config, hidden, num_paths, temperature, at_evaluation, loss, balance);
  };
  template <class B>
  struct Params {
    Weight<B> guess, guess_bias;  // [num_paths, d_model], [1, num_paths]
    Weight<B> up, up_bias;        // [hidden, d_model], [num_paths, hidden]
    Weight<B> down, down_bias;    // [d_model, hidden], [num_paths, d_model]
    Weight<B> balance;            // [1, num_paths] state, or nothing; its gradient counts choices
    typename Terms::template Params<B> loss;
    MOENDA_FIELDS(Params, guess, guess_bias, up, up_bias, down, down_bias, balance, loss);
  };
  template <class B>
  struct Cache {
    Tensor<B> x;          // [tokens, d_model]
    Tensor<B> up, h;      // [tokens, hidden] before and after gelu
    Tensor<B> out;        // [tokens, d_model] of the MLP
    Gates<B> gates;       // [tokens, num_paths]
    GatesGrad<B> dgates;  // [tokens, num_paths]
    RoutingSite site;
    std::span<int const> path;  // [tokens]
  };

  static constexpr void parts(auto&& f, Setting const&, Config const& c, auto&... of) {
    f(part<Terms>("loss"), c.loss, of.loss...);
  }
  static constexpr Setting inside(Config const& c, Setting at) {
    at.num_experts = c.num_paths;
    return at;
  }
  static void check(Config const& c, Setting const&, Problems& problems) {
    problems.expect(c.hidden >= 1 && c.hidden <= max_hidden, "hidden",
                    "in 1.." + std::to_string(max_hidden), c.hidden);
    problems.expect(c.num_paths >= 1 && c.num_paths <= max_paths, "num_paths",
                    "in 1.." + std::to_string(max_paths), c.num_paths);
    problems.expect(c.temperature > 0 && std::isfinite(c.temperature), "temperature",
                    "above 0 and finite", c.temperature);
    problems.in("balance", [&] {
      auto const& b = c.balance;
      problems.expect(b.rate >= 0 && std::isfinite(b.rate), "rate", "at least 0", b.rate);
      problems.expect(b.dead_zone >= 0 && b.dead_zone < 1, "dead_zone", "at least 0 and below 1",
                      b.dead_zone);
      problems.expect(b.frozen_from >= 0 && b.frozen_from <= 1, "frozen_from",
                      "in 0..1, a part of the training", b.frozen_from);
    });
  }
  template <class B>
  static constexpr Params<B> params(Config const& c, int d_model) {
    int const paths = c.num_paths;
    return {weights::router(paths, d_model),
            weights::bias(paths),
            weights::matrix(c.hidden, d_model),
            weights::table(paths, c.hidden),
            weights::residual(d_model, c.hidden),
            weights::table(paths, d_model),
            weights::state(c.balance.rate > 0 ? 1 : 0, paths),
            Terms::template params<B>(c.loss, paths)};
  }
  /// The biases of the other paths, and what the losses leave idle.
  static constexpr std::ptrdiff_t idle_parameters(Config const& c, Setting const& at) {
    return (c.num_paths - std::ptrdiff_t{1}) * (c.hidden + std::ptrdiff_t{at.d_model}) +
           moenda::idle_parameters<Terms>(c.loss, inside(c, at));
  }
  template <class B>
  static Tensor<B> forward(Context<B>& ctx, Config const& c, Params<B> const& p, Cache<B>& cache,
                           Tensor<B> x) {
    cache.x = x;
    guess_path(ctx, c, p, cache);
    cache.up = ops::matmul(ctx, x, p.up);  // [tokens, hidden]
    ops::add_chosen_row(ctx, cache.up, p.up_bias, cache.path);
    cache.h = ops::gelu(ctx, cache.up);             // [tokens, hidden]
    cache.out = ops::matmul(ctx, cache.h, p.down);  // [tokens, d_model]
    ops::add_chosen_row(ctx, cache.out, p.down_bias, cache.path);
    if constexpr (mode != Gradient::scaled) return cache.out;
    return ops::scale_by_chosen(ctx, cache.out, cache.gates.probs, cache.path);
  }
  template <class B>
  static Tensor<B> backward(Context<B>& ctx, Config const& c, Params<B> const& p,
                            Params<B> const& grads, Cache<B>& cache, Tensor<B> dy) {
    auto dout = dy;  // [tokens, d_model]
    if constexpr (mode == Gradient::scaled) {
      dout = ops::scale_by_chosen(ctx, dy, cache.gates.probs, cache.path);
    }
    ops::add_chosen_row_backward(ctx, dout, cache.path, grads.down_bias);
    auto dh = ops::matmul_backward(ctx, dout, cache.h, p.down, grads.down);  // [tokens, hidden]
    auto dup = ops::gelu_backward(ctx, dh, cache.up);                        // [tokens, hidden]
    ops::add_chosen_row_backward(ctx, dup, cache.path, grads.up_bias);
    auto dx = ops::matmul_backward(ctx, dup, cache.x, p.up, grads.up);  // [tokens, d_model]
    if (teaches_guesser || ctx.hook != nullptr) {
      ops::accumulate(ctx, dx, guess_backward(ctx, c, p, grads, cache, dy));
    }
    if (grads.balance.size() > 0) {  // counts choices
      ops::add_row_backward(ctx, ops::without_padding(ctx, cache.gates.selected), grads.balance);
    }
    Terms::collect(ctx, c.loss, grads.loss, cache.gates);
    return dx;
  }
  template <class B>
  static void after_step(StepEnd<B> const& end, Config const& c, Params<B> const& p,
                         Params<B> const& grads) {
    if (c.balance.rate == 0 || end.progress() > c.balance.frozen_from) return;
    move_balancing_bias(end.backend, p.balance.data, grads.balance.data, c.balance.rate,
                        c.balance.dead_zone, p.balance.cols);
  }

 private:
  /// Without a hook that does.
  static constexpr bool teaches_guesser = mode != Gradient::none || sizeof...(Losses) > 0;

  /// gates, path and the losses.
  template <class B>
  static void guess_path(Context<B>& ctx, Config const& c, Params<B> const& p, Cache<B>& cache) {
    int const tokens = cache.x.rows, paths = c.num_paths;
    auto guess = ops::add_row(ctx, ops::matmul(ctx, cache.x, p.guess), p.guess_bias);
    auto probs = ops::softmax(ctx, ops::scale(ctx, guess, 1 / c.temperature));  // [tokens, paths]
    auto choice = probs;                                                        // [tokens, paths]
    if (p.balance.size() > 0) {
      auto const moved = ops::add_row(ctx, guess, p.balance);  // [tokens, paths]
      choice = ops::softmax(ctx, ops::scale(ctx, moved, 1 / c.temperature));
    }
    cache.gates = {choose(ctx, c, choice), probs, probs, guess};
    cache.site = next_site(ctx);
    if (ctx.hook != nullptr) ctx.hook->decide(ctx, cache.site, cache.gates, by_probs<B>());
    cache.path = ops::chosen_columns(ctx, cache.gates.selected);  // [tokens]
    if ((teaches_guesser || ctx.hook != nullptr) && ctx.training) {
      cache.dgates = {ops::zeros(ctx, tokens, paths), ops::zeros(ctx, tokens, paths),
                      ops::zeros(ctx, tokens, paths)};
      Terms::add(ctx, c.loss, p.loss, cache.gates, cache.dgates);
    }
    if (ctx.hook != nullptr) {
      observe(ctx, cache.site, cache.gates, ops::make_plan(ctx, cache.gates, 1, -1));
    }
  }
  /// A path weighs its probability, whoever chooses it.
  template <class B>
  static Reweigh<B> by_probs() {
    return {nullptr,
            [](Context<B>&, void const*, Gates<B> const& gates, Tensor<B>) { return gates.probs; }};
  }
  /// 1 at the path that every token takes.   choice [tokens, num_paths] -> [tokens, num_paths].
  template <class B>
  static Tensor<B> choose(Context<B>& ctx, Config const& c, Tensor<B> choice) {
    if (ctx.training) {
      return ops::choose_at_random(ctx, choice, ops::uniform(ctx, "cond_mlp", choice.rows, 1));
    }
    if (c.at_evaluation == PathAtEvaluation::most_likely) return ops::top_k_of_rows(ctx, choice, 1);
    return ops::choose_at_random(
        ctx, choice, ops::uniform_of_keys(ctx, "cond_mlp", ops::item_keys(ctx, choice.rows), 1));
  }
  /// What the guesser is taught, and through it x.   dy [tokens, d_model] -> dx [tokens, d_model].
  template <class B>
  static Tensor<B> guess_backward(Context<B>& ctx, Config const& c, Params<B> const& p,
                                  Params<B> const& grads, Cache<B>& cache, Tensor<B> dy) {
    auto const& gates = cache.gates;    // [tokens, num_paths]
    auto dprobs = cache.dgates.probs;   // [tokens, num_paths]
    auto dguess = cache.dgates.logits;  // [tokens, num_paths]
    if constexpr (mode != Gradient::none) {
      ops::scale_by_chosen_backward(ctx, dy, cache.out, cache.path, dprobs);
    }
    if (ctx.hook != nullptr) ctx.hook->teach(ctx, cache.site, gates, cache.dgates);
    ops::accumulate(ctx, dprobs, ops::multiply(ctx, cache.dgates.weights, gates.selected));
    auto const dscaled = ops::softmax_backward(ctx, dprobs, gates.probs);  // [tokens, num_paths]
    ops::accumulate(ctx, dguess, ops::scale(ctx, dscaled, 1 / c.temperature));
    ops::add_row_backward(ctx, dguess, grads.guess_bias);
    return ops::matmul_backward(ctx, dguess, cache.x, p.guess, grads.guess);
  }
};

}  // namespace moenda
