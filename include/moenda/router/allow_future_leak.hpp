// SPDX-License-Identifier: Apache-2.0
#pragma once
#include "moenda/module/name.hpp"
#include "moenda/module/wraps.hpp"

namespace moenda::router {

/// Says, in the type, that a router may look at later tokens: for encoders, and for studies of how
/// much such a leak flatters a causal model (Zhou et al. 2022, section 4.1 names the problem). It
/// permits and hides nothing: the traits still say that the router looks ahead.
template <class Inner>
struct AllowFutureLeak : Wraps<Inner> {
  static constexpr char const* name = joined_name<"allow_future_leak_", Inner>;
  static constexpr RouterTraits traits = [] {
    auto traits_of_inner = static_traits<Inner>();
    traits_of_inner.future_leak_allowed = true;
    return traits_of_inner;
  }();
};

}  // namespace moenda::router
