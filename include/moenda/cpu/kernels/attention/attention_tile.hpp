// SPDX-License-Identifier: Apache-2.0
#pragma once
// The matrix product of one attention tile: small, hot in the cache, no packing of the left side.
#include <algorithm>
#include <cstddef>
#include <cstring>

#include "moenda/cpu/levels/instructions.hpp"

namespace moenda::cpu::MOENDA_LEVEL {

// One register full of scalars. The compilers' vector types lower to whatever the target has, and
// unlike arrays of scalars they stay in registers through the depth loop with every compiler.
#if MOENDA_AVX512
inline constexpr int register_bytes = 64;
inline constexpr int widest_block = 4;  // 32 registers: 4 rows x 4 vectors of sums
#elif MOENDA_AVX2
inline constexpr int register_bytes = 32;
inline constexpr int widest_block = 2;  // 16 registers: 4 rows x 2 vectors of sums
#else
inline constexpr int register_bytes = 16;
inline constexpr int widest_block = 2;
#endif

template <class T>
struct Register;
template <>
struct Register<float> {
  using Type = float __attribute__((vector_size(register_bytes)));
  static constexpr int lanes = register_bytes / 4;
};
template <>
struct Register<double> {
  using Type = double __attribute__((vector_size(register_bytes)));
  static constexpr int lanes = register_bytes / 8;
};

/// `count` rounded up to whole registers: the row length of a padded tile.
template <class T>
[[nodiscard]] constexpr int padded(int count) {
  constexpr int lanes = Register<T>::lanes;
  return (count + lanes - 1) / lanes * lanes;
}

/// The left side of a product, element (row, depth) at data[row * by_row + depth * by_depth]: a
/// matrix or, with the steps swapped, its transpose.
template <class T>
struct LeftMatrix {
  T const* data;
  std::ptrdiff_t by_row, by_depth;
};

/// y[rows, columns] = (add ? y : 0) + left[rows, depth] right[depth, columns], for a block of
/// `rows` x `vectors` registers; `columns` <= vectors * lanes are stored.
template <int rows, int vectors, class T>
inline void product_block(T* y, std::ptrdiff_t y_step, LeftMatrix<T> left, T const* right,
                          std::ptrdiff_t right_step, int columns, int depth, bool add) {
  using Vector = typename Register<T>::Type;
  constexpr int lanes = Register<T>::lanes;
  Vector sums[rows][vectors] = {};
  for (int d = 0; d < depth; ++d, left.data += left.by_depth, right += right_step) {
    Vector in[vectors];
    for (int v = 0; v < vectors; ++v) {
      std::memcpy(&in[v], right + v * lanes, sizeof(Vector));
#if defined(__GNUC__) && !defined(__clang__) && defined(__x86_64__)
      // g++ would load the same vector again for every row, which the load ports cannot keep up
      // with: make it believe that the register changed.
      asm("" : "+v"(in[v]));
#endif
    }
    for (int row = 0; row < rows; ++row) {
      T const factor = left.data[row * left.by_row];
      for (int v = 0; v < vectors; ++v) sums[row][v] += factor * in[v];
    }
  }
  for (int row = 0; row < rows; ++row, y += y_step) {
    if (columns == vectors * lanes) {
      if (add) {
        for (int v = 0; v < vectors; ++v) {
          Vector before;
          std::memcpy(&before, y + v * lanes, sizeof(Vector));
          sums[row][v] += before;
        }
      }
      for (int v = 0; v < vectors; ++v) std::memcpy(y + v * lanes, &sums[row][v], sizeof(Vector));
    } else {
      T whole[vectors * lanes];
      for (int v = 0; v < vectors; ++v) {
        std::memcpy(whole + v * lanes, &sums[row][v], sizeof(Vector));
      }
      if (add) {
        for (int c = 0; c < columns; ++c) whole[c] += y[c];
      }
      std::copy_n(whole, columns, y);
    }
  }
}

/// All rows of a product over `vectors` registers of columns, `block` rows at a time.
template <int block, int vectors, class T>
void product_columns(T* y, std::ptrdiff_t y_step, LeftMatrix<T> left, T const* right,
                     std::ptrdiff_t right_step, int rows, int columns, int depth, bool add) {
  int row = 0;
  for (; row + block <= rows; row += block) {
    product_block<block, vectors>(y, y_step, left, right, right_step, columns, depth, add);
    y += block * y_step, left.data += block * left.by_row;
  }
  for (; row < rows; ++row) {
    product_block<1, vectors>(y, y_step, left, right, right_step, columns, depth, add);
    y += y_step, left.data += left.by_row;
  }
}

/// y[rows, columns] = (add ? y : 0) + left[rows, depth] right[depth, columns]. The rows of `right`
/// must be readable up to padded(columns); `y` is written only where it has columns.
template <class T>
void tile_product(T* y, std::ptrdiff_t y_step, LeftMatrix<T> left, T const* right,
                  std::ptrdiff_t right_step, int rows, int columns, int depth, bool add) {
  constexpr int lanes = Register<T>::lanes;
  int begin = 0;
  while (begin < columns) {
    int const rest = columns - begin, needed = padded<T>(rest) / lanes;
    auto const part = [&]<int block, int vectors>() {
      int const now = rest < vectors * lanes ? rest : vectors * lanes;
      product_columns<block, vectors>(y + begin, y_step, left, right + begin, right_step, rows, now,
                                      depth, add);
      begin += vectors * lanes;
    };
    if (needed >= widest_block) {
      part.template operator()<4, widest_block>();
    } else if (needed >= 2) {
      part.template operator()<4, 2>();
    } else {
      part.template operator()<8, 1>();
    }
  }
}

}  // namespace moenda::cpu::MOENDA_LEVEL
