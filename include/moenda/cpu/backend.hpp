// SPDX-License-Identifier: Apache-2.0
#pragma once
// The CPU backend, with its kernels unless they are compiled elsewhere (MOENDA_HEADER_ONLY=0).
#include "moenda/cpu/declarations.hpp"

#if MOENDA_HEADER_ONLY
#include "moenda/cpu/kernels/kernels.hpp"
#endif
