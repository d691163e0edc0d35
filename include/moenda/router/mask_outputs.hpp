// SPDX-License-Identifier: Apache-2.0
#pragma once
#include "moenda/core/fields.hpp"
#include "moenda/core/gates.hpp"
#include "moenda/module/name.hpp"
#include "moenda/module/parts.hpp"
#include "moenda/ops/elementwise/pointwise.hpp"
#include "moenda/ops/elementwise/random_mask.hpp"

namespace moenda::router {

/// Expert output masking: in training an item loses what a selected expert says with the given
/// probability, each by itself, and may lose all of them: against experts that learn rare data by
/// heart. NLLB Team 2022, arXiv 2207.04672; Elbayad et al. 2022, arXiv 2212.07571. (Switch's expert
/// dropout, Fedus et al. 2021, section 2.4, is another thing: more dropout inside the experts.)
///   weights = inner weights * mask / (1 - probability),  mask ~ Bernoulli(1 - probability)
/// The choice stays what it was, so balancing losses on it do not see the mask.
template <class InnerRouter>
struct MaskOutputs {
  using Inner = InnerRouter;
  static constexpr char const* name = joined_name<"mask_outputs_", Inner>;
  struct Config {
    double probability = 0;
    typename Inner::Config inner{};
    MOENDA_FIELDS(Config, probability, inner);
  };
  template <class B>
  using Params = typename Inner::template Params<B>;
  template <class B>
  struct Cache {
    typename Inner::template Cache<B> inner;
    Tensor<B> mask;  // [items, num_experts], empty where nothing is masked
  };

  static constexpr void parts(auto&& f, Setting const&, Config const& c, auto&... of) {
    f(part<Inner>("inner"), c.inner, of...);
  }
  static void check(Config const& c, Setting const&, Problems& problems) {
    problems.expect(c.probability >= 0 && c.probability < 1, "probability",
                    "at least 0 and below 1", c.probability);
  }
  template <class B>
  static constexpr Params<B> params(Config const& c, int d_model, int num_experts) {
    return Inner::template params<B>(c.inner, d_model, num_experts);
  }
  template <class B>
  static Gates<B> forward(Context<B>& ctx, Config const& c,
                          typename Inner::template Params<B> const& p, Cache<B>& cache, Tensor<B> x,
                          int num_experts) {
    auto gates = Inner::forward(ctx, c.inner, p, cache.inner, x, num_experts);
    cache.mask = {};
    if (!ctx.training || c.probability == 0) return gates;
    cache.mask = ops::random_mask(ctx, "mask_outputs", c.probability, gates.weights.rows,
                                  gates.weights.cols);              // [items, num_experts]
    gates.weights = ops::multiply(ctx, gates.weights, cache.mask);  // [items, num_experts]
    return gates;
  }
  template <class B>
  static Tensor<B> backward(Context<B>& ctx, Config const& c,
                            typename Inner::template Params<B> const& p,
                            typename Inner::template Params<B> const& grads, Cache<B>& cache,
                            GatesGrad<B> d) {
    if (cache.mask.data != nullptr) d.weights = ops::multiply(ctx, d.weights, cache.mask);
    return Inner::backward(ctx, c.inner, p, grads, cache.inner, d);  // [items, d_model]
  }
};

}  // namespace moenda::router
