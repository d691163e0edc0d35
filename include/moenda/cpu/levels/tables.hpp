// SPDX-License-Identifier: Apache-2.0
#pragma once
// The compiled kernels of every level, as tables of functions. The files of this folder define
// them; a program links these files once (moenda::kernels) and chooses when a backend is made.
#include <cstddef>
#include <cstdint>
#include <type_traits>

#include "moenda/core/precision.hpp"
#include "moenda/core/random.hpp"
#include "moenda/cpu/levels/level.hpp"
#include "moenda/kernels/shapes.hpp"

namespace moenda::cpu {

template <class T>
class Backend;

/// Where the kernels of the list are.
template <class T>
struct KernelTable {
#define MOENDA_KERNEL(name, arguments, ...) void (*name)(Backend<T>&, __VA_ARGS__);
#include "moenda/kernels/for_each_kernel.inc"
};

/// What a file of this folder compiles.
struct LevelTables {
  KernelTable<float> of_float;
  KernelTable<double> of_double;
  /// How often the dot products of bf16 pairs do the work of multiply-adds in float in the same
  /// time, measured in a millisecond; null where one of them is not compiled.
  double (*bf16_dots_over_floats)() = nullptr;

  template <class T>
  [[nodiscard]] KernelTable<T> const& of() const {
    if constexpr (std::is_same_v<T, float>) return of_float;
    if constexpr (std::is_same_v<T, double>) return of_double;
  }
};

extern LevelTables const portable_tables;
#if defined(__x86_64__)
extern LevelTables const avx2_tables, avx512_tables;
#endif

/// The tables that `level` runs from. Levels that differ in products of bf16 alone share one.
[[nodiscard]] inline LevelTables const& tables_of([[maybe_unused]] Level level) {
#if defined(__x86_64__)
  if (level >= Level::avx512) return avx512_tables;
  if (level == Level::avx2) return avx2_tables;
#endif
  return portable_tables;
}

}  // namespace moenda::cpu
