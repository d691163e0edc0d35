// SPDX-License-Identifier: Apache-2.0
// The kernels for any processor of the family that the compiler compiles for.
#include "moenda/cpu/levels/prerequisites.hpp"

#define MOENDA_LEVEL inline portable
#define MOENDA_AVX2 0
#define MOENDA_AVX512 0
#define MOENDA_AVX512_BF16 0
#define MOENDA_AMX 0
#define MOENDA_BF16_WITHOUT_DOTS 1
#define MOENDA_EIGEN 1
#define MOENDA_TABLES portable_tables
#include "moenda/cpu/kernels/gemm/rate.hpp"
#include "moenda/cpu/kernels/kernels.hpp"
#include "moenda/cpu/levels/table.inc"
