// SPDX-License-Identifier: Apache-2.0
#pragma once
// The matrix product on packed panels, after Goto & van de Geijn, Anatomy of High-Performance
// Matrix Multiplication (ACM TOMS 34(3), 2008). The left operand is packed first, by everyone, and
// stays in the shared cache; then every worker takes a contiguous run of output tiles, column of
// tiles by column of tiles, and packs the right panel it is about to use into its own cache.
// Packing the right operand as a whole was rejected: it needs a second buffer of the size of a
// weight, and a step of few rows would pay for writing and reading a copy of it in memory.
#include <algorithm>
#include <cstddef>
#include <cstdint>

#include "../backend.hpp"
#include "gemm_micro.hpp"
#include "gemm_pack.hpp"

namespace moenda::cpu {
namespace gemm_detail {

/// One product, cut into blocks. V: the registers used.
template <class V>
class Product {
  using T = typename V::Scalar;
  using Sizes = Tile<V>;
  using LeftPanel = Panel<T, Sizes::rows, Sizes::left_stride, V::lanes>;
  using RightPanel = Panel<T, Sizes::cols, Sizes::cols, V::lanes>;

 public:
  Product(Backend<T>& backend, T* c, std::ptrdiff_t c_row_stride, std::ptrdiff_t c_col_stride,
          int m, int n, int k, Operand<T> a, Operand<T> b, bool accumulate)
      : backend_(backend),
        c_(c),
        c_row_stride_(c_row_stride),
        c_col_stride_(c_col_stride),
        m_(m),
        n_(n),
        k_(k),
        a_(a),
        b_(b),
        accumulate_(accumulate),
        depth_(even_part(k, max_depth)),
        rows_(round_up(even_part(m, max_rows), Sizes::rows)),
        // The depth that is packed at once: a product of few rows packs its left operand whole.
        group_(std::max(1, max_left_depth / (panels(rows_) * depth_)) * depth_),
        in_parallel_(cost(m, n, k) > smallest_job) {}

  void run() {
    for (int row = 0; row < m_; row += rows_) {
      for (int p = 0; p < k_; p += std::min(group_, k_ - p)) {
        int const rows = std::min(rows_, m_ - row), depth = std::min(group_, k_ - p);
        T* const left =
            backend_.scratch(Backend<T>::matmul_left,
                             std::size_t(panels(rows)) * Sizes::left_stride * std::size_t(depth));
        bool const pack_in_parallel = in_parallel_ && std::int64_t{rows} * depth > smallest_packing;
        each(pack_in_parallel, panels(rows), [&](std::int64_t begin, std::int64_t end) {
          pack_left(left, row, p, rows, depth, int(begin), int(end));
        });
        auto const tiles = std::int64_t{panels(rows)} * ((n_ - 1) / Sizes::cols + 1);
        each(in_parallel_, tiles, [&](std::int64_t begin, std::int64_t end) {
          for (int q = 0; q < depth; q += depth_) {
            multiply(left + std::ptrdiff_t{panels(rows)} * Sizes::left_stride * q, row, p + q, rows,
                     std::min(depth_, depth - q), begin, end);
          }
        });
      }
    }
  }

 private:
  // Sizes in bytes of the caches are those of common machines: a right panel of max_depth and a
  // left one stream from 1 MiB of second-level cache, the packed left operand from the last level.
  static constexpr int max_depth = int(2048 / sizeof(T)), max_rows = 2400;
  static constexpr int max_left_depth = int((4 << 20) / (sizeof(T) * Sizes::left_stride));
  static constexpr std::int64_t smallest_job = 32768, smallest_packing = 16384;

  static int even_part(int size, int limit) {
    int const parts = (size - 1) / limit + 1;
    return (size - 1) / parts + 1;
  }
  static int round_up(int size, int unit) { return (size + unit - 1) / unit * unit; }
  static int panels(int rows) { return (rows - 1) / Sizes::rows + 1; }
  /// A rough count of cycles: multiply-adds, and numbers moved.
  static double cost(double m, double n, double k) {
    return m * n * k / (2 * V::lanes) + (m * n + m * k + n * k) / 4;
  }
  template <class Body>
  void each(bool in_parallel, std::int64_t count, Body&& body) {
    if (in_parallel) return backend_.pool.parallel_for(count, body);
    body(std::int64_t{0}, count);
  }

