// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <span>

#include "moenda/core/context.hpp"

namespace moenda::ops {

/// The rows of all parts, one part after the other. Where only one part has rows it is that part,
/// not a copy. Throws ConfigError when parts differ in width.
template <class B>
Tensor<B> concatenate(Context<B>& ctx, std::span<Tensor<B> const> parts) {
  Tensor<B> longest{};
  int rows = 0;
  for (auto const& part : parts) {
    require(part.cols == parts[0].cols, "concatenate: all parts must have equally many columns",
            part.cols, parts[0].cols);
    rows += part.rows;
    if (part.rows >= longest.rows) longest = part;
  }
  if (longest.rows == rows) return longest;
  auto y = ctx.tensor(rows, parts[0].cols);  // [rows of all parts, cols]
  int first = 0;
  for (auto const& part : parts) {
    copy(ctx.backend, y.slice(first, part.rows).data, part.data, part.size());
    first += part.rows;
  }
  return y;
}

}  // namespace moenda::ops
