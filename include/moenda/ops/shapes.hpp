// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <string>

#include "moenda/core/error.hpp"

namespace moenda::ops {

/// Throws ConfigError "`what` must have equally many rows (2 vs 3)", or columns, unless both agree.
/// `what` names the operation and both operands: "softmax: logits and mask". Tensors and weights.
template <class First, class Second>
void require_same_shape(First const& a, Second const& b, char const* what) {
  if (a.rows != b.rows) {  // the sentence is put together only when it is needed
    require(false, (std::string(what) + " must have equally many rows").c_str(), a.rows, b.rows);
  }
  if (a.cols != b.cols) {
    require(false, (std::string(what) + " must have equally many columns").c_str(), a.cols, b.cols);
  }
}

}  // namespace moenda::ops
