// SPDX-License-Identifier: Apache-2.0
#pragma once
#include "moenda/core/name.hpp"
#include "moenda/core/rules.hpp"

namespace moenda::router {

/// Says, in the type, that a router may look at later tokens: for encoders, and for studies of how
/// much such a leak flatters a causal model (Zhou et al. 2022, section 4.1 names the problem).
template <class Inner>
struct AllowFutureLeak : Inner {
  static constexpr char const* name = joined_name<"allow_future_leak_", Inner>;
  static constexpr RouterTraits traits = [] {
    auto traits_of_inner = Inner::traits;
    traits_of_inner.causal_at_evaluation = true;
    return traits_of_inner;
  }();
};

}  // namespace moenda::router
