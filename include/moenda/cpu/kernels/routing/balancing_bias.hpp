// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <cstddef>

#include "moenda/cpu/declarations.hpp"

namespace moenda::cpu::MOENDA_LEVEL {

// bias[e] += rate where counts[e] < (1 - dead_zone) mean, -= rate where it is > (1 + dead_zone)
// mean. A handful of numbers once per step: one worker.
template <class T>
void move_balancing_bias(Backend<T>&, T* bias, T const* counts, double rate, double dead_zone,
                         int experts) {
  double mean = 0;
  for (int e = 0; e < experts; ++e) mean += double(counts[e]) / experts;
  // What is equal to the mean but for rounding is at the mean.
  double const slack = dead_zone + 1e-9;
  for (std::ptrdiff_t e = 0; e < experts; ++e) {
    double const count = double(counts[e]);
    T const before = bias[e], raised = count < (1 - slack) * mean ? before + T(rate) : before;
    bias[e] = count > (1 + slack) * mean ? raised - T(rate) : raised;
  }
}

}  // namespace moenda::cpu::MOENDA_LEVEL
