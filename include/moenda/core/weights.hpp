// SPDX-License-Identifier: Apache-2.0
#pragma once
#include "moenda/core/tensor.hpp"

/// What a module's params() returns: the shapes of its weights, by what each is for. See WeightKind
/// for first values and decay; `initial_scale` multiplies the first values.
namespace moenda::weights {

/// Becomes the Weight of any backend, or of many experts.
struct Shape {
  int rows, cols;
  WeightKind kind;
  double initial_scale = 1;

  template <class B>
  constexpr operator Weight<B>() const {
    return {rows, cols, kind, nullptr, initial_scale};
  }
};

/// [out, in], for y = x w^T.
constexpr Shape matrix(int out, int in, double initial_scale = 1) {
  return {out, in, WeightKind::matrix, initial_scale};
}
/// One that writes to the residual stream.
constexpr Shape residual(int out, int in) { return {out, in, WeightKind::residual}; }
/// A row for each of `count` ids.
constexpr Shape embedding(int count, int width, double initial_scale = 1) {
  return {count, width, WeightKind::embedding, initial_scale};
}
/// `count` rows, of which one is added to each row of what they meet.
constexpr Shape table(int count, int width) { return {count, width, WeightKind::table}; }
/// Scores for `num_experts`, or what leads to them.
constexpr Shape router(int num_experts, int width, double initial_scale = 1) {
  return {num_experts, width, WeightKind::router, initial_scale};
}
/// [1, width]
constexpr Shape gain(int width) { return {1, width, WeightKind::gain}; }
/// [1, width], or nothing unless it is `present`.
constexpr Shape bias(int width, bool present = true) {
  return {present ? 1 : 0, width, WeightKind::bias};
}
/// What its module keeps for itself.
constexpr Shape state(int rows, int cols) { return {rows, cols, WeightKind::state}; }

}  // namespace moenda::weights
