// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <array>

#include "moenda/core/grouped.hpp"
#include "moenda/module/rules.hpp"
#include "moenda/ops/elementwise/activation.hpp"
#include "moenda/ops/elementwise/pointwise.hpp"

namespace moenda::expert {

/// What stands between the products of a feed-forward. gelu: the tanh form, as in GPT-2 and Gemma.
/// gelu_erf: x Phi(x) itself.
enum class Activation { gelu, gelu_erf, silu };
constexpr auto enum_names(Activation) { return std::array{"gelu", "gelu_erf", "silu"}; }

/// y = activation(x), element by element.
template <class B>
Tensor<B> activate(Context<B>& ctx, Activation activation, Tensor<B> x) {
  switch (activation) {
    case Activation::gelu_erf:
      return ops::gelu_erf(ctx, x);
    case Activation::silu:
      return ops::silu(ctx, x);
    case Activation::gelu:
      break;
  }
  return ops::gelu(ctx, x);
}
/// dx = dy activation'(x).
template <class B>
Tensor<B> activate_backward(Context<B>& ctx, Activation activation, Tensor<B> dy, Tensor<B> x) {
  switch (activation) {
    case Activation::gelu_erf:
      return ops::gelu_erf_backward(ctx, dy, x);
    case Activation::silu:
      return ops::silu_backward(ctx, dy, x);
    case Activation::gelu:
      break;
  }
  return ops::gelu_backward(ctx, dy, x);
}

/// y + bias, where there is one.   y [rows, width], bias [1, width] or [0, width].
template <class B>
Tensor<B> with_bias(Context<B>& ctx, Tensor<B> y, Weight<B> const& bias) {
  return bias.rows == 0 ? y : ops::add_row(ctx, y, bias);
}
template <class B>
void bias_backward(Context<B>& ctx, Tensor<B> dy, Weight<B> const& dbias) {
  if (dbias.rows > 0) ops::add_row_backward(ctx, dy, dbias);
}
/// Those of a group: no product adds another bias to each group's rows. Throws ConfigError for one.
template <class B>
Tensor<B> with_bias(Context<B>&, Tensor<B> y, Weight<PerExpert<B>> const& bias) {
  require(bias.rows == 0, MOENDA_RULE_EXPERT_BIAS, bias.rows, 0);
  return y;
}
template <class B>
void bias_backward(Context<B>&, Tensor<B>, Weight<PerExpert<B>> const&) {}

/// A feed-forward's config: `hidden` in range, and no bias inside a mixture.
template <class C>
void check_feed_forward(C const& c, int max_hidden, Setting const& at, Problems& problems) {
  problems.expect(c.hidden >= 1 && c.hidden <= max_hidden, "hidden",
                  "in 1.." + std::to_string(max_hidden), c.hidden);
  if (c.bias && at.num_experts > 0) problems.add("bias", MOENDA_RULE_EXPERT_BIAS);
}

}  // namespace moenda::expert
