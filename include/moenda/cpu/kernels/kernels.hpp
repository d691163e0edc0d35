// SPDX-License-Identifier: Apache-2.0
#pragma once
// Every CPU kernel. The only folder that knows Eigen and intrinsics.
#include "moenda/cpu/declarations.hpp"
#include "moenda/cpu/kernels/attention/attention.hpp"
#include "moenda/cpu/kernels/attention/rope.hpp"
#include "moenda/cpu/kernels/elementwise/activations.hpp"
#include "moenda/cpu/kernels/elementwise/elementwise.hpp"
#include "moenda/cpu/kernels/elementwise/pointwise.hpp"
#include "moenda/cpu/kernels/elementwise/random_numbers.hpp"
#include "moenda/cpu/kernels/linear/embedding.hpp"
#include "moenda/cpu/kernels/linear/grouped_matmul.hpp"
#include "moenda/cpu/kernels/linear/matmul.hpp"
#include "moenda/cpu/kernels/loss/cross_entropy.hpp"
#include "moenda/cpu/kernels/loss/load_balancing.hpp"
#include "moenda/cpu/kernels/loss/load_variation.hpp"
#include "moenda/cpu/kernels/loss/router_spread.hpp"
#include "moenda/cpu/kernels/loss/router_z.hpp"
#include "moenda/cpu/kernels/loss/squared_error.hpp"
#include "moenda/cpu/kernels/norm/layer_norm.hpp"
#include "moenda/cpu/kernels/norm/rms_norm.hpp"
#include "moenda/cpu/kernels/norm/softmax.hpp"
#include "moenda/cpu/kernels/norm/unit_rows.hpp"
#include "moenda/cpu/kernels/optimizer/adamw.hpp"
#include "moenda/cpu/kernels/routing/assignment.hpp"
#include "moenda/cpu/kernels/routing/balancing_bias.hpp"
#include "moenda/cpu/kernels/routing/choice.hpp"
#include "moenda/cpu/kernels/routing/dispatch.hpp"
#include "moenda/cpu/kernels/routing/gate_rows.hpp"
#include "moenda/cpu/kernels/routing/hash.hpp"
#include "moenda/cpu/kernels/routing/plan.hpp"
#include "moenda/cpu/kernels/routing/priority.hpp"
#include "moenda/cpu/kernels/routing/selection.hpp"
#include "moenda/cpu/kernels/routing/sinkhorn.hpp"
#include "moenda/cpu/kernels/routing/top_any.hpp"
#include "moenda/cpu/kernels/routing/top_k.hpp"
#include "moenda/cpu/kernels/routing/top_k_of_columns.hpp"
#include "moenda/cpu/kernels/sequence/gru.hpp"
#include "moenda/cpu/kernels/sequence/mean_pool.hpp"
#include "moenda/cpu/kernels/sequence/padding.hpp"
#include "moenda/cpu/kernels/table/derivations.hpp"
#include "moenda/cpu/kernels/table/windows.hpp"

namespace moenda::cpu::MOENDA_LEVEL::detail {

/// Does not compile where a definition has other parameters than its entry in the list: it would
/// be a second kernel of that name, and the first would have no definition.
template <class T>
constexpr bool defined_as_listed() {
#define MOENDA_KERNEL(name, arguments, ...) \
  static_assert(                            \
      requires { &name<T>; },               \
      #name ": its definition must have the parameters of its entry in moenda/kernels/");
#include "moenda/kernels/for_each_kernel.inc"
  return true;
}
static_assert(defined_as_listed<float>());

}  // namespace moenda::cpu::MOENDA_LEVEL::detail
