// SPDX-License-Identifier: Apache-2.0
#pragma once
// With MOENDA_HEADER_ONLY=0: include this in exactly one source file. It compiles every kernel for
// float and double, and all other files see declarations only.
#include "moenda/cpu/backend.hpp"
#include "moenda/cpu/kernels/kernels.hpp"
#include "moenda/ops/kernel_names.hpp"

namespace moenda::cpu::detail {

// Naming a function template's address instantiates it; [[gnu::used]] keeps it in the object file.
#define MOENDA_INSTANTIATE(kernel)                           \
  [[gnu::used]] inline constexpr auto instance_of_##kernel = \
      std::pair{&kernel<float>, &kernel<double>};
MOENDA_FOR_EACH_KERNEL(MOENDA_INSTANTIATE)
#undef MOENDA_INSTANTIATE

}  // namespace moenda::cpu::detail
