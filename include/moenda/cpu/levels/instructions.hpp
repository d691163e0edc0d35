// SPDX-License-Identifier: Apache-2.0
#pragma once
// The instructions that kernels are compiled for, and the namespace in which they stand. A file of
// moenda/cpu/levels/ says both, for one level; everywhere else it is what the compiler was told.
#ifndef MOENDA_LEVEL
#define MOENDA_LEVEL inline native

#if defined(__AVX2__) && defined(__FMA__)
#define MOENDA_AVX2 1
#else
#define MOENDA_AVX2 0
#endif

#if MOENDA_AVX2 && defined(__AVX512F__) && defined(__AVX512BW__)
#define MOENDA_AVX512 1
#else
#define MOENDA_AVX512 0
#endif

#if MOENDA_AVX512 && defined(__AVX512BF16__)
#define MOENDA_AVX512_BF16 1
#else
#define MOENDA_AVX512_BF16 0
#endif

#if MOENDA_AVX512_BF16 && defined(__AMX_TILE__) && defined(__AMX_BF16__) && defined(__linux__)
#define MOENDA_AMX 1
#else
#define MOENDA_AMX 0
#endif

/// Whether products in bf16 are compiled for processors without instructions for it as well.
#define MOENDA_BF16_WITHOUT_DOTS !MOENDA_AVX512_BF16
/// Whether Eigen's products are: a reference, which one level is enough for.
#define MOENDA_EIGEN 1
#endif
