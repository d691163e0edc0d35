// SPDX-License-Identifier: Apache-2.0
#pragma once
// What lets one product serve many experts: weights side by side, and rows picked by an index.
#include <span>
#include <type_traits>

#include "moenda/core/tensor.hpp"

namespace moenda {

/// Stands in the place of the backend: Params<PerExpert<B>> are the weights of many experts at
/// once.
template <class B>
struct PerExpert {
  using Scalar = typename B::Scalar;
};

/// One weight of every expert of a group: data[g] [rows, cols] is expert g's, and works on the rows
/// begin[g] .. begin[g + 1] of what it meets. All are of one format: `stored` views are of another
/// than plain values. `data`, `begin` and what the views point to are in the backend's space.
template <class B>
struct Weight<PerExpert<B>> {
  using Scalar = typename B::Scalar;
  int rows = 0, cols = 0;
  WeightKind kind = WeightKind::matrix;
  Scalar* const* data = nullptr;  // [groups]
  double initial_scale = 1;
  bool frozen = false;              ///< all of them are
  std::span<int const> begin = {};  // [groups + 1]
  int num_rows = 0;                 // at least begin[groups]; what it meets has so many rows
  WeightViews<Scalar> stored{};     // plain unless the weights are kept otherwise

  [[nodiscard]] constexpr int groups() const {
    return begin.empty() ? 0 : static_cast<int>(begin.size()) - 1;
  }
  /// Their plain values. Throws ConfigError "`who` needs plain values, but ..." when they are
  /// stored otherwise.
  [[nodiscard]] constexpr Scalar* const* plain(char const* who) const {
    if (!stored.is_plain()) detail::refuse_not_plain(who, stored.format, Place::memory);
    return data;
  }
  /// For a grouped product.
  [[nodiscard]] constexpr WeightViews<Scalar> view() const {
    if (stored.is_plain()) return data;
    return stored;
  }
};

/// Rows of a tensor, in any order: row r is row row_of[r] of `data`. A product gathers them while
/// it reads, so tokens need not be copied together. A tensor is such rows, in its own order.
template <class B>
struct PickedRows {
  using Scalar = typename B::Scalar;
  Scalar* data = nullptr;
  int rows = 0, cols = 0;
  int const* row_of = nullptr;  // [rows], null: row r is row r

  PickedRows() = default;
  constexpr PickedRows(Tensor<B> all) : data(all.data), rows(all.rows), cols(all.cols) {}
  constexpr PickedRows(Tensor<B> from, std::span<int const> picked)
      : data(from.data),
        rows(static_cast<int>(picked.size())),
        cols(from.cols),
        row_of(picked.data()) {}

  /// Rows first .. first + count.
  [[nodiscard]] constexpr PickedRows slice(int first, int count) const {
    auto part = *this;
    part.rows = count;
    if (row_of == nullptr) {
      part.data += std::ptrdiff_t(first) * cols;
    } else {
      part.row_of += first;
    }
    return part;
  }
};
/// As the parameter of a template on B: takes a Tensor<B> too.
template <class B>
using Rows = std::type_identity_t<PickedRows<B>>;

}  // namespace moenda
