// SPDX-License-Identifier: Apache-2.0
#pragma once
// Which rows are there, and which only fill a batch up.
#include "moenda/cpu/kernels/blocks.hpp"

namespace moenda::cpu::MOENDA_LEVEL {

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

// y[i] = lengths[item_of_slot[i]]: the lengths of the items of some slots, 0 of empty ones
template <class T>
void gather_lengths(Backend<T>&, int* y, int const* lengths, int const* item_of_slot, int slots) {
  for (int i = 0; i < slots; ++i) {
    int const item = item_of_slot[i], length = lengths[item < 0 ? 0 : item];
    y[i] = item < 0 ? 0 : length;
  }
}

// y[b * stride + positions[b] + t] = x[b * seq_len + t] for t < lengths[b]: the rows that are
// there, each sequence at its own place (positions null: all from `position` on; lengths null: all
// rows). Throws ConfigError, before it writes anything, for rows outside their sequence's `stride`.
template <class T>
void place_rows(Backend<T>& backend, T* y, T const* x, int const* positions, int const* lengths,
                int position, int batch_size, int seq_len, int stride, int cols) {
  auto const first_of = [=](std::ptrdiff_t b) {
    return positions == nullptr ? position : positions[b];
  };
  auto const rows_of = [=](std::ptrdiff_t b) {
    return lengths == nullptr ? seq_len : std::clamp(lengths[b], 0, seq_len);
  };
  for (int b = 0; b < batch_size; ++b) {
    require(first_of(b) >= 0 && first_of(b) + rows_of(b) <= stride,
            "place_rows: position + length of a sequence must fit its room",
            first_of(b) + rows_of(b), stride);
  }
  auto const width = std::ptrdiff_t{cols};
  auto const body = [=](std::ptrdiff_t begin, std::ptrdiff_t end) {
    for (std::ptrdiff_t b = begin; b < end; ++b) {
      std::copy_n(x + b * seq_len * width, rows_of(b) * width,
                  y + (b * stride + first_of(b)) * width);
    }
  };
  detail::for_blocks(backend, batch_size,
                     detail::rows_per_block(seq_len * width, detail::scalars_per_copy), body);
}

// ids[b, t] = positions[b] + t, or the last of table_rows rows where padding lies behind it. Throws
// ConfigError for a row that is there and outside the table.
template <class T>
void row_positions(Backend<T>&, int* ids, int const* positions, int const* lengths, int batch_size,
                   int seq_len, int table_rows) {
  for (int b = 0; b < batch_size; ++b, ids += seq_len) {
    int const first = positions[b];
    int const there = lengths == nullptr ? seq_len : std::clamp(lengths[b], 0, seq_len);
    require(first >= 0 && first + there <= table_rows,
            "row_positions: position + length of a sequence must fit the table", first + there,
            table_rows);
    for (int t = 0; t < seq_len; ++t) ids[t] = std::min(first + t, table_rows - 1);
  }
}

// y[b] = row max(0, lengths[b] - 1) of the seq_len rows of sequence b: its last that is there
template <class T>
void last_rows(Backend<T>&, T* y, T const* x, int const* lengths, int batch_size, int seq_len,
               int cols) {
  for (std::ptrdiff_t b = 0; b < batch_size; ++b) {
    auto const row = b * seq_len + std::clamp(lengths[b] - 1, 0, seq_len - 1);
    std::copy_n(x + row * cols, cols, y + b * cols);
  }
}

// y[b, t] = features[b, t], 0 in padding, whatever is written there
template <class T>
void read_features(Backend<T>& backend, T* y, float const* features, int const* lengths,
                   int batch_size, int seq_len, int cols) {
  auto const body = [=](std::ptrdiff_t begin, std::ptrdiff_t end) {
    for (std::ptrdiff_t r = begin; r < end; ++r) {
      auto const b = r / seq_len;
      bool const there = lengths == nullptr || r - b * seq_len < lengths[b];
      if (there) {
        std::copy_n(features + r * cols, cols, y + r * cols);
      } else {
        std::fill_n(y + r * cols, cols, T(0));
      }
    }
  };
  detail::for_blocks(backend, std::ptrdiff_t(batch_size) * seq_len,
                     detail::rows_per_block(cols, detail::scalars_per_copy), body);
}

}  // namespace moenda::cpu::MOENDA_LEVEL
