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

#include "moenda/cpu/declarations.hpp"
#include "moenda/cpu/kernels/gemm_few_rows.hpp"
#include "moenda/cpu/kernels/gemm_micro.hpp"
#include "moenda/cpu/kernels/gemm_pack.hpp"
#include "moenda/cpu/kernels/gemm_problem.hpp"

namespace moenda::cpu {
namespace gemm_detail {

/// Cycles; below it a job of the pool costs more than it saves.
inline constexpr double smallest_job = 32768;

/// One product, cut into blocks. V: the registers used.
template <class V>
class Product {
  using T = typename V::Scalar;
  using Sizes = Tile<V>;
  using LeftPanel = Panel<T, Sizes::rows, Sizes::left_stride, V::lanes>;
  using RightPanel = Panel<T, Sizes::cols, Sizes::cols, V::lanes>;

 public:
  Product(Backend<T>& backend, Problem<T> const& problem)
      : backend_(backend),
        problem_(problem),
        depth_(even_part(problem.k, max_depth)),
        rows_(round_up(even_part(problem.m, max_rows), Sizes::rows)),
        // The depth that is packed at once: a product of few rows packs its left operand whole.
        group_(std::max(1, max_left_depth / (panels(rows_) * depth_)) * depth_),
        in_parallel_(problem.cost(V::lanes) > smallest_job) {}

  void run() {
    for (int row = 0; row < problem_.m; row += std::min(rows_, problem_.m - row)) {
      for (int p = 0; p < problem_.k; p += std::min(group_, problem_.k - p)) {
        run_block(row, p, std::min(rows_, problem_.m - row), std::min(group_, problem_.k - p));
      }
    }
  }

 private:
  // Found by measuring: a right panel of max_depth and a left one stream from 1 MiB of second-level
  // cache, the packed left operand of max_rows from the last level.
  static constexpr int max_depth = int(2048 / sizeof(T)), max_rows = 2400;
  static constexpr int max_left_depth = int((4 << 20) / (sizeof(T) * Sizes::left_stride));
  // In numbers; below it a job costs more than it saves.
  static constexpr std::int64_t smallest_packing = 16384;

  /// The largest part when `size` is cut into the fewest, nearly equal parts within `limit`.
  static int even_part(int size, int limit) {
    int const parts = (size - 1) / limit + 1;
    return (size - 1) / parts + 1;
  }
  static int round_up(int size, int unit) { return (size + unit - 1) / unit * unit; }
  static int panels(int rows) { return (rows - 1) / Sizes::rows + 1; }
  template <class Body>
  void each(bool in_parallel, std::int64_t count, Body&& body) {
    if (in_parallel) return backend_.pool.parallel_for(count, body);
    body(std::int64_t{0}, count);
  }

  /// Adds the products of the depth [p, p + depth) to rows [row, row + rows) of c.
  void run_block(int row, int p, int rows, int depth) {
    auto const left_step = std::size_t(panels(rows)) * Sizes::left_stride;
    T* const left = backend_.scratch(Backend<T>::matmul_left, left_step * std::size_t(depth));
    each(in_parallel_ && std::int64_t{rows} * depth > smallest_packing, panels(rows),
         [&](std::int64_t begin, std::int64_t end) {
           pack_left(left, row, p, rows, depth, int(begin), int(end));
         });
    auto const tiles = std::int64_t{panels(rows)} * ((problem_.n - 1) / Sizes::cols + 1);
    each(in_parallel_, tiles, [&](std::int64_t begin, std::int64_t end) {
      for (int q = 0; q < depth; q += depth_) {
        multiply(left + left_step * std::size_t(q), row, p + q, rows, std::min(depth_, depth - q),
                 begin, end);
      }
    });
  }

  void pack_left(T* left, int row, int p, int rows, int depth, int begin, int end) const {
    for (int q = 0; q < depth; q += depth_) {
      int const block = std::min(depth_, depth - q);
      LeftPanel::pack(left + (std::ptrdiff_t{panels(rows)} * q + std::ptrdiff_t{begin} * block) *
                                 Sizes::left_stride,
                      problem_.a.from(row + begin * Sizes::rows, p + q),
                      std::min(end * Sizes::rows, rows) - begin * Sizes::rows, block);
    }
  }

