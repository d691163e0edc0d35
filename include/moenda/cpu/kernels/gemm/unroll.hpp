// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <type_traits>
#include <utility>

#include "moenda/cpu/levels/instructions.hpp"

namespace moenda::cpu::MOENDA_LEVEL::gemm_detail {

/// body(0), ..., body(count - 1) as compile-time indices: unrolled at every optimisation level, so
/// that the sums below are registers and not an array in memory.
template <int count, class Body>
[[gnu::always_inline]] inline void unroll(Body&& body) {
  [&]<int... i>(std::integer_sequence<int, i...>) __attribute__((always_inline)) {
    (body(std::integral_constant<int, i>{}), ...);
  }
  (std::make_integer_sequence<int, count>{});
}

}  // namespace moenda::cpu::MOENDA_LEVEL::gemm_detail
