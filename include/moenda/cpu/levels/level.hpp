// SPDX-License-Identifier: Apache-2.0
#pragma once
// Levels of instructions, and which of them a processor has.
#include <array>
#include <cstddef>
#include <initializer_list>

#if defined(__x86_64__)
#include <cpuid.h>
#endif
#if defined(__x86_64__) && defined(__linux__)
#include <sys/syscall.h>
#include <unistd.h>
#endif

namespace moenda::cpu {

/// What kernels are compiled for; each level needs all before it. avx2: x86-64-v3 of the x86-64
/// psABI, avx512: x86-64-v4, avx512_bf16 and amx: dot products of bf16 pairs, in vectors or in
/// tiles. `automatic`: the quickest that this processor has.
enum class Level { automatic, portable, avx2, avx512, avx512_bf16, amx };
constexpr auto enum_names(Level) {
  return std::array{"auto", "portable", "avx2", "avx512", "avx512_bf16", "amx"};
}
[[nodiscard]] constexpr char const* name_of(Level level) {
  return enum_names(level)[static_cast<std::size_t>(level)];
}

namespace level_detail {

#if defined(__x86_64__)

/// The registers of CPUID's answer (Intel SDM volume 2A, CPUID); zeros where it is not known.
struct Answer {
  unsigned a = 0, b = 0, c = 0, d = 0;
};
[[nodiscard]] inline Answer cpuid(unsigned leaf, unsigned part = 0) {
  Answer answer;
  __get_cpuid_count(leaf, part, &answer.a, &answer.b, &answer.c, &answer.d);
  return answer;
}
/// Whether all of these bits are set.
[[nodiscard]] constexpr bool has(unsigned word, std::initializer_list<int> bits) {
  for (int const bit : bits) {
    if ((word >> bit & 1U) == 0) return false;
  }
  return true;
}
/// The kinds of registers that the operating system saves (XCR0), 0 without XSAVE.
[[nodiscard]] inline unsigned saved_registers() {
  if (!has(cpuid(1).c, {27})) return 0;
  unsigned low = 0, high = 0;
  asm volatile("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
  return low;
}
/// Asks the operating system for the tiles' state, 8 KB a thread.
[[nodiscard]] inline bool tiles_are_permitted() {
#if defined(__linux__)
  constexpr long request_permission = 0x1023, tile_data = 18;  // ARCH_REQ_XCOMP_PERM
  return syscall(SYS_arch_prctl, request_permission, tile_data) == 0;
#else
  return false;
#endif
}
[[nodiscard]] inline Level highest_level() {
  auto const basic = cpuid(1), extended = cpuid(7), more = cpuid(7, 1);
  unsigned const saved = saved_registers();
  // FMA, MOVBE, POPCNT, AVX, F16C; BMI1, AVX2, BMI2; LZCNT. XCR0: SSE and AVX.
  if (!has(basic.c, {12, 22, 23, 28, 29}) || !has(extended.b, {3, 5, 8}) ||
      !has(cpuid(0x80000001U).c, {5}) || !has(saved, {1, 2})) {
    return Level::portable;
  }
  // AVX-512 F, DQ, CD, BW, VL. XCR0: masks and both halves of the wide registers.
  if (!has(extended.b, {16, 17, 28, 30, 31}) || !has(saved, {5, 6, 7})) return Level::avx2;
  if (!has(more.a, {5})) return Level::avx512;
  // AMX-BF16, AMX-TILE. XCR0: shape and numbers of tiles.
  bool const tiles = has(extended.d, {22, 24}) && has(saved, {17, 18}) && tiles_are_permitted();
  return tiles ? Level::amx : Level::avx512_bf16;
}

#else

[[nodiscard]] inline Level highest_level() { return Level::portable; }

#endif

}  // namespace level_detail

/// The highest level that this processor and its operating system have. Asked once.
[[nodiscard]] inline Level highest_level() {
  static Level const level = level_detail::highest_level();
  return level;
}

}  // namespace moenda::cpu
