// SPDX-License-Identifier: Apache-2.0
#pragma once
// A part of a product that is packed and multiplied in one go. The left operand is packed in
// advance by all workers and read again and again. Of the right one every worker packs the few
// panels that it is about to use, as many as stay in its own cache: the result is then written
// along its rows, and the right operand read, in runs that are long enough for the prefetcher of
// the processor.
#include <algorithm>
#include <cstddef>
#include <cstdint>

#include "moenda/cpu/kernels/gemm/few_rows.hpp"
#include "moenda/cpu/kernels/gemm/micro.hpp"
#include "moenda/cpu/kernels/gemm/pack.hpp"
#include "moenda/cpu/kernels/gemm/pack_rows.hpp"
#include "moenda/cpu/kernels/gemm/problem.hpp"

namespace moenda::cpu::MOENDA_LEVEL::gemm_detail {

[[nodiscard]] constexpr int parts_of(int size, int unit) { return (size + unit - 1) / unit; }
/// The largest part when `size` is cut into the fewest, nearly equal parts within `limit`.
[[nodiscard]] constexpr int even_part(int size, int limit) {
  return parts_of(size, parts_of(size, limit));
}

/// How registers of kind V want the left operand, and what a thread holds while it uses them.
template <class V>
struct Use {
  using LeftPanel = Panel<V, Tile<V>::rows, Tile<V>::left_stride>;
  struct Session {};
};
template <class V>
requires is_tile_unit<V>
struct Use<V> {
  using LeftPanel = RowPanel<V>;
  using Session = typename V::Session;
};

/// V: the registers used.
template <class V>
class Block {
  using T = typename V::Scalar;
  using Packed = typename V::Packed;
  using Sizes = Tile<V>;
  using LeftPanel = typename Use<V>::LeftPanel;
  using RightPanel = Panel<V, Sizes::cols, Sizes::cols>;

 public:
  /// The depth is cut into the fewest parts of at most so many steps, the same way whatever the
  /// other sizes are, and with it every sum. Found by measuring, as `right_size`.
  static constexpr int max_steps = int(2048 / sizeof(Packed));
  /// What a worker packs of the right operand, and a tile aside for the edges.
  static constexpr std::size_t right_size = (256 << 10) / sizeof(Packed);
  static constexpr std::size_t aside_size = std::size_t{Sizes::rows} * Sizes::cols;
  static_assert(right_size >= std::size_t{max_steps} * Sizes::cols);

  Block() = default;
  /// A part of a product of depth `depth` that `workers` will share. `few_rows`: it has few, and is
  /// whole. That changes the order of the sums, so the product decides, not its parts.
  Block(Problem<T> const& problem, int depth, bool few_rows, int workers)
      : problem_(problem), depth_(depth_of(depth)), few_rows_(few_rows) {
    int const panels = parts_of(problem.n, Sizes::cols);
    auto const tiles = std::int64_t{panels} * parts_of(problem.m, Sizes::rows);
    auto const fit = int(right_size) / (RightPanel::steps(depth_) * Sizes::cols);
    auto const most = std::clamp<std::int64_t>(tiles / workers / strips_per_worker, 1, fit);
    right_panels_ = even_part(panels, int(most));
  }

  /// The length of the parts that a depth is cut into.
  [[nodiscard]] static constexpr int depth_of(int depth) {
    constexpr int unit = step_unit<V>();
    return even_part(RightPanel::steps(depth) / unit, max_steps / unit) * unit * V::pair;
  }
  [[nodiscard]] int left_panels() const {
    return few_rows_ ? 0 : parts_of(problem_.m, Sizes::rows);
  }
  /// Elements of a packed left panel over the whole depth, and of all of them.
  [[nodiscard]] std::ptrdiff_t left_panel_size() const { return size_of(problem_.k); }
  [[nodiscard]] std::ptrdiff_t left_size() const { return left_panels() * left_panel_size(); }
  /// A strip: the tiles of a left panel with the right panels that are packed at a time.
  [[nodiscard]] std::int64_t strips() const {
    if (few_rows_) return parts_of(problem_.n, few_rows_columns);
    return std::int64_t{parts_of(problem_.n, right_panels_ * Sizes::cols)} * left_panels();
  }
  /// A rough count of cycles: multiply-adds, numbers written, and numbers packed for the strip.
  [[nodiscard]] std::int64_t strip_cost() const {
    auto const steps = std::int64_t{RightPanel::steps(problem_.k)};
    if (few_rows_) return steps * 4 + problem_.m;
    int const rows = rows_computed<V>(std::min(problem_.m, Sizes::rows));
    auto const products = is_tile_unit<V> ? steps * rows / 8 : steps * rows * V::tile_registers / 2;
    return right_panels_ *
           (products + rows * Sizes::cols / 4 + steps * Sizes::cols * V::pair / 2 / left_panels());
  }

