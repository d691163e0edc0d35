// SPDX-License-Identifier: Apache-2.0
#pragma once
// Which level a backend runs on, and why.
#include <algorithm>
#include <array>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <vector>

#include "moenda/config.hpp"
#include "moenda/core/error.hpp"
#include "moenda/core/suggest.hpp"
#include "moenda/cpu/levels/level.hpp"
#if MOENDA_HEADER_ONLY
#include "moenda/cpu/levels/instructions.hpp"
#else
#include "moenda/cpu/levels/tables.hpp"
#endif

namespace moenda::cpu {

/// Which matrix product runs: our packed kernel, or Eigen's as the reference to compare with.
enum class MatmulKernel { packed, eigen };
constexpr auto enum_names(MatmulKernel) { return std::array{"packed", "eigen"}; }

/// A level, and a sentence that says why it is this one.
struct ChosenLevel {
  Level level = Level::portable;
  std::string reason;
};

namespace level_detail {

/// What MOENDA_KERNELS names; `automatic` when it is not set. Throws ConfigError for other names.
[[nodiscard]] inline Level from_environment() {
  char const* const text = std::getenv("MOENDA_KERNELS");
  if (text == nullptr || *text == '\0') return Level::automatic;
  auto const listed = enum_names(Level{});
  std::vector<std::string> const names(listed.begin(), listed.end());
  auto const found = std::find(names.begin(), names.end(), text);
  if (found != names.end()) return static_cast<Level>(found - names.begin());
  throw ConfigError("MOENDA_KERNELS: must be one of " + join(names) + ", got " + text +
                    did_you_mean(text, names));
}

#if MOENDA_HEADER_ONLY

/// The level of the kernels that are compiled where they are used.
[[nodiscard]] inline Level compiled_level() {
  if (MOENDA_AMX && highest_level() == Level::amx) return Level::amx;
  return MOENDA_AVX512_BF16 ? Level::avx512_bf16
         : MOENDA_AVX512    ? Level::avx512
         : MOENDA_AVX2      ? Level::avx2
                            : Level::portable;
}
[[nodiscard]] inline ChosenLevel quickest_level() {
  return {compiled_level(), "what the program was compiled for"};
}
[[nodiscard]] inline ChosenLevel named_level(Level wanted) {
  if (wanted == compiled_level()) return quickest_level();
  throw ConfigError(std::string("cpu::Backend: kernels must be \"auto\" or \"") +
                    name_of(compiled_level()) +
                    "\", for which they were compiled; a program that links moenda::kernels has "
                    "every level, got \"" +
                    name_of(wanted) + "\"");
}

#else

/// Dots of pairs are passed over where they are slower than what they replace. Measured once.
[[nodiscard]] inline ChosenLevel quickest_level() {
  static ChosenLevel const chosen = [] {
    Level const highest = highest_level();
    if (highest != Level::avx512_bf16) return ChosenLevel{highest, "the highest of this processor"};
    double const ratio = tables_of(highest).bf16_dots_over_floats();
    char text[100];
    std::snprintf(text, sizeof text, "dot products of bf16 pairs run at %.2f of the rate of floats",
                  ratio);
    return ChosenLevel{ratio >= 1 ? highest : Level::avx512, text};
  }();
  return chosen;
}
[[nodiscard]] inline ChosenLevel named_level(Level wanted) {
  if (wanted <= highest_level()) return {wanted, "asked for"};
  throw ConfigError(std::string("cpu::Backend: kernels must be at most \"") +
                    name_of(highest_level()) + "\" on this processor, got \"" + name_of(wanted) +
                    "\"");
}

#endif

}  // namespace level_detail

/// The level to run on when `wanted` is asked for. `automatic` takes what the environment variable
/// MOENDA_KERNELS names, else the quickest that this processor has. Eigen's products are compiled
/// for one level alone. Throws ConfigError for a level that the processor, or the program, does not
/// have.
[[nodiscard]] inline ChosenLevel choose_level(
    Level wanted, [[maybe_unused]] MatmulKernel matmul = MatmulKernel::packed) {
#if !MOENDA_HEADER_ONLY
  if (matmul == MatmulKernel::eigen) {
    if (wanted == Level::automatic || wanted == Level::portable) {
      return {Level::portable, "Eigen's products are compiled for it"};
    }
    throw ConfigError(std::string("cpu::Backend: kernels must be \"auto\" or \"portable\" with the "
                                  "products of Eigen, got \"") +
                      name_of(wanted) + "\"");
  }
#endif
  if (wanted != Level::automatic) return level_detail::named_level(wanted);
  Level const named = level_detail::from_environment();
  if (named == Level::automatic) return level_detail::quickest_level();
  auto chosen = level_detail::named_level(named);
  chosen.reason = "MOENDA_KERNELS names it";
  return chosen;
}

}  // namespace moenda::cpu
