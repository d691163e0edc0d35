// SPDX-License-Identifier: Apache-2.0
// The kernels for processors with AVX2 and FMA (x86-64-v3).
#include "moenda/cpu/levels/prerequisites.hpp"

#if defined(__x86_64__)
#define MOENDA_LEVEL inline avx2
#define MOENDA_AVX2 1
#define MOENDA_AVX512 0
#define MOENDA_AVX512_BF16 0
#define MOENDA_AMX 0
#define MOENDA_BF16_WITHOUT_DOTS 1
#define MOENDA_EIGEN 0
#define MOENDA_TABLES avx2_tables
#if defined(__clang__)
#pragma clang attribute push(__attribute__((target("avx2,fma,bmi,bmi2,f16c,lzcnt,movbe,popcnt"))), \
                             apply_to = function)
#else
#pragma GCC push_options
#pragma GCC target("avx2,fma,bmi,bmi2,f16c,lzcnt,movbe,popcnt")
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