  /// Packs the left panels [begin, end).
  void pack_left(Packed* left, int begin, int end) const {
    for (int p = 0; p < problem_.k; p += depth_) {
      int const depth = std::min(depth_, problem_.k - p);
      auto* const to = left + left_panels() * size_of(p) + begin * size_of(depth);
      LeftPanel::pack(to, problem_.a.from(begin * Sizes::rows, p),
                      std::min(end * Sizes::rows, problem_.m) - begin * Sizes::rows, depth);
    }
  }
  /// What a worker needs room for: right_size, aside_size and unpacked_size() elements.
  struct Space {
    Packed* right;
    T *aside, *unpacked;
  };
  /// Of a stored operand, what is unpacked at a time.
  [[nodiscard]] std::size_t unpacked_size() const {
    if (!problem_.has_stored()) return 0;
    if (!few_rows_) return static_cast<std::size_t>(depth_) * Sizes::cols;
    int const rows = problem_.stored_left ? problem_.m : few_rows_columns;
    return static_cast<std::size_t>(problem_.k) * static_cast<std::size_t>(rows);
  }
  /// Computes the strips [begin, end).
  void multiply(Packed const* left, Space const& space, std::int64_t begin,
                std::int64_t end) const {
    if (few_rows_) {
      int const first = int(begin) * few_rows_columns;
      int const last = std::min(int(end) * few_rows_columns, problem_.n);
      if (!problem_.has_stored()) return multiply_columns<V>(problem_, first, last);
      return multiply_stored_columns<V>(problem_, space.unpacked, first, last);
    }
    [[maybe_unused]] typename Use<V>::Session const session;
    for (int p = 0; p < problem_.k; p += depth_) {
      int const depth = std::min(depth_, problem_.k - p);
      multiply_depth(
          {problem_.part(0, problem_.m, p, depth), left + left_panels() * size_of(p), space}, begin,
          end);
    }
  }

 private:
  static constexpr int strips_per_worker = 8;  // at least, where there is work for so many

  /// One block of the depth.
  struct Part {
    Problem<T> problem;
    Packed const* left;
    Space space;
  };

  [[nodiscard]] static std::ptrdiff_t size_of(int depth) {
    return std::ptrdiff_t{RightPanel::steps(depth)} * Sizes::left_stride;
  }

  void multiply_depth(Part const& part, std::int64_t begin, std::int64_t end) const {
    auto const& problem = part.problem;
    int const width = right_panels_ * Sizes::cols;
    while (begin < end) {
      int const first = int(begin % left_panels());
      int const last = int(std::min<std::int64_t>(left_panels(), first + end - begin));
      int const col = int(begin / left_panels()) * width;
      auto const right = right_of(part, col, std::min(width, problem.n - col));
      for (int panel = first; panel < last; ++panel) {
        auto const* const left = part.left + panel * size_of(problem.k);
        for (int i = 0; i < right.count; ++i) {
          write_tile(part, left, right.data + i * right.next, right.stride, panel * Sizes::rows,
                     col + i * Sizes::cols);
        }
      }
      begin += last - first;
    }
  }

  /// Panels of the right operand: `next` elements from one to the next, `stride` between steps.
  struct RightPanels {
    Packed const* data;
    std::ptrdiff_t next, stride;
    int count;
  };
  [[nodiscard]] RightPanels right_of(Part const& part, int col, int cols) const {
    auto const& problem = part.problem;
    int const count = parts_of(cols, Sizes::cols);
    auto const size = std::ptrdiff_t{RightPanel::steps(problem.k)} * Sizes::cols;
    if (problem.has_stored()) {
      for (int i = 0; i < count; ++i) {
        int const width = std::min(Sizes::cols, cols - i * Sizes::cols);
        auto* const unpacked = part.space.unpacked;
        problem.stored.unpack(unpacked, col + i * Sizes::cols, width, problem.k);
        RightPanel::pack(part.space.right + i * size, {unpacked, problem.k, 1}, width, problem.k);
      }
      return {part.space.right, size, Sizes::cols, count};
    }
    auto const from = problem.b.transposed().from(col, 0);
    if constexpr (V::in_place) {
      // Panels that are read once, and lie in rows already, are read where they are.
      if (left_panels() == 1 && from.contiguous_cols() && from.col_of == nullptr &&
          cols % Sizes::cols == 0) {
        return {from.data, Sizes::cols, problem.b.row_stride, count};
      }
    }
    RightPanel::pack(part.space.right, from, cols, problem.k);
    return {part.space.right, size, Sizes::cols, count};
  }

  /// Tiles on an edge are computed whole, aside, and copied in part.
  void write_tile(Part const& part, Packed const* left, Packed const* right,
                  std::ptrdiff_t right_stride, int row, int col) const {
    auto const& problem = part.problem;
    int const rows = std::min(Sizes::rows, problem.m - row);
    int const cols = std::min(Sizes::cols, problem.n - col);
    int const steps = RightPanel::steps(problem.k);
    T* const c = problem.at(row, col);
    if (cols == Sizes::cols && problem.c_col_stride == 1 && rows == rows_computed<V>(rows)) {
      return compute_some_rows<V>(rows, c, problem.c_row_stride, left, right, right_stride, steps,
                                  problem.accumulate);
    }
    auto* const aside = part.space.aside;
    auto const each = [&](auto const& one) {
      for (int i = 0; i < rows; ++i) {
        for (int j = 0; j < cols; ++j)
          one(*problem.at(row + i, col + j), aside[i * Sizes::cols + j]);
      }
    };
    // A tile unit begins its sums with c, other registers add c to them at the end.
    bool const begins_with_c = is_tile_unit<V> && problem.accumulate;
    if (begins_with_c) {
      std::fill_n(aside, aside_size, T(0));
      each([](T const& element, T& sum) { sum = element; });
    }
    compute_some_rows<V>(rows, aside, Sizes::cols, left, right, right_stride, steps, begins_with_c);
    if (problem.accumulate && !begins_with_c) {
      each([](T& element, T const& sum) { element += sum; });
    } else {
      each([](T& element, T const& sum) { element = sum; });
    }
  }

  Problem<T> problem_;
  int depth_ = 0;  // of the blocks that the depth is cut into
  bool few_rows_ = false;
  int right_panels_ = 1;  // that are packed at a time
};

}  // namespace moenda::cpu::MOENDA_LEVEL::gemm_detail
