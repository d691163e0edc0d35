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
  X(load_balancing_forward) X(router_z_forward) X(importance_forward)                 \
  X(smooth_load_forward) X(spread_penalty_forward) X(router_entropy_forward)          \
  X(mark_present) X(scale_rows) X(keep_within_capacity) X(draw_mask)                  \
  X(cross_entropy)                                                                    \
  X(mean_pool_forward) X(mean_pool_backward) X(repeat_rows_forward)                   \
  X(repeat_rows_backward) X(gather_lengths) X(read_features)                          \
  X(place_rows) X(row_positions) X(last_rows)                                         \
  X(gru_step_forward) X(gru_step_backward) X(squared_error)                           \
  X(keep_best_groups) X(keep_above) X(round_robin)                                    \
  X(move_balancing_bias)                                                              \
  X(sinkhorn_forward) X(balanced_assignment) X(top_k_of_columns)                      \
  X(split_tokens) X(token_keys) X(position_keys) X(previous_keys)                     \
  X(item_keys) X(hash_experts) X(look_up_experts)                                     \
  X(draw_uniform) X(draw_normal) X(draw_gumbel) X(draw_gumbel_strata)                 \
  X(draw_uniform_of_keys)                                                             \
  X(sigmoid_forward) X(sigmoid_backward) X(softplus_forward) X(softplus_backward)     \
  X(multiply_forward) X(scale_forward) X(add_row_forward) X(sum_of_rows)              \
  X(unit_rows_forward) X(unit_rows_backward)                                          \
  X(top_any_forward) X(top_any_losses) X(sum_of_unrouted) X(active_experts)           \
  X(gate_diversity) X(gate_simplicity) X(adapt_experts)                               \
  X(choose_by_lot) X(chosen_columns) X(add_chosen_row)                                \
  X(scale_by_chosen) X(scale_by_chosen_backward)                                      \
  X(mark_windows) X(score_windows) X(mix_windows) X(add_to_windows)                   \
  X(log_softmax_forward) X(log_softmax_backward) X(derivation_likelihood_forward)     \
  X(derivation_likelihood_backward) X(expectation_step)                               \
  X(sum_of_squares) X(adamw_step)
// clang-format on