  /// Tiles [begin, end) of the block of rows, over one block of the depth.
  void multiply(T const* left, int row, int p, int rows, int depth, std::int64_t begin,
                std::int64_t end) {
    auto const right_size = std::size_t(depth) * Sizes::cols;
    T* const space =
        backend_.scratch(Backend<T>::matmul_right, right_size + Sizes::rows * Sizes::cols);
    while (begin < end) {
      int const col = int(begin / panels(rows)) * Sizes::cols;
      int const cols = std::min(Sizes::cols, problem_.n - col);
      auto const b = problem_.b.from(p, col);
      // A panel that is read once, and lies in rows already, is read where it is.
      bool const in_place = panels(rows) == 1 && b.col_stride == 1 && cols == Sizes::cols;
      if (!in_place) RightPanel::pack(space, b.transposed(), cols, depth);
      auto const right =
          in_place ? Operand<T>{b.data, b.row_stride, 1} : Operand<T>{space, Sizes::cols, 1};
      auto const first = begin % panels(rows);
      auto const last = std::min<std::int64_t>(panels(rows), first + end - begin);
      for (auto panel = first; panel < last; ++panel) {
        int const tile_row = int(panel) * Sizes::rows;
        write_tile(left + panel * depth * Sizes::left_stride, right, space + right_size,
                   row + tile_row, col, std::min(Sizes::rows, rows - tile_row), cols, depth,
                   problem_.accumulate || p > 0);
      }
      begin += last - first;
    }
  }

  /// Tiles on an edge are computed whole, aside, and copied in part.
  void write_tile(T const* left, Operand<T> right, T* aside, int row, int col, int rows, int cols,
                  int depth, bool accumulate) const {
    T* const c = problem_.at(row, col);
    if (cols == Sizes::cols && problem_.c_col_stride == 1 && rows == rows_computed<V>(rows)) {
      return compute_some_rows<V>(rows, c, problem_.c_row_stride, left, right.data,
                                  right.row_stride, depth, accumulate);
    }
    compute_some_rows<V>(rows, aside, Sizes::cols, left, right.data, right.row_stride, depth,
                         false);
    for (int i = 0; i < rows; ++i) {
      for (int j = 0; j < cols; ++j) {
        T* const element = problem_.at(row + i, col + j);
        T const sum = aside[i * Sizes::cols + j];
        *element = accumulate ? *element + sum : sum;
      }
    }
  }

  Backend<T>& backend_;
  Problem<T> problem_;
  int depth_, rows_, group_;
  bool in_parallel_;
};

template <class V>
void multiply(Backend<typename V::Scalar>& backend, Problem<typename V::Scalar> const& problem) {
  if (!has_few_rows(problem)) return Product<V>(backend, problem).run();
  auto const columns = [&](std::int64_t begin, std::int64_t end) {
    multiply_columns<V>(problem, int(begin), int(end));
  };
  if (problem.cost(V::lanes) <= smallest_job) return columns(0, problem.n);
  backend.pool.parallel_for(problem.n, columns);
}

}  // namespace gemm_detail

/// c[m, n] = a[m, k] b[k, n], or c += a b with `accumulate`. c is row-major with `c_stride` between
/// rows and must not overlap a or b. Every element sums its k products in one fixed order, which
/// depends on k and on whether the product has few rows: the bits are the same for any number of
/// threads. Inside a job of the backend's pool it runs in place. Throws ConfigError for negative
/// sizes or c_stride < n.
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
  gemm_detail::Problem<T> const problem{c, c_stride, 1, m, n, k, a, b, accumulate};
  // A narrow result (a router's logits) would fill few columns of a tile: compute its transpose.
  bool const narrow = n < gemm_detail::Tile<V>::cols && n < m;
  gemm_detail::multiply<V>(backend, narrow ? problem.transposed() : problem);
}

}  // namespace moenda::cpu
