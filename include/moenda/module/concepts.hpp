// SPDX-License-Identifier: Apache-2.0
#pragma once
// The map of the library: what a module of each role must offer. `Shapes` is a probe backend:
// nothing is instantiated beyond declarations, which is why verbs have explicit return types.
#include <concepts>

#include "moenda/core/gates.hpp"
#include "moenda/core/grouped.hpp"
#include "moenda/module/facts.hpp"

namespace moenda {

/// A type without data: a TOML name, a Config, and what a backend stores for it.
template <class M>
concept ModuleLike = std::default_initializable<typename M::Config> && requires {
  { M::name } -> std::convertible_to<char const*>;
  typename M::template Params<Shapes>;
  typename M::template Cache<Shapes>;
};

/// y = f(x), dx = f'(dy): norms, attentions, experts, mixtures, blocks.
template <class M>
concept LayerLike = ModuleLike<M> &&
    requires(Context<Shapes>& ctx, typename M::Config const& config,
             typename M::template Params<Shapes> const& params,
             typename M::template Cache<Shapes>& cache, Tensor<Shapes> x, int width) {
  {
    M::template params<Shapes>(config, width)
    } -> std::same_as<typename M::template Params<Shapes>>;
  { M::forward(ctx, config, params, cache, x) } -> std::same_as<Tensor<Shapes>>;
  { M::backward(ctx, config, params, params, cache, x) } -> std::same_as<Tensor<Shapes>>;
};

/// Keeps the width and the rows apart. Same verbs as any layer; the name says what it is for.
template <class M>
concept NormLike = LayerLike<M>;

/// A layer that says which unit it needs whole and in order.
template <class E>
concept ExpertLike = LayerLike<E> && requires(typename E::Config config) {
  { granularity_of<E>(config) } -> std::same_as<Granularity>;
} && says_granularity<E>;

/// An expert written for any weights, Params<W>, and for picked rows: its verbs run one expert or
/// all experts of a group. Others are run one after the other on rows that are copied together.
template <class E>
concept GroupedExpertLike = ExpertLike<E> &&
    requires(Context<Shapes>& ctx, typename E::Config const& config,
             typename E::template Params<PerExpert<Shapes>> const& params,
             typename E::template Cache<Shapes>& cache, PickedRows<Shapes> x, Tensor<Shapes> dy) {
  { E::forward(ctx, config, params, cache, x) } -> std::same_as<Tensor<Shapes>>;
  { E::backward(ctx, config, params, params, cache, dy) } -> std::same_as<Tensor<Shapes>>;
};

/// x -> Gates, dGates -> dx.
template <class R>
concept RouterLike = ModuleLike<R> && says_experts_per_item<R> &&
    requires(Context<Shapes>& ctx, typename R::Config const& config,
             typename R::template Params<Shapes> const& params,
             typename R::template Cache<Shapes>& cache, Tensor<Shapes> x,
             GatesGrad<Shapes> const& dgates, int n) {
  { traits_of<R>(config) } -> std::convertible_to<RouterTraits>;
  { R::template params<Shapes>(config, n, n) } -> std::same_as<typename R::template Params<Shapes>>;
  { R::forward(ctx, config, params, cache, x, n) } -> std::same_as<Gates<Shapes>>;
  { R::backward(ctx, config, params, params, cache, dgates) } -> std::same_as<Tensor<Shapes>>;
};

/// What is added to the embeddings, and how queries and keys are turned.
template <class P>
concept PositionLike = ModuleLike<P> &&
    requires(Context<Shapes>& ctx, typename P::Config const& config,
             typename P::template Params<Shapes> const& params,
             typename P::template Cache<Shapes>& cache, Tensor<Shapes> x, int n) {
  { P::template params<Shapes>(config, n, n) } -> std::same_as<typename P::template Params<Shapes>>;
  { P::forward(ctx, config, params, cache, x) } -> std::same_as<Tensor<Shapes>>;
  { P::backward(ctx, config, params, params, cache, x) } -> std::same_as<Tensor<Shapes>>;
  P::rotate(ctx, config, x, n, n);
};

/// A layer over time that owns its position scheme.
template <class A>
concept AttentionLike = LayerLike<A>;

/// An auxiliary loss on the gates: adds to ctx.auxiliary_sum() and to the gates' gradient.
template <class L>
concept LossLike = std::default_initializable<typename L::Config> &&
    requires(Context<Shapes>& ctx, typename L::Config const& config, Gates<Shapes> const& gates,
             GatesGrad<Shapes> const& dgates) {
  { L::name } -> std::convertible_to<char const*>;
  { L::balances } -> std::convertible_to<bool>;
  { L::is_on(config) } -> std::convertible_to<bool>;
  L::add(ctx, config, gates, dgates);
};

}  // namespace moenda
