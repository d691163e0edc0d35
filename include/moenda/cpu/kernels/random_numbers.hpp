// SPDX-License-Identifier: Apache-2.0
#pragma once
// Random numbers in bulk. Number i is a function of (seed, stream, i) alone.
#include "moenda/core/random.hpp"
#include "moenda/cpu/kernels/blocks.hpp"

namespace moenda::cpu {

// y[i] uniform in [0, 1)
MOENDA_KERNEL draw_uniform(Backend<T>& backend, T* y, Random random, std::ptrdiff_t n) {
  detail::for_blocks(backend, n, detail::scalars_per_block,
                     [=](std::ptrdiff_t begin, std::ptrdiff_t end) {
                       for (std::ptrdiff_t i = begin; i < end; ++i) {
                         y[i] = static_cast<T>(random.uniform(static_cast<std::uint64_t>(i)));
                       }
                     });
}

// y[i] standard normal
MOENDA_KERNEL draw_normal(Backend<T>& backend, T* y, Random random, std::ptrdiff_t n) {
  detail::for_blocks(backend, n, detail::scalars_per_block,
                     [=](std::ptrdiff_t begin, std::ptrdiff_t end) {
                       for (std::ptrdiff_t i = begin; i < end; ++i) {
                         y[i] = static_cast<T>(random.normal(static_cast<std::uint64_t>(i)));
                       }
                     });
}

// y[i] = value with probability 1 - p, else 0
MOENDA_KERNEL draw_mask(Backend<T>& backend, T* y, Random random, double p, T value,
                        std::ptrdiff_t n) {
  detail::for_blocks(backend, n, detail::scalars_per_block,
                     [=](std::ptrdiff_t begin, std::ptrdiff_t end) {
                       for (std::ptrdiff_t i = begin; i < end; ++i) {
                         bool const kept = random.uniform(static_cast<std::uint64_t>(i)) >= p;
                         y[i] = kept ? value : T(0);
                       }
                     });
}

}  // namespace moenda::cpu
