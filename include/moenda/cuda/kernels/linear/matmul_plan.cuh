// SPDX-License-Identifier: Apache-2.0
#pragma once
// How cuBLASLt computes one product: its descriptors and the algorithm it recommends.
#include <cublasLt.h>

#include <compare>
#include <memory>
#include <type_traits>

#include "moenda/core/precision.hpp"

namespace moenda::cuda {

/// A product of column-major matrices, d[m, n] = op(a) op(b) with k terms per sum, without gaps
/// between columns. What a plan depends on, so two equal ones share it.
struct Product {
  int m = 0, n = 0, k = 0;
  bool transpose_a = false, transpose_b = false;
  bool accumulate = false;  // d += instead of d =
  bool gelu = false;        // d = gelu(h), with h stored as well
  Precision precision = Precision::fp32;
  unsigned alignment = 0;  // bytes that all pointers are multiples of, at most 256

  auto operator<=>(Product const&) const = default;
};

namespace detail {

template <auto destroy>
struct Destroy {
  template <class X>
  void operator()(X* object) const {
    destroy(object);
  }
};
template <class Handle, auto destroy>
using Owned = std::unique_ptr<std::remove_pointer_t<Handle>, Destroy<destroy>>;

}  // namespace detail

struct MatmulPlan {
  detail::Owned<cublasLtMatmulDesc_t, cublasLtMatmulDescDestroy> description;
  detail::Owned<cublasLtMatrixLayout_t, cublasLtMatrixLayoutDestroy> a, b, d;
  cublasLtMatmulAlgo_t algorithm{};
  bool possible = false;  // cuBLASLt knows an algorithm
};

}  // namespace moenda::cuda
