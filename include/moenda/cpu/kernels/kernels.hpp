// SPDX-License-Identifier: Apache-2.0
#pragma once
// Every CPU kernel. The only folder that knows Eigen and intrinsics.
#include "moenda/cpu/declarations.hpp"
#include "moenda/cpu/kernels/activations.hpp"
#include "moenda/cpu/kernels/adamw.hpp"
#include "moenda/cpu/kernels/assignment.hpp"
#include "moenda/cpu/kernels/attention.hpp"
#include "moenda/cpu/kernels/balancing_bias.hpp"
#include "moenda/cpu/kernels/choice.hpp"
#include "moenda/cpu/kernels/cross_entropy.hpp"
#include "moenda/cpu/kernels/derivations.hpp"
#include "moenda/cpu/kernels/dispatch.hpp"
#include "moenda/cpu/kernels/elementwise.hpp"
#include "moenda/cpu/kernels/embedding.hpp"
#include "moenda/cpu/kernels/gate_rows.hpp"
#include "moenda/cpu/kernels/grouped_matmul.hpp"
#include "moenda/cpu/kernels/gru.hpp"
#include "moenda/cpu/kernels/hash.hpp"
#include "moenda/cpu/kernels/layer_norm.hpp"
#include "moenda/cpu/kernels/load_balancing.hpp"
#include "moenda/cpu/kernels/load_variation.hpp"
#include "moenda/cpu/kernels/matmul.hpp"
#include "moenda/cpu/kernels/mean_pool.hpp"
#include "moenda/cpu/kernels/padding.hpp"
#include "moenda/cpu/kernels/plan.hpp"
#include "moenda/cpu/kernels/pointwise.hpp"
#include "moenda/cpu/kernels/priority.hpp"
#include "moenda/cpu/kernels/random_numbers.hpp"
#include "moenda/cpu/kernels/rms_norm.hpp"
#include "moenda/cpu/kernels/rope.hpp"
#include "moenda/cpu/kernels/router_spread.hpp"
#include "moenda/cpu/kernels/router_z.hpp"
#include "moenda/cpu/kernels/selection.hpp"
#include "moenda/cpu/kernels/sinkhorn.hpp"
#include "moenda/cpu/kernels/softmax.hpp"
#include "moenda/cpu/kernels/squared_error.hpp"
#include "moenda/cpu/kernels/top_any.hpp"
#include "moenda/cpu/kernels/top_k.hpp"
#include "moenda/cpu/kernels/top_k_of_columns.hpp"
#include "moenda/cpu/kernels/unit_rows.hpp"
#include "moenda/cpu/kernels/windows.hpp"

namespace moenda::cpu::detail {

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

}  // namespace moenda::cpu::detail
