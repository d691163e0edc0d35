// SPDX-License-Identifier: Apache-2.0
#pragma once
// What a model costs, from its configuration alone.
#include "runner/model.hpp"

namespace moenda::runner {

/// Floating-point operations of one token's forward pass: two for every weight that it meets in a
/// matrix product, and attention over half of the context, its mean length. A training pass costs
/// three times as much.
[[nodiscard]] inline double flops_per_token(AnyModel::Config const& c) {
  auto const looked_up =
      double(c.vocab_size) * c.d_model * (c.tied_head ? 0 : 1);  // a table, not a product
  double const heads_width = std::visit(
      [](auto const& attention) { return double(attention.num_heads) * attention.head_dim; },
      c.block.attention.choice);
  double const attention = double(c.num_layers) * 2 * heads_width * (c.context_length + 1) / 2;
  return 2 * (double(AnyModel::active_parameter_count(c)) - looked_up + attention);
}

}  // namespace moenda::runner
