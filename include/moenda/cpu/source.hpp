// SPDX-License-Identifier: Apache-2.0
#pragma once
// With MOENDA_HEADER_ONLY=0: include this in exactly one source file. It compiles every kernel for
// float and double, and all other files see declarations only.
#include "moenda/cpu/backend.hpp"
#include "moenda/cpu/kernels/kernels.hpp"

namespace moenda::cpu {

// A kernel of the list that nobody wrote does not compile here.
#define MOENDA_KERNEL(name, arguments, ...)   \
  template decltype(name<float>) name<float>; \
  template decltype(name<double>) name<double>;
#include "moenda/kernels/for_each_kernel.inc"

}  // namespace moenda::cpu
