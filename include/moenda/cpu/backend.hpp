// SPDX-License-Identifier: Apache-2.0
#pragma once
// The CPU backend, with its kernels unless they are compiled elsewhere (MOENDA_HEADER_ONLY=0).
#include "moenda/cpu/declarations.hpp"

#if MOENDA_HEADER_ONLY
#include "moenda/cpu/kernels/kernels.hpp"

#if !MOENDA_QUIET && defined(__x86_64__) && (!MOENDA_AVX2 || !defined(__OPTIMIZE__))
#pragma message(                                                                                      \
    "Moenda: these kernels are compiled for any x86-64 processor, or not optimised, and run several " \
    "times slower than they could: compile with -O3 -march=native, or link moenda::kernels "          \
    "(-DMOENDA_QUIET=1 silences this)")
#endif
#endif
