// SPDX-License-Identifier: Apache-2.0
#pragma once
// A part of a product that is packed and multiplied in one go. One operand, the standing one, is
// packed in advance by all workers and read again and again; of the other, the streamed one, every
// worker packs the panel that it is about to use into its own cache, while the panel after it is
// brought close. Packing both in advance was rejected: it needs a second buffer of the size of a
// weight, and a step of few rows would pay for writing and reading a copy of it in memory.
#include <algorithm>
#include <cstddef>
#include <cstdint>

#include "moenda/cpu/kernels/gemm_few_rows.hpp"
#include "moenda/cpu/kernels/gemm_micro.hpp"
#include "moenda/cpu/kernels/gemm_pack.hpp"
#include "moenda/cpu/kernels/gemm_problem.hpp"

namespace moenda::cpu::gemm_detail {

[[nodiscard]] constexpr int parts_of(int size, int unit) { return (size + unit - 1) / unit; }
/// The largest part when `size` is cut into the fewest, nearly equal parts within `limit`.
[[nodiscard]] constexpr int even_part(int size, int limit) {
  return parts_of(size, parts_of(size, limit));
}

/// V: the registers used.
template <class V>
class Block {
  using T = typename V::Scalar;
  using Packed = typename V::Packed;
  using Sizes = Tile<V>;
  using LeftPanel = Panel<V, Sizes::rows, Sizes::left_stride>;
  using RightPanel = Panel<V, Sizes::cols, Sizes::cols>;

 public:
  // Found by measuring: a right panel of max_steps and a left one stream from 1 MiB of second-level
  // cache. The depth is cut the same way whatever the other sizes are, and with it every sum.
  static constexpr int max_steps = int(2048 / sizeof(Packed));
  /// What a worker packs of the streamed operand, with a tile aside for the edges.
  static constexpr std::size_t streamed_size = std::size_t{max_steps} * Sizes::cols;
  static constexpr std::size_t aside_size = std::size_t{Sizes::rows} * Sizes::cols;

  Block() = default;
  /// `depth`: of the whole product that this is a part of.
  Block(Problem<T> const& problem, int depth)
      : problem_(problem),
        depth_(even_part(LeftPanel::steps(depth), max_steps) * V::pair),
        few_rows_(has_few_rows(problem)),
        // Short runs in many rows would be read from memory a line at a time.
        left_streams_(problem.m > problem.n && problem.a.contiguous_rows() &&
                      right_size(depth_) <= most_standing) {}

  [[nodiscard]] int standing_panels() const {
    if (few_rows_) return 0;
    return left_streams_ ? parts_of(problem_.n, Sizes::cols) : parts_of(problem_.m, Sizes::rows);
  }
  /// Elements of a standing panel over the whole depth, and of all of them.
  [[nodiscard]] std::ptrdiff_t panel_size() const { return size_of(problem_.k); }
  [[nodiscard]] std::ptrdiff_t standing_size() const { return standing_panels() * panel_size(); }
  [[nodiscard]] std::int64_t tiles() const {
    if (few_rows_) return parts_of(problem_.n, few_rows_columns);
    return std::int64_t{parts_of(problem_.n, Sizes::cols)} * parts_of(problem_.m, Sizes::rows);
  }
  /// A rough count of cycles: multiply-adds, numbers written, and numbers packed for the tile.
  [[nodiscard]] std::int64_t tile_cost() const {
    auto const steps = std::int64_t{LeftPanel::steps(problem_.k)};
    if (few_rows_) return steps * 4 + problem_.m;
    auto const packed = steps * (left_streams_ ? Sizes::rows : Sizes::cols) * V::pair;
    int const rows = rows_computed<V>(std::min(problem_.m, Sizes::rows));
    return steps * rows * V::tile_registers / 2 + rows * Sizes::cols / 4 +
           packed / 2 / standing_panels();
  }

  /// Packs the standing panels [begin, end).
  void pack(Packed* standing, int begin, int end) const {
    for (int p = 0; p < problem_.k; p += depth_) {
      int const depth = std::min(depth_, problem_.k - p);
      auto* const to = standing + standing_panels() * size_of(p) + begin * size_of(depth);
      if (left_streams_) {
        RightPanel::pack(to, problem_.b.from(p, begin * Sizes::cols).transposed(),
                         std::min(end * Sizes::cols, problem_.n) - begin * Sizes::cols, depth);
      } else {
        LeftPanel::pack(to, problem_.a.from(begin * Sizes::rows, p),
                        std::min(end * Sizes::rows, problem_.m) - begin * Sizes::rows, depth);
      }
    }
  }
  /// Computes the tiles [begin, end). `space`: streamed_size, and `aside`: aside_size elements.
  void multiply(Packed const* standing, Packed* space, T* aside, std::int64_t begin,
                std::int64_t end) const {
    if (few_rows_) {
      return multiply_columns<V>(problem_, int(begin) * few_rows_columns,
                                 std::min(int(end) * few_rows_columns, problem_.n));
    }
    for (int p = 0; p < problem_.k; p += depth_) {
      int const depth = std::min(depth_, problem_.k - p);
      Part const part{problem_.part(0, problem_.m, p, depth),
                      standing + standing_panels() * size_of(p), space, aside};
      left_streams_ ? stream_left(part, begin, end) : stream_right(part, begin, end);
    }
  }

