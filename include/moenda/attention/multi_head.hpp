// SPDX-License-Identifier: Apache-2.0
#pragma once
#include "moenda/attention/grouped_query.hpp"
#include "moenda/position/learned.hpp"

namespace moenda::attention {

/// Every query head has its own keys and values: Vaswani et al. 2017, section 3.2.2. The same
/// mathematics as GroupedQuery with num_kv_heads = num_heads, under the name and keys people
/// expect.
template <PositionLike PositionScheme = position::Learned, NormLike HeadNorm = norm::Identity>
struct MultiHead {
  static constexpr char const* name = "multi_head";
  using Position = PositionScheme;
  using Grouped = GroupedQuery<PositionScheme, HeadNorm>;
  struct Config {
    int num_heads = 0, head_dim = 0;
    typename Position::Config position{};
    typename HeadNorm::Config head_norm{};
    Bias bias = Bias::none;
    bool causal = true;  ///< a token sees no later one; a language model needs that
    int window = 0;      ///< it sees tokens at a distance below this, itself included; 0: all
    /// Empty, or a window for every layer of the model in place of `window`.
    std::vector<int> window_per_layer{};
    NormOver head_norm_over = NormOver::head;
    double clip = 0;  ///< queries, keys and values lie in -clip .. clip; 0: anywhere
    MOENDA_FIELDS(Config, num_heads, head_dim, position, head_norm, bias, causal, window,
                  window_per_layer, head_norm_over, clip);
  };
  template <class B>
  using Params = typename Grouped::template Params<B>;
  template <class B>
  using Cache = typename Grouped::template Cache<B>;

  static constexpr void parts(auto&& f, Setting const&, Config const& c, auto&... of) {
    f(part<Grouped>(), grouped(c), of...);
  }
  template <class B>
  static constexpr Params<B> params(Config const& c, int d_model) {
    return Grouped::template params<B>(grouped(c), d_model);
  }
  template <class B>
  static Tensor<B> forward(Context<B>& ctx, Config const& c,
                           typename Grouped::template Params<B> const& p,
                           typename Grouped::template Cache<B>& cache, Tensor<B> x) {
    return Grouped::forward(ctx, grouped(c), p, cache, x);
  }
  template <class B>
  static Tensor<B> backward(Context<B>& ctx, Config const& c,
                            typename Grouped::template Params<B> const& p,
                            typename Grouped::template Params<B> const& grads,
                            typename Grouped::template Cache<B>& cache, Tensor<B> dy) {
    return Grouped::backward(ctx, grouped(c), p, grads, cache, dy);
  }

 private:
  static constexpr typename Grouped::Config grouped(Config const& c) {
    return {c.num_heads, c.num_heads, c.head_dim,         c.position,       c.head_norm, c.bias,
            c.causal,    c.window,    c.window_per_layer, c.head_norm_over, c.clip};
  }
};

}  // namespace moenda::attention
