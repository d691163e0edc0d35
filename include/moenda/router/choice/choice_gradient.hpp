// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <array>

namespace moenda {

/// What the model's loss teaches the one who makes a discrete choice s of probability p_s, with
/// f the output of what was chosen.
enum class Gradient {
  none,             ///< y = f: nothing, it learns from auxiliary losses alone
  scaled,           ///< y = p_s f, as Switch does: dp_s = <dy, f>
  straight_through  ///< y = f, with the gradient of (1 + p_s - stop_gradient(p_s)) f
};
constexpr auto enum_names(Gradient) { return std::array{"none", "scaled", "straight_through"}; }

}  // namespace moenda