 private:
  static constexpr int few_rows_columns = 8;
  /// Bytes of a right operand that stand in the second-level cache while left panels stream by.
  static constexpr std::size_t most_standing = 1024 << 10;

  /// One block of the depth.
  struct Part {
    Problem<T> problem;
    Packed const* standing;
    Packed* space;
    T* aside;
  };

  [[nodiscard]] std::ptrdiff_t size_of(int depth) const {
    return std::ptrdiff_t{LeftPanel::steps(depth)} *
           (left_streams_ ? Sizes::cols : Sizes::left_stride);
  }
  [[nodiscard]] std::size_t right_size(int depth) const {
    return std::size_t(parts_of(problem_.n, Sizes::cols)) * std::size_t(LeftPanel::steps(depth)) *
           Sizes::cols * sizeof(Packed);
  }

  /// Calls body(streamed panel, first and last standing panel) for the tiles [begin, end).
  template <class Body>
  void for_streamed(std::int64_t begin, std::int64_t end, Body&& body) const {
    std::int64_t const panels = standing_panels();
    while (begin < end) {
      auto const first = begin % panels, last = std::min(panels, first + end - begin);
      body(int(begin / panels), int(first), int(last));
      begin += last - first;
    }
  }

  void stream_right(Part const& part, std::int64_t begin, std::int64_t end) const {
    auto const& problem = part.problem;
    auto const from = problem.b.transposed();
    for_streamed(begin, end, [&](int streamed, int first, int last) {
      int const col = streamed * Sizes::cols, cols = std::min(Sizes::cols, problem.n - col);
      Packed const* right = part.space;
      std::ptrdiff_t stride = Sizes::cols;
      bool packs = true;
      if constexpr (V::in_place) {
        // A panel that is read once, and lies in rows already, is read where it is.
        packs = standing_panels() > 1 || !from.contiguous_cols() || from.col_of != nullptr ||
                cols < Sizes::cols;
        if (!packs) right = problem.b.at(0, col), stride = problem.b.row_stride;
      }
      if (packs) RightPanel::pack(part.space, from.from(col, 0), cols, problem.k);
      int const next = col + Sizes::cols;
      for (int panel = first; panel < last; ++panel) {
        if (next < problem.n) {
          RightPanel::prefetch(from.from(next, 0), std::min(Sizes::cols, problem.n - next),
                               problem.k, panel - first, last - first);
        }
        write_tile(part, part.standing + panel * size_of(problem.k), right, stride, panel,
                   streamed);
      }
    });
  }
  void stream_left(Part const& part, std::int64_t begin, std::int64_t end) const {
    auto const& problem = part.problem;
    for_streamed(begin, end, [&](int streamed, int first, int last) {
      int const row = streamed * Sizes::rows, next = row + Sizes::rows;
      LeftPanel::pack(part.space, problem.a.from(row, 0), std::min(Sizes::rows, problem.m - row),
                      problem.k);
      for (int panel = first; panel < last; ++panel) {
        if (next < problem.m) {
          LeftPanel::prefetch(problem.a.from(next, 0), std::min(Sizes::rows, problem.m - next),
                              problem.k, panel - first, last - first);
        }
        write_tile(part, part.space, part.standing + panel * size_of(problem.k), Sizes::cols,
                   streamed, panel);
      }
    });
  }

  /// Tiles on an edge are computed whole, aside, and copied in part.
  void write_tile(Part const& part, Packed const* left, Packed const* right,
                  std::ptrdiff_t right_stride, int left_panel, int right_panel) const {
    auto const& problem = part.problem;
    int const row = left_panel * Sizes::rows, rows = std::min(Sizes::rows, problem.m - row);
    int const col = right_panel * Sizes::cols, cols = std::min(Sizes::cols, problem.n - col);
    int const steps = LeftPanel::steps(problem.k);
    T* const c = problem.at(row, col);
    if (cols == Sizes::cols && problem.c_col_stride == 1 && rows == rows_computed<V>(rows)) {
      return compute_some_rows<V>(rows, c, problem.c_row_stride, left, right, right_stride, steps,
                                  problem.accumulate);
    }
    compute_some_rows<V>(rows, part.aside, Sizes::cols, left, right, right_stride, steps, false);
    for (int i = 0; i < rows; ++i) {
      for (int j = 0; j < cols; ++j) {
        T* const element = problem.at(row + i, col + j);
        T const sum = part.aside[i * Sizes::cols + j];
        *element = problem.accumulate ? *element + sum : sum;
      }
    }
  }

  Problem<T> problem_;
  int depth_ = 0;  // of the blocks that the depth is cut into
  bool few_rows_ = false, left_streams_ = false;
};

}  // namespace moenda::cpu::gemm_detail
