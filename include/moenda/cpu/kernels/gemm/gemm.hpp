// SPDX-License-Identifier: Apache-2.0
#pragma once
// Matrix products on packed panels, after Goto & van de Geijn, Anatomy of High-Performance Matrix
// Multiplication (ACM TOMS 34(3), 2008), one or many at once: products are cut into blocks, and
// blocks gathered into passes of bounded working memory. In a pass everyone packs a share of the
// left operands, then computes a share of the output tiles. Shares are runs of equal cost, so a
// group of many rows is cut as it needs to be and small ones are not cut at all.
#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>

#include "moenda/cpu/declarations.hpp"
#include "moenda/cpu/kernels/gemm/block.hpp"

namespace moenda::cpu::MOENDA_LEVEL {
namespace gemm_detail {

/// Blocks that are packed and multiplied together. Their results do not overlap.
template <class V>
class Pass {
  using T = typename V::Scalar;
  using Packed = typename V::Packed;

 public:
  /// Packed elements of all left operands of a pass; a single block may exceed it. Found by
  /// measuring, with one worker and with two.
  static constexpr std::ptrdiff_t max_left = (2 << 20) / sizeof(Packed);

  explicit Pass(Backend<T>& backend) : backend_(backend) {}

  [[nodiscard]] int workers() const { return backend_.pool.threads(); }
  void add(Block<V> const& block) {
    if (count_ == max_blocks || (count_ > 0 && left_ + block.left_size() > max_left)) {
      run();
    }
    entries_[std::size_t(count_++)] = {block, left_, packing_, multiplying_};
    left_ += block.left_size();
    packing_ += block.left_size();
    multiplying_ += block.strips() * block.strip_cost();
    unpacked_ = std::max(unpacked_, block.unpacked_size());
  }
  void run() {
    if (count_ == 0) return;
    auto* const left =
        backend_.template scratch<Packed>(Backend<T>::matmul_left, std::size_t(left_));
    share(packing_, smallest_packing,
          [&](std::int64_t begin, std::int64_t end) { pack(left, begin, end); });
    share(multiplying_, smallest_job,
          [&](std::int64_t begin, std::int64_t end) { multiply(left, begin, end); });
    count_ = 0, left_ = 0, packing_ = 0, multiplying_ = 0, unpacked_ = 0;
  }

 private:
  // Cycles, and elements: below them a job of the pool costs more than it saves.
  static constexpr std::int64_t smallest_job = 32768, smallest_packing = 16384;
  static constexpr int max_blocks = 64;

  struct Entry {
    Block<V> block;
    std::ptrdiff_t left;                // where its left operand begins
    std::int64_t packing, multiplying;  // the costs of all entries before it
  };

  template <class Body>
  void share(std::int64_t cost, std::int64_t smallest, Body&& body) {
    if (cost > smallest) return backend_.pool.parallel_for(cost, body);
    if (cost > 0) body(std::int64_t{0}, cost);
  }
  /// The pieces of an entry, each of `cost`, that begin within [begin, end) when the first begins
  /// at `first`: body(first piece, last piece).
  template <class Body>
  static void pieces(std::int64_t first, std::int64_t cost, std::int64_t count, std::int64_t begin,
                     std::int64_t end, Body&& body) {
    auto const piece = [=](std::int64_t at) {
      return std::clamp<std::int64_t>((at - first + cost - 1) / cost, 0, count);
    };
    auto const from = begin <= first ? 0 : piece(begin), to = end <= first ? 0 : piece(end);
    if (from < to) body(from, to);
  }
  void pack(Packed* left, std::int64_t begin, std::int64_t end) const {
    for (int i = 0; i < count_; ++i) {
      auto const& entry = entries_[std::size_t(i)];
      if (entry.block.left_panels() == 0) continue;
      pieces(entry.packing, entry.block.left_panel_size(), entry.block.left_panels(), begin, end,
             [&](std::int64_t from, std::int64_t to) {
               entry.block.pack_left(left + entry.left, int(from), int(to));
             });
    }
  }
  void multiply(Packed const* left, std::int64_t begin, std::int64_t end) const {
    constexpr auto right_bytes = Block<V>::right_size * sizeof(Packed);
    auto* const memory = backend_.template scratch<std::byte>(
        Backend<T>::matmul_right, right_bytes + (Block<V>::aside_size + unpacked_) * sizeof(T));
    auto* const aside = reinterpret_cast<T*>(memory + right_bytes);
    typename Block<V>::Space const space{reinterpret_cast<Packed*>(memory), aside,
                                         aside + Block<V>::aside_size};
    for (int i = 0; i < count_; ++i) {
      auto const& entry = entries_[std::size_t(i)];
      pieces(entry.multiplying, entry.block.strip_cost(), entry.block.strips(), begin, end,
             [&](std::int64_t from, std::int64_t to) {
               entry.block.multiply(left + entry.left, space, from, to);
             });
    }
  }

  Backend<T>& backend_;
  std::array<Entry, max_blocks> entries_;
  int count_ = 0;
  std::ptrdiff_t left_ = 0;
  std::int64_t packing_ = 0, multiplying_ = 0;
  std::size_t unpacked_ = 0;  // the most that a block unpacks at a time
};

/// Cuts a product into blocks of rows and of the depth. The rows are bounded so that a packed left
/// operand fits the last-level cache; parts of the depth join as long as it is small. Blocks that
/// add to the same result are in different passes.
template <class V>
void add_product(Pass<V>& pass, Problem<typename V::Scalar> const& problem) {
  constexpr int max_rows = 2400;
  auto const block = [&](Problem<typename V::Scalar> const& part, bool few_rows) {
    return Block<V>(part, problem.k, few_rows, pass.workers());
  };
  if (has_few_rows(problem)) return pass.add(block(problem, true));
  int const rows = parts_of(even_part(problem.m, max_rows), V::tile_rows) * V::tile_rows;
  int const unit = Block<V>::depth_of(problem.k);
  for (int row = 0; row < problem.m; row += rows) {
    int const count = std::min(rows, problem.m - row);
    auto const one = block(problem.part(row, count, 0, std::min(unit, problem.k)), false);
    auto const whole = std::max<std::ptrdiff_t>(1, Pass<V>::max_left / one.left_size());
    for (std::int64_t p = 0; p < problem.k; p += whole * unit) {
      if (p > 0) pass.run();
      auto const depth = std::min<std::int64_t>(whole * unit, problem.k - p);
      pass.add(block(problem.part(row, count, int(p), int(depth)), false));
    }
  }
}

/// The products problem_of(0), ..., problem_of(count - 1), whose results do not overlap.
template <class V, class ProblemOf>
void multiply(Backend<typename V::Scalar>& backend, int count, ProblemOf&& problem_of) {
  Pass<V> pass(backend);
  for (int i = 0; i < count; ++i) {
    Problem<typename V::Scalar> const problem = problem_of(i);
    if (is_trivial(problem)) continue;
    // A narrow result (a router's logits) would fill few columns of a tile: compute its transpose.
    // What is stored is unpacked for the right side only, so there it is done where it changes the
    // order of the sums: the bits are those of a plain weight.
    bool const narrow = problem.n < Tile<V>::cols && problem.n < problem.m;
    bool const transpose = narrow && (!problem.has_stored() || has_few_rows(problem.transposed()));
    add_product(pass, transpose ? problem.transposed() : problem);
  }
  pass.run();
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
  gemm_detail::multiply<V>(backend, 1, [&](int) {
    return gemm_detail::Problem<T>{c, c_stride, 1, m, n, k, a, b, accumulate};
  });
}

}  // namespace moenda::cpu::MOENDA_LEVEL
