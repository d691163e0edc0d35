// SPDX-License-Identifier: Apache-2.0
#pragma once
#include "moenda/core/context.hpp"

namespace moenda {

/// What a router says: one row per item (token, sequence or table row), one column per expert.
/// Routers see neither sorting nor slots: the DispatchPlan is derived from this.
template <class B>
struct Gates {
  Tensor<B> selected;  // [items, num_experts] 1 where the item goes to the expert, else 0
  Tensor<B> weights;   // [items, num_experts] combine weights; read only where selected
  Tensor<B> probs;     // [items, num_experts] for balancing losses; empty if there are none
  Tensor<B> logits;    // [items, num_experts] for the z loss; may be empty
};

/// The loss's gradient in those tables, dense. Zero at first; combine and the losses add to it.
template <class B>
struct GatesGrad {
  Tensor<B> weights;  // [items, num_experts]
  Tensor<B> probs;    // [items, num_experts]
  Tensor<B> logits;   // [items, num_experts]
};

}  // namespace moenda
