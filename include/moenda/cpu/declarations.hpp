// SPDX-License-Identifier: Apache-2.0
#pragma once
// What the CPU offers: every kernel of the list, declared. What they compute, and the shapes, is
// said in moenda/kernels/.
#include <cstddef>
#include <cstdint>

#include "moenda/core/precision.hpp"
#include "moenda/core/random.hpp"
#include "moenda/cpu/levels/instructions.hpp"
#include "moenda/cpu/runtime.hpp"
#include "moenda/kernels/shapes.hpp"

#if MOENDA_HEADER_ONLY || defined(MOENDA_TABLES)

namespace moenda::cpu::MOENDA_LEVEL {

#define MOENDA_KERNEL(name, arguments, ...) \
  template <class T>                        \
  void name(Backend<T>& backend, __VA_ARGS__);
#include "moenda/kernels/for_each_kernel.inc"

}  // namespace moenda::cpu::MOENDA_LEVEL

#else

namespace moenda::cpu {

// Calls that of the backend's level.
#define MOENDA_KERNEL(name, arguments, ...)                                              \
  template <class T>                                                                     \
  void name(Backend<T>& backend, __VA_ARGS__) {                                          \
    tables_of(backend.level).template of<T>().name(backend, MOENDA_ARGUMENTS arguments); \
  }
#include "moenda/kernels/for_each_kernel.inc"

}  // namespace moenda::cpu

#endif
