// SPDX-License-Identifier: Apache-2.0
#pragma once
// Weights of every format become plain scalars here, a part of a row at a time.
#include <algorithm>
#include <cstddef>
#include <cstdint>

#include "moenda/core/bf16.hpp"
#include "moenda/core/storage.hpp"
#include "moenda/cpu/levels/instructions.hpp"

namespace moenda::cpu::MOENDA_LEVEL::detail {

/// to[count] = w[row, first .. first + count], where rows of w have `cols` columns.
template <class T>
void unpack_row(T* to, WeightView<T> const& w, std::ptrdiff_t row, int cols, int first, int count) {
  auto const at = row * cols + first;
  switch (w.format) {
    case Format::fp32:
      std::copy_n(w.values + at, count, to);
      return;
    case Format::bf16: {
      auto const* const codes = static_cast<std::uint16_t const*>(w.codes) + at;
      for (int i = 0; i < count; ++i) to[i] = T(from_bf16(codes[i]));
      return;
    }
  }
}

}  // namespace moenda::cpu::MOENDA_LEVEL::detail
