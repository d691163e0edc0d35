// SPDX-License-Identifier: Apache-2.0
#pragma once
// The innermost loop of the matrix product: one output tile, held in registers over the depth.
// Follows the micro-kernel of Van Zee & van de Geijn, BLIS (ACM TOMS 41(3), 2015), section 3.
#include <cstddef>

#include "moenda/cpu/kernels/gemm/factors.hpp"
#include "moenda/cpu/kernels/gemm/micro_amx.hpp"
#include "moenda/cpu/kernels/gemm/micro_avx2.hpp"
#include "moenda/cpu/kernels/gemm/micro_avx512.hpp"
#include "moenda/cpu/kernels/gemm/micro_avx512_bf16.hpp"
#include "moenda/cpu/kernels/gemm/micro_portable.hpp"
#include "moenda/cpu/kernels/gemm/micro_tiles.hpp"
#include "moenda/cpu/kernels/gemm/unroll.hpp"

namespace moenda::cpu::MOENDA_LEVEL::gemm_detail {

/// The widest registers of this level.
#if MOENDA_AVX512
template <class T>
using Widest = Avx512<T>;
#elif MOENDA_AVX2
template <class T>
using Widest = Avx2<T>;
#else
template <class T>
using Widest = Portable<T>;
#endif
template <class T>
using Native = Exact<Widest<T>>;

/// Registers of kind V are those of a unit that computes a tile by itself, several steps at once.
template <class V>
constexpr bool is_tile_unit = requires {
  V::steps_at_once;
};
/// Depths are filled up with zeros to so many steps.
template <class V>
[[nodiscard]] constexpr int step_unit() {
  if constexpr (is_tile_unit<V>) return V::steps_at_once;
  return 1;
}

/// Sizes of the tile that registers of kind V compute, and of the packed panels it reads.
template <class V>
struct Tile {
  static constexpr int rows = V::tile_rows, cols = V::tile_registers * V::lanes;
  /// Rows of a packed left panel: whole registers, so that packing stores are aligned and no panel
  /// writes into the next.
  static constexpr int left_stride = (rows + V::lanes - 1) / V::lanes * V::lanes;
};

/// c[rows, cols] = left^T right, or c += ... with `accumulate`. left: [steps, left_stride], packed;
/// right: [steps, cols], `right_stride` between rows. Every element sums its products in the order
/// of the depth and meets c once at the end, whatever `rows` is: a row has the same bits in every
/// tile.
template <class V, int rows>
void compute_tile(typename V::Scalar* c, std::ptrdiff_t c_stride, typename V::Packed const* left,
                  typename V::Packed const* right, std::ptrdiff_t right_stride, int steps,
                  bool accumulate) {
  constexpr int columns = V::tile_registers;
  typename V::Register sums[rows][columns];
  unroll<rows>([&](auto i) {
    __builtin_prefetch(c + i * c_stride, 1);
    __builtin_prefetch(c + i * c_stride + Tile<V>::cols - 1, 1);
    unroll<columns>([&](auto j) { sums[i][j] = V::zero(); });
  });
  for (int step = 0; step < steps; ++step, left += Tile<V>::left_stride, right += right_stride) {
    typename V::Factor column[columns];
    unroll<columns>([&](auto j) { column[j] = V::load(right + j * V::lanes); });
    unroll<rows>([&](auto i) {
      auto const row = V::broadcast(left + i);
      unroll<columns>([&](auto j) { sums[i][j] = V::multiply_add(row, column[j], sums[i][j]); });
    });
  }
  unroll<rows>([&](auto i) {
    unroll<columns>([&](auto j) {
      auto* const at = c + i * c_stride + j * V::lanes;
      V::store(at, accumulate ? V::add(V::load(at), sums[i][j]) : sums[i][j]);
    });
  });
}

/// Rows that compute_some_rows really computes for `rows` wanted ones.
template <class V>
[[nodiscard]] constexpr int rows_computed(int rows) {
  if constexpr (is_tile_unit<V>) return rows <= V::tile_rows / 2 ? V::tile_rows / 2 : V::tile_rows;
  for (int size = 1; size < V::tile_rows; size *= 2) {
    if (rows <= size) return size;
  }
  return V::tile_rows;
}

/// compute_tile with the smallest of 1, 2, 4, 8, ... rows that covers `rows`: a decoding step of
/// one token does not pay for a whole tile.
template <class V, int size = 1>
void compute_some_rows(int rows, typename V::Scalar* c, std::ptrdiff_t c_stride,
                       typename V::Packed const* left, typename V::Packed const* right,
                       std::ptrdiff_t right_stride, int steps, bool accumulate) {
  if constexpr (is_tile_unit<V>) {
    V::compute(rows_computed<V>(rows), c, c_stride, left, right, right_stride, steps, accumulate);
  } else if constexpr (size < V::tile_rows) {
    if (rows <= size)
      return compute_tile<V, size>(c, c_stride, left, right, right_stride, steps, accumulate);
    compute_some_rows<V, size * 2>(rows, c, c_stride, left, right, right_stride, steps, accumulate);
  } else {
    compute_tile<V, V::tile_rows>(c, c_stride, left, right, right_stride, steps, accumulate);
  }
}

}  // namespace moenda::cpu::MOENDA_LEVEL::gemm_detail
