// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <cstddef>

#include "moenda/core/space.hpp"
#include "moenda/core/storage.hpp"

namespace moenda {

/// Activations: a view of [rows, cols], row-major, on the step arena. Copies of it are the same
/// memory.
template <class B>
struct Tensor {
  using Scalar = typename B::Scalar;
  Scalar* data = nullptr;
  int rows = 0, cols = 0;

  [[nodiscard]] constexpr std::ptrdiff_t size() const { return std::ptrdiff_t(rows) * cols; }
  /// Rows first .. first + count.
  [[nodiscard]] constexpr Tensor slice(int first, int count) const {
    return {data + std::ptrdiff_t(first) * cols, count, cols};
  }
  /// The same scalars as [new_rows, new_cols].
  [[nodiscard]] constexpr Tensor reshape(int new_rows, int new_cols) const {
    return {data, new_rows, new_cols};
  }
};

/// What a parameter is for: decides its first value and whether weight decay applies.
enum class WeightKind {
  matrix,     ///< normal, decayed
  residual,   ///< a matrix that writes to the residual stream: normal / sqrt(2 num_layers), decayed
  embedding,  ///< normal, decayed
  table,      ///< normal, decayed: its rows are added to what they meet; always kept plain
  router,     ///< normal, decayed; small, and worth full precision: always kept plain
  gain,       ///< ones, not decayed
  bias,       ///< zeros, not decayed
  state,      ///< zeros, not trained: its module writes it in after_step(). It is checkpointed, and
              ///< its place among the gradients collects what backward saw during the step
};

/// A parameter: a view of [rows, cols] into the flat arena, or of what is `stored` in another
/// format. Without data it is only a shape, so one walk counts, binds, names and saves all
/// parameters of a model.
template <class B>
struct Weight {
  using Scalar = typename B::Scalar;
  int rows = 0, cols = 0;
  WeightKind kind = WeightKind::matrix;
  Scalar* data = nullptr;    ///< plain values; null when stored otherwise
  double initial_scale = 1;  ///< first values are this times the usual ones
  bool frozen = false;       ///< keeps its value: the optimizer passes it over
  Storage stored{};

  [[nodiscard]] constexpr std::ptrdiff_t size() const { return std::ptrdiff_t(rows) * cols; }
  /// Whether the optimizer changes it.
  [[nodiscard]] constexpr bool trains() const { return kind != WeightKind::state && !frozen; }
  [[nodiscard]] constexpr bool decays() const {
    return kind != WeightKind::gain && kind != WeightKind::bias;
  }
  /// Its plain values. Throws ConfigError "`who` needs plain values, but ..." when it is stored
  /// otherwise.
  [[nodiscard]] constexpr Scalar* plain(char const* who) const {
    if (!stored.is_plain()) detail::refuse_not_plain(who, stored.format, stored.place);
    return data;
  }
  /// For a product. Throws ConfigError when it is not in memory.
  [[nodiscard]] constexpr WeightView<Scalar> view() const {
    if (stored.is_plain()) return data;
    if (stored.place != Place::memory) {
      detail::refuse_storage("a product needs its weight in memory", stored.format, stored.place);
    }
    return {stored.format, stored.data, stored.scales};
  }
};

/// The backend of things that are only counted.
struct Shapes {
  using Scalar = float;
  using Space = HostSpace;
};

}  // namespace moenda
