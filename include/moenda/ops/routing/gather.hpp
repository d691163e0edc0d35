// SPDX-License-Identifier: Apache-2.0
#pragma once
#include "moenda/core/context.hpp"
#include "moenda/core/grouped.hpp"

namespace moenda::ops {

/// The rows of x in one piece: copied, unless they are that already.
template <class B>
Tensor<B> gather(Context<B>& ctx, Rows<B> x) {
  if (x.row_of == nullptr) return {x.data, x.rows, x.cols};
  auto y = ctx.tensor(x.rows, x.cols);  // [rows, cols]
  gather_items(ctx.backend, y.data, x.data, x.row_of, x.rows, x.cols);
  return y;
}

}  // namespace moenda::ops
