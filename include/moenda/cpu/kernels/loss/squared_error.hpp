// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <cmath>

#include "moenda/cpu/declarations.hpp"

namespace moenda::cpu::MOENDA_LEVEL {

// *loss_sum = sum of (values[r] - targets[r])^2, in double, in the order of the rows; a target that
// is NaN counts nothing. dvalues (may be null) = scale * its gradient; losses (may be null): [rows]
template <class T>
void squared_error(Backend<T>&, double* loss_sum, T* losses, T* dvalues, T const* values,
                   float const* targets, T scale, int rows) {
  // A batch has few sequences: not worth waking a thread.
  auto const off = [=](int r) {
    float const target = targets[r];
    T const difference = values[r] - static_cast<T>(target);
    return std::isnan(target) ? T(0) : difference;
  };
  *loss_sum = 0;
  for (int r = 0; r < rows; ++r) {
    *loss_sum += static_cast<double>(off(r)) * static_cast<double>(off(r));
  }
  if (losses != nullptr) {
    for (int r = 0; r < rows; ++r) losses[r] = off(r) * off(r);
  }
  if (dvalues != nullptr) {
    for (int r = 0; r < rows; ++r) dvalues[r] = T(2) * scale * off(r);
  }
}

}  // namespace moenda::cpu::MOENDA_LEVEL
