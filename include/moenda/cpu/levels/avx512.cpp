// SPDX-License-Identifier: Apache-2.0
// The kernels for processors with AVX-512 (x86-64-v4), and products in bf16 for those that have dot
// products of pairs in vectors or tiles as well. Only these products use such instructions, and
// only a backend of such a level calls them.
#include "moenda/cpu/levels/prerequisites.hpp"

#if defined(__x86_64__)
#define MOENDA_LEVEL inline avx512
#define MOENDA_AVX2 1
#define MOENDA_AVX512 1
#define MOENDA_AVX512_BF16 1
#if defined(__linux__)
#define MOENDA_AMX 1
#else
#define MOENDA_AMX 0
#endif
#define MOENDA_BF16_WITHOUT_DOTS 1
#define MOENDA_EIGEN 0
#define MOENDA_TABLES avx512_tables
#if defined(__clang__)
#pragma clang attribute push(                                                           \
    __attribute__((target("avx2,fma,bmi,bmi2,f16c,lzcnt,movbe,popcnt,avx512f,avx512bw," \
                          "avx512cd,avx512dq,avx512vl,avx512bf16,amx-tile,amx-bf16"))), \
    apply_to = function)
#else
#pragma GCC push_options
#pragma GCC target( \
    "avx2,fma,bmi,bmi2,f16c,lzcnt,movbe,popcnt,avx512f,avx512bw,avx512cd,avx512dq,avx512vl,avx512bf16,amx-tile,amx-bf16")
#endif

#include "moenda/cpu/kernels/gemm/rate.hpp"
#include "moenda/cpu/kernels/kernels.hpp"

#if defined(__clang__)
#pragma clang attribute pop
#else
#pragma GCC pop_options
#endif
#include "moenda/cpu/levels/table.inc"
#endif
