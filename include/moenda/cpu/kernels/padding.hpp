// SPDX-License-Identifier: Apache-2.0
#pragma once
// Which rows are there, and which only fill a batch up.
#include "moenda/cpu/kernels/blocks.hpp"

namespace moenda::cpu {

// mask[b, i] = 1 if i < lengths[b], else 0: item i of the `items` of sequence b is there
template <class T>
void mark_present(Backend<T>& backend, T* mask, int const* lengths, int batch_size, int items) {
  auto const body = [=](std::ptrdiff_t begin, std::ptrdiff_t end) {
    for (std::ptrdiff_t b = begin; b < end; ++b) {
      int const there = std::clamp(lengths[b], 0, items);
      std::fill_n(mask + b * items, there, T(1));
      std::fill_n(mask + b * items + there, items - there, T(0));
    }
  };
  detail::for_blocks(backend, batch_size, detail::rows_per_block(items), body);
}

// y[r, c] = factors[r] x[r, c]
template <class T>
void scale_rows(Backend<T>& backend, T* y, T const* x, T const* factors, int rows, int cols) {
  auto const body = [=](std::ptrdiff_t begin, std::ptrdiff_t end) {
    for (std::ptrdiff_t r = begin; r < end; ++r) {
      T const factor = factors[r];
      for (std::ptrdiff_t i = r * cols; i < (r + 1) * cols; ++i) y[i] = factor * x[i];
    }
  };
  detail::for_blocks(backend, rows, detail::rows_per_block(cols, detail::scalars_per_copy), body);
}

// y[i] = lengths[item_of_slot[i]]: the lengths of the items of some slots
template <class T>
void gather_lengths(Backend<T>&, int* y, int const* lengths, int const* item_of_slot, int slots) {
  for (int i = 0; i < slots; ++i) y[i] = lengths[item_of_slot[i]];
}

// y[b, t] = features[b, t], 0 in padding, whatever is written there
template <class T>
void read_features(Backend<T>& backend, T* y, float const* features, int const* lengths,
                   int batch_size, int seq_len, int cols) {
  auto const body = [=](std::ptrdiff_t begin, std::ptrdiff_t end) {
    for (std::ptrdiff_t r = begin; r < end; ++r) {
      auto const b = r / seq_len;
      bool const there = lengths == nullptr || r - b * seq_len < lengths[b];
      for (std::ptrdiff_t i = r * cols; i < (r + 1) * cols; ++i) {
        y[i] = there ? static_cast<T>(features[i]) : T(0);
      }
    }
  };
  detail::for_blocks(backend, std::ptrdiff_t(batch_size) * seq_len,
                     detail::rows_per_block(cols, detail::scalars_per_copy), body);
}

}  // namespace moenda::cpu
