// SPDX-License-Identifier: Apache-2.0
#pragma once
#include "moenda/core/fields.hpp"
#include "moenda/core/weights.hpp"
#include "moenda/module/rules.hpp"
#include "moenda/ops/norm/rms_norm.hpp"

namespace moenda::norm {

/// y = x / sqrt(mean(x^2) + epsilon) * gain.   Zhang & Sennrich 2019, eq. 4.
struct Rms {
  static constexpr char const* name = "rms";
  struct Config {
    double epsilon = 1e-6;
    MOENDA_FIELDS(Config, epsilon);
  };
  template <class B>
  struct Params {
    Weight<B> gain;  // [1, width]
    MOENDA_FIELDS(Params, gain);
  };
  template <class B>
  using Cache = ops::RmsNormCache<B>;

  static void check(Config const& c, Setting const&, Problems& problems) {
    problems.expect(c.epsilon > 0, "epsilon", "above 0", c.epsilon);
  }
  template <class B>
  static constexpr Params<B> params(Config const&, int width) {
    return {weights::gain(width)};
  }
  template <class B>
  static Tensor<B> forward(Context<B>& ctx, Config const& c, Params<B> const& p,
                           ops::RmsNormCache<B>& cache, Tensor<B> x) {
    return ops::rms_norm(ctx, x, p.gain, c.epsilon, cache);  // [rows, width]
  }
  template <class B>
  static Tensor<B> backward(Context<B>& ctx, Config const&, Params<B> const& p,
                            Params<B> const& grads, ops::RmsNormCache<B>& cache, Tensor<B> dy) {
    return ops::rms_norm_backward(ctx, dy, cache, p.gain, grads.gain);
  }
};

}  // namespace moenda::norm
