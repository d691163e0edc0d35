// SPDX-License-Identifier: Apache-2.0
#pragma once
#include "moenda/router/top_k.hpp"

namespace moenda::router {

/// The router of the Switch Transformer, Fedus et al. 2021, eq. 1-2 and section 2.4: one expert per
/// token, whose output is multiplied by its probability, so that the router learns although nothing
/// is compared; inputs jittered in training; first weights of a tenth of the usual variance.
///   p = softmax(x weight^T);  e = argmax p;  y = p_e expert_e(x)
struct Switch {
  static constexpr char const* name = "switch";
  using Inner = TopK;
  struct Config {
    double jitter = 0.01;
    MOENDA_FIELDS(Config, jitter);
  };
  template <class B>
  using Params = TopK::Params<B>;
  template <class B>
  using Cache = TopK::Cache<B>;

  static constexpr void parts(auto&& f, Setting const&, Config const& c, auto&... of) {
    f(part<Inner>(), top_1(c), of...);
  }
  template <class B>
  static constexpr Params<B> params(Config const& c, int d_model, int num_experts) {
    auto p = TopK::params<B>(top_1(c), d_model, num_experts);
    p.weight.initial_scale = 0.31622776601683794;  // sqrt(0.1)
    return p;
  }
  template <class B>
  static Gates<B> forward(Context<B>& ctx, Config const& c, TopK::Params<B> const& p,
                          TopK::Cache<B>& cache, Tensor<B> x, int num_experts,
                          Weight<B> const* selection_bias = nullptr) {
    return TopK::forward(ctx, top_1(c), p, cache, x, num_experts, selection_bias);
  }
  template <class B>
  static Tensor<B> backward(Context<B>& ctx, Config const& c, TopK::Params<B> const& p,
                            TopK::Params<B> const& grads, TopK::Cache<B>& cache,
                            GatesGrad<B> const& d) {
    return TopK::backward(ctx, top_1(c), p, grads, cache, d);
  }

 private:
  static constexpr TopK::Config top_1(Config const& c) {
    return {.top_k = 1, .weighting = Weighting::score_then_select, .jitter = c.jitter};
  }
};

}  // namespace moenda::router
