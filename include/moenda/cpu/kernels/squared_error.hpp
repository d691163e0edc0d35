// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <cmath>

#include "moenda/cpu/declarations.hpp"

namespace moenda::cpu {

// *loss_sum = sum of (values[r] - targets[r])^2, in double, in the order of the rows; a target that
// is NaN counts nothing. dvalues (may be null) = scale * its gradient; losses (may be null): [rows]
template <class T>
void squared_error(Backend<T>&, double* loss_sum, T* losses, T* dvalues, T const* values,
                   float const* targets, T scale, int rows) {
  // A batch has few sequences: not worth waking a thread.
  *loss_sum = 0;
  for (int r = 0; r < rows; ++r) {
    bool const counts = !std::isnan(targets[r]);
    T const off = counts ? values[r] - static_cast<T>(targets[r]) : T(0);
    *loss_sum += static_cast<double>(off) * static_cast<double>(off);
    if (losses != nullptr) losses[r] = off * off;
    if (dvalues != nullptr) dvalues[r] = T(2) * scale * off;
  }
}

}  // namespace moenda::cpu
