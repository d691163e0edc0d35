// SPDX-License-Identifier: Apache-2.0
#pragma once
#include "moenda/core/fields.hpp"
#include "moenda/core/weights.hpp"
#include "moenda/module/rules.hpp"
#include "moenda/ops/norm/layer_norm.hpp"

namespace moenda::norm {

/// y = (x - mean) / sqrt(var + epsilon) * gain + bias.   Ba et al. 2016, eq. 4.
struct Layer {
  static constexpr char const* name = "layer";
  struct Config {
    double epsilon = 1e-5;
    MOENDA_FIELDS(Config, epsilon);
  };
  template <class B>
  struct Params {
    Weight<B> gain, bias;  // [1, width]
    MOENDA_FIELDS(Params, gain, bias);
  };
  template <class B>
  using Cache = ops::LayerNormCache<B>;

  static void check(Config const& c, Setting const&, Problems& problems) {
    problems.expect(c.epsilon > 0, "epsilon", "above 0", c.epsilon);
  }
  template <class B>
  static constexpr Params<B> params(Config const&, int width) {
    return {weights::gain(width), weights::bias(width)};
  }
  template <class B>
  static Tensor<B> forward(Context<B>& ctx, Config const& c, Params<B> const& p,
                           ops::LayerNormCache<B>& cache, Tensor<B> x) {
    return ops::layer_norm(ctx, x, p.gain, p.bias, c.epsilon, cache);  // [rows, width]
  }
  template <class B>
  static Tensor<B> backward(Context<B>& ctx, Config const&, Params<B> const& p,
                            Params<B> const& grads, ops::LayerNormCache<B>& cache, Tensor<B> dy) {
    return ops::layer_norm_backward(ctx, dy, cache, p.gain, grads.gain, grads.bias);
  }
};

}  // namespace moenda::norm
