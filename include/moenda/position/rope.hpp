// SPDX-License-Identifier: Apache-2.0
#pragma once
#include "moenda/module/rules.hpp"
#include "moenda/ops/attention/rope.hpp"
#include "moenda/position/none.hpp"
#include "moenda/position/rope_scaling.hpp"

namespace moenda::position {

/// Rotary positions: queries and keys are turned, so that q.k depends on their distance only.
/// Su et al. 2021, eq. 15. For longer contexts by other frequencies: see RopeScaling.
struct Rope {
  static constexpr char const* name = "rope";
  struct Config {
    double base = 10000;
    RopeScaling scaling{};
    MOENDA_FIELDS(Config, base, scaling);
  };
  template <class B>
  using Params = None::Params<B>;
  template <class B>
  using Cache = None::Cache<B>;

  static void check(Config const& c, Setting const& setting, Problems& problems) {
    if (setting.head_dim % 2 != 0) {
      problems.add("rope turns pairs, so head_dim must be even, got " +
                   std::to_string(setting.head_dim));
    }
    problems.expect(c.base > 0, "base", "above 0", c.base);
    if (c.scaling.kind == ScalingKind::yarn) {
      problems.expect(c.base > 1, "base", "above 1 where scaling is yarn", c.base);
    }
    problems.in("scaling", [&] { RopeScaling::check(c.scaling, problems); });
  }
  template <class B>
  static constexpr None::Params<B> params(Config const&, int, int) {
    return {};
  }
  template <class B>
  static Tensor<B> forward(Context<B>&, Config const&, None::Params<B> const&, None::Cache<B>&,
                           Tensor<B> x) {
    return x;
  }
  template <class B>
  static Tensor<B> backward(Context<B>&, Config const&, None::Params<B> const&,
                            None::Params<B> const&, None::Cache<B>&, Tensor<B> dy) {
    return dy;
  }
  /// x [tokens, heads * head_dim], in place. sign +1 turns, -1 is the backward.
  template <class B>
  static void rotate(Context<B>& ctx, Config const& c, Tensor<B> x, int head_dim, int sign) {
    if (c.scaling.kind == ScalingKind::none) return ops::rope(ctx, x, head_dim, c.base, sign);
    auto const frequencies = ctx.template make<double>(head_dim / 2);  // [head_dim / 2]
    c.scaling.fill(frequencies, c.base);
    ops::rope_scaled(ctx, x, head_dim, std::span<double const>(frequencies),
                     c.scaling.length_factor(), sign);
  }
};

}  // namespace moenda::position
