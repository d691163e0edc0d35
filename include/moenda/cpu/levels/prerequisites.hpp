// SPDX-License-Identifier: Apache-2.0
#pragma once
// Everything that kernels include, before a level's instructions are switched on: what they share
// with the rest of a program (the standard library, threads, weights) is compiled for every
// processor, so the linker may keep any copy of it.
#undef MOENDA_HEADER_ONLY
#define MOENDA_HEADER_ONLY 0

#include <algorithm>
#include <array>
#include <bit>
#include <chrono>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <functional>
#include <limits>
#include <numbers>
#include <string>
#include <type_traits>
#include <utility>

#if defined(__x86_64__)
#include <immintrin.h>
#endif

#include "moenda/core/bf16.hpp"
#include "moenda/core/error.hpp"
#include "moenda/core/half.hpp"
#include "moenda/core/quantised.hpp"
#include "moenda/core/random.hpp"
#include "moenda/core/storage.hpp"
#include "moenda/cpu/levels/tables.hpp"
#include "moenda/cpu/runtime.hpp"
#include "moenda/kernels/shapes.hpp"
