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

  // What only some routers say; empty otherwise.
  /// [items, num_experts] where an expert is full, the assignments of larger value are kept first.
  Tensor<B> priority{};
  /// [items, num_experts] of noisy routers, in training: the logits before the noise and with it,
  /// and the standard deviation of the noise. The smooth load loss reads them.
  Tensor<B> clean{}, noisy{}, sigma{};

  /// An item goes to so many experts at most, and an expert takes so many items at most; -1: any
  /// number. They size plans where the host cannot count.
  int most_per_item = -1, most_per_expert = -1;

  /// [items, 1] what Mixture adds for whoever looks on: 0 for padding, else 1; empty without any.
  Tensor<B> present{};
};

/// The loss's gradient in those tables, dense. Zero at first; combine and the losses add to it.
template <class B>
struct GatesGrad {
  Tensor<B> weights;  // [items, num_experts]
  Tensor<B> probs;    // [items, num_experts]
  Tensor<B> logits;   // [items, num_experts]

  Tensor<B> clean{}, sigma{};  // [items, num_experts] where the gates have them; empty counts as 0
};

}  // namespace moenda
