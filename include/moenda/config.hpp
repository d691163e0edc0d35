// SPDX-License-Identifier: Apache-2.0
#pragma once
// Every switch of the library.

/// 1 (default): kernels are compiled wherever they are used, for the processor that the compiler is
/// told of. 0: the program links moenda::kernels, which has them for every processor, or compiles
/// moenda/cpu/levels/*.cpp itself; its own files compile in a fraction of the time.
#ifndef MOENDA_HEADER_ONLY
#define MOENDA_HEADER_ONLY 1
#endif

/// 1: nothing is said about kernels that are compiled without the processor's own instructions.
#ifndef MOENDA_QUIET
#define MOENDA_QUIET 0
#endif

/// 1 when the CUDA kernels are linked in; 0: constructing cuda::Backend throws a sentence.
#ifndef MOENDA_CUDA
#define MOENDA_CUDA 0
#endif
