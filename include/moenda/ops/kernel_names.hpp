// SPDX-License-Identifier: Apache-2.0
#pragma once
// The kernels that operations call, each once. cpu/source.hpp instantiates them from this list, and
// cuda/backend.hpp derives from it the ones that a GPU does not have yet.
// clang-format off
#define MOENDA_FOR_EACH_KERNEL(X)                                                     \
  X(matmul_forward) X(matmul_backward_input) X(matmul_backward_weight)                \
  X(grouped_matmul_forward) X(grouped_matmul_backward_input)                          \
  X(grouped_matmul_backward_weight)                                                   \
  X(fill) X(copy) X(add_forward) X(copy_blocks)                                       \
  X(embedding_forward) X(embedding_backward)                                          \
  X(rms_norm_forward) X(rms_norm_backward) X(layer_norm_forward) X(layer_norm_backward) \
  X(gelu_forward) X(gelu_backward) X(silu_forward) X(silu_backward)                   \
  X(swiglu_forward) X(swiglu_backward)                                                \
  X(softmax_forward) X(softmax_backward) X(select_forward) X(select_backward)         \
  X(top_k_of_rows) X(rope_rotate) X(attention_forward) X(attention_backward)          \
  X(count_selected) X(make_plan)                                                      \
  X(gather_items) X(combine_items) X(combine_items_backward)                          \
  X(load_balancing_forward) X(router_z_forward) X(cross_entropy)                      \
  X(mean_pool_forward) X(mean_pool_backward)                                          \
  X(draw_uniform) X(draw_normal)                                                      \
  X(sigmoid_forward) X(sigmoid_backward) X(softplus_forward) X(softplus_backward)     \
  X(multiply_forward) X(scale_forward) X(add_row_forward) X(sum_of_rows)              \
  X(sum_of_squares) X(adamw_step)
// clang-format on