  void pack_left(T* left, int row, int p, int rows, int depth, int begin, int end) const {
    for (int q = 0; q < depth; q += depth_) {
      int const block = std::min(depth_, depth - q);
      LeftPanel::pack(left + (std::ptrdiff_t{panels(rows)} * q + std::ptrdiff_t{begin} * block) *
                                 Sizes::left_stride,
                      a_.from(row + begin * Sizes::rows, p + q),
                      std::min(end * Sizes::rows, rows) - begin * Sizes::rows, block);
    }
  }

  /// Tiles [begin, end) of the block of rows, over one block of the depth.
  void multiply(T const* left, int row, int p, int rows, int depth, std::int64_t begin,
                std::int64_t end) {
    auto const right_size = std::size_t(depth) * Sizes::cols;
    T* const right =
        backend_.scratch(Backend<T>::matmul_right, right_size + Sizes::rows * Sizes::cols);
    while (begin < end) {
      int const col = int(begin / panels(rows)) * Sizes::cols,
                cols = std::min(Sizes::cols, n_ - col);
      RightPanel::pack(right, b_.from(p, col).transposed(), cols, depth);
      auto const first = begin % panels(rows);
      auto const last = std::min<std::int64_t>(panels(rows), first + end - begin);
      for (auto panel = first; panel < last; ++panel) {
        int const tile_row = int(panel) * Sizes::rows;
        write_tile(left + panel * depth * Sizes::left_stride, right, right + right_size,
                   row + tile_row, col, std::min(Sizes::rows, rows - tile_row), cols, depth,
                   accumulate_ || p > 0);
      }
      begin += last - first;
    }
  }

  /// Tiles on an edge are computed whole, aside, and copied in part.
  void write_tile(T const* left, T const* right, T* aside, int row, int col, int rows, int cols,
                  int depth, bool accumulate) const {
    T* const c = c_ + row * c_row_stride_ + col * c_col_stride_;
    if (cols == Sizes::cols && c_col_stride_ == 1 && rows == rows_computed<V>(rows)) {
      return compute_some_rows<V>(rows, c, c_row_stride_, left, right, depth, accumulate);
    }
    compute_some_rows<V>(rows, aside, Sizes::cols, left, right, depth, false);
    for (int i = 0; i < rows; ++i) {
      for (int j = 0; j < cols; ++j) {
        T& element = c[i * c_row_stride_ + j * c_col_stride_];
        T const sum = aside[i * Sizes::cols + j];
        element = accumulate ? element + sum : sum;
      }
    }
  }

  Backend<T>& backend_;
  T* c_;
  std::ptrdiff_t c_row_stride_, c_col_stride_;
  int m_, n_, k_;
  Operand<T> a_, b_;
  bool accumulate_;
  int depth_, rows_, group_;
  bool in_parallel_;
};

}  // namespace gemm_detail

/// c[m, n] = a[m, k] b[k, n], or c += a b with `accumulate`. c is row-major with `c_stride` between
/// rows and must not overlap a or b. Every element sums its k products in one order that depends on
/// k alone: the bits are the same for any number of threads, any m and any n. Inside a job of the
/// backend's pool it runs in place. Throws ConfigError for negative sizes or c_stride < n.
template <class T, class V = gemm_detail::Native<T>>
void gemm(Backend<T>& backend, T* c, std::ptrdiff_t c_stride, int m, int n, int k, Operand<T> a,
          Operand<T> b, bool accumulate) {
  require(m >= 0 && n >= 0 && k >= 0, "gemm: sizes must not be negative", std::min(m, n), k);
  require(m <= 1 || c_stride >= n, "gemm: rows of c must not overlap: c_stride >= n", c_stride, n);
  if (m == 0 || n == 0) return;
  if (k == 0) {
    for (int i = 0; i < m && !accumulate; ++i) std::fill_n(c + i * c_stride, n, T(0));
    return;
  }
  // A narrow result (a router's logits) would fill few columns of a tile: compute its transpose.
  if (n < gemm_detail::Tile<V>::cols && n < m) {
    return gemm_detail::Product<V>(backend, c, 1, c_stride, n, m, k, b.transposed(), a.transposed(),
                                   accumulate)
        .run();
  }
  gemm_detail::Product<V>(backend, c, c_stride, 1, m, n, k, a, b, accumulate).run();
}

}  // namespace moenda::cpu
