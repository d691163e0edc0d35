// SPDX-License-Identifier: Apache-2.0
#pragma once
// What the CPU offers: plain declarations, size-erased, outputs first. No Eigen, no intrinsics
// here. One list and a long one: it is what any other backend must offer too.
#include <cstddef>
#include <cstdint>

#include "moenda/core/derivation_table.hpp"
#include "moenda/core/random.hpp"
#include "moenda/cpu/runtime.hpp"

namespace moenda::cpu {

/// Attention over `batch_size` sequences. Row i of the queries of a sequence stands at position
/// first + i of its keys, where first = key_len - query_len, or firsts[b] for each sequence b. It
/// sees of the keys 0 .. key_len those not behind it when `causal`, and with a window those nearer
/// than `window`. With `lengths` only the first lengths[b] queries of sequence b are there, and its
/// keys end with them, at first + lengths[b]; what the other queries get means nothing. Heads are
/// side by side in a row; query head h reads key/value head h / (num_heads / num_kv_heads).
struct AttentionShape {
  int batch_size = 0, query_len = 0;
  int key_len = 0,
      key_stride = 0;  // rows of keys of a sequence that are seen; rows between sequences
  int num_heads = 0, num_kv_heads = 0, head_dim = 0;
  bool causal = true;
  int window = 0;                // 0: none
  int const* firsts = nullptr;   // [batch_size]; with it, key_len is no more than a bound
  int const* lengths = nullptr;  // [batch_size]
};

#define MOENDA_KERNEL \
  template <class T>  \
  void

// y[rows, out] = x[rows, in] w[out, in]^T
MOENDA_KERNEL matmul_forward(Backend<T>&, T* y, T const* x, T const* w, int rows, int out, int in,
                             Precision);
// dx[rows, in] = dy[rows, out] w[out, in]
MOENDA_KERNEL matmul_backward_input(Backend<T>&, T* dx, T const* dy, T const* w, int rows, int out,
                                    int in, Precision);
// dw[out, in] += dy[rows, out]^T x[rows, in]
MOENDA_KERNEL matmul_backward_weight(Backend<T>&, T* dw, T const* dy, T const* x, int rows, int out,
                                     int in, Precision);

// Products side by side: group g owns the rows begin[g] .. begin[g + 1] of y and has its own weight
// w[g] [out, in]. Row r is computed from row row_of[r] of x (row_of null: row r), so that tokens
// need not be copied together. A group without rows costs nothing.
// y[r] = x[row_of[r]] w[g]^T
MOENDA_KERNEL grouped_matmul_forward(Backend<T>&, T* y, T const* x, int const* row_of,
                                     T const* const* w, int const* begin, int groups, int out,
                                     int in, Precision);
// dx[r] = dy[r] w[g]
MOENDA_KERNEL grouped_matmul_backward_input(Backend<T>&, T* dx, T const* dy, T const* const* w,
                                            int const* begin, int groups, int out, int in,
                                            Precision);
// dw[g] += sum over the rows r of group g of dy[r]^T x[row_of[r]]
MOENDA_KERNEL grouped_matmul_backward_weight(Backend<T>&, T* const* dw, T const* dy, T const* x,
                                             int const* row_of, int const* begin, int groups,
                                             int out, int in, Precision);

MOENDA_KERNEL fill(Backend<T>&, T* y, T value, std::ptrdiff_t n);
MOENDA_KERNEL copy(Backend<T>&, T* y, T const* x, std::ptrdiff_t n);
MOENDA_KERNEL add_forward(Backend<T>&, T* y, T const* a, T const* b, std::ptrdiff_t n);
// `blocks` runs of `count` scalars; run b starts at y + b * y_stride and x + b * x_stride
MOENDA_KERNEL copy_blocks(Backend<T>&, T* y, T const* x, int blocks, std::ptrdiff_t count,
                          std::ptrdiff_t y_stride, std::ptrdiff_t x_stride);

MOENDA_KERNEL embedding_forward(Backend<T>&, T* y, T const* table, int const* ids, int rows,
                                int cols);
MOENDA_KERNEL embedding_backward(Backend<T>&, T* dtable, T const* dy, int const* ids, int rows,
                                 int cols, int table_rows);

MOENDA_KERNEL rms_norm_forward(Backend<T>&, T* y, T* rstd, T const* x, T const* gain, T epsilon,
                               int rows, int cols);
MOENDA_KERNEL rms_norm_backward(Backend<T>&, T* dx, T* dgain, T const* dy, T const* rstd,
                                T const* x, T const* gain, int rows, int cols);
MOENDA_KERNEL layer_norm_forward(Backend<T>&, T* y, T* mean, T* rstd, T const* x, T const* gain,
                                 T const* bias, T epsilon, int rows, int cols);
MOENDA_KERNEL layer_norm_backward(Backend<T>&, T* dx, T* dgain, T* dbias, T const* dy,
                                  T const* mean, T const* rstd, T const* x, T const* gain, int rows,
                                  int cols);

MOENDA_KERNEL gelu_forward(Backend<T>&, T* y, T const* x, std::ptrdiff_t n);
MOENDA_KERNEL gelu_backward(Backend<T>&, T* dx, T const* dy, T const* x, std::ptrdiff_t n);
MOENDA_KERNEL silu_forward(Backend<T>&, T* y, T const* x, std::ptrdiff_t n);
MOENDA_KERNEL silu_backward(Backend<T>&, T* dx, T const* dy, T const* x, std::ptrdiff_t n);
MOENDA_KERNEL swiglu_forward(Backend<T>&, T* y, T const* gate, T const* up, std::ptrdiff_t n);
MOENDA_KERNEL swiglu_backward(Backend<T>&, T* dgate, T* dup, T const* dy, T const* gate,
                              T const* up, std::ptrdiff_t n);

// mask (may be null): only entries where mask != 0 take part; the others get probability 0
MOENDA_KERNEL softmax_forward(Backend<T>&, T* probs, T const* logits, T const* mask, int rows,
                              int cols);
MOENDA_KERNEL softmax_backward(Backend<T>&, T* dlogits, T const* dprobs, T const* probs, int rows,
                               int cols);
// y = x where mask != 0, divided by its row's sum when `renormalise`; sums[rows] keeps what it
// divided by
MOENDA_KERNEL select_forward(Backend<T>&, T* y, T* sums, T const* x, T const* mask,
                             bool renormalise, int rows, int cols);
MOENDA_KERNEL select_backward(Backend<T>&, T* dx, T const* dy, T const* y, T const* sums,
                              T const* mask, bool renormalise, int rows, int cols);
// mask[r, c] = 1 for the k largest of row r (ties: lowest column), else 0
MOENDA_KERNEL top_k_of_rows(Backend<T>&, T* mask, T const* x, int k, int rows, int cols);

// rotates pairs (i, i + head_dim / 2) of every head by position * base^(-2 i / head_dim), in place;
// sign -1 undoes it. Row r stands at position first_position + r % seq_len; with `positions` (else
// null, here and below) sequence b starts at positions[b] instead
MOENDA_KERNEL rope_rotate(Backend<T>&, T* x, int rows, int num_heads, int head_dim, int seq_len,
                          int first_position, double base, int sign, int const* positions);

MOENDA_KERNEL attention_forward(Backend<T>&, T* y, T* logsumexp, T const* q, T const* k, T const* v,
                                AttentionShape const&);
MOENDA_KERNEL attention_backward(Backend<T>&, T* dq, T* dk, T* dv, T const* dy, T const* y,
                                 T const* logsumexp, T const* q, T const* k, T const* v,
                                 AttentionShape const&);

// the plan: slots sorted by expert, then by item
MOENDA_KERNEL count_selected(Backend<T>&, int* tokens_per_expert, T const* selected, int items,
                             int experts);
MOENDA_KERNEL make_plan(Backend<T>&, int* bins, int* item_of_slot, int* expert_of_slot,
                        T* combine_weights, int* item_begin, int* slots_of_item, T const* selected,
                        T const* weights, int items, int experts, int capacity);
MOENDA_KERNEL gather_items(Backend<T>&, T* y, T const* x, int const* item_of_slot, int slots,
                           int block);
// y[i] = sum over the slots of item i of weights[slot] * slots_y[slot]; weights null means 1
MOENDA_KERNEL combine_items(Backend<T>&, T* y, T const* slots_y, T const* weights,
                            int const* item_begin, int const* slots_of_item, int items, int block);
MOENDA_KERNEL combine_items_backward(Backend<T>&, T* dslots, T* dweights, T const* dy,
                                     T const* slots_y, T const* weights, int const* item_of_slot,
                                     int const* expert_of_slot, int slots, int experts, int block);

// What a loss on a router is told: its tables are [rows, cols]; rows with present[r] == 0 are
// padding and count nowhere (null: all count). The loss is multiplied by weight, gradients by scale
// too.
template <class T>
struct RoutingLoss {
  int rows = 0, cols = 0;
  T const* present = nullptr;  // [rows]
  double weight = 0, scale = 1;
};
// They add to *loss and to the gradients; without those (null) to *loss alone.
// num_experts * mean over `groups` of sum_e f_e P_e; f counts the assignments `seen` [cols] as well
MOENDA_KERNEL load_balancing_forward(Backend<T>&, double* loss, T* dprobs, T const* probs,
                                     T const* selected, T const* seen, int groups,
                                     RoutingLoss<T> const&);
// mean_t logsumexp(z_t)^2
MOENDA_KERNEL router_z_forward(Backend<T>&, double* loss, T* dlogits, T const* logits,
                               RoutingLoss<T> const&);
// CV^2 of the summed weights of the selected, and of their smooth number
MOENDA_KERNEL importance_forward(Backend<T>&, double* loss, T* dweights, T const* weights,
                                 T const* selected, RoutingLoss<T> const&);
MOENDA_KERNEL smooth_load_forward(Backend<T>&, double* loss, T* dclean, T* dsigma, T const* clean,
                                  T const* noisy, T const* sigma, T const* selected,
                                  RoutingLoss<T> const&);
// mean p (1 - p) + 1 / cols - the same of the mean row
MOENDA_KERNEL spread_penalty_forward(Backend<T>&, double* loss, T* dprobs, T const* probs,
                                     RoutingLoss<T> const&);
// mean entropy of a row, less marginal_weight (not multiplied by weight) * entropy of the mean row
MOENDA_KERNEL router_entropy_forward(Backend<T>&, double* loss, T* dprobs, T const* probs,
                                     double marginal_weight, RoutingLoss<T> const&);

// mask[b, i] = 1 if i < lengths[b], else 0
MOENDA_KERNEL mark_present(Backend<T>&, T* mask, int const* lengths, int batch_size, int items);
// y[r, c] = factors[r] x[r, c]
MOENDA_KERNEL scale_rows(Backend<T>&, T* y, T const* x, T const* factors, int rows, int cols);
// kept[i, e] = 1 for the `capacity` slots of largest priority of every expert (ties: first by
// item), else 0
MOENDA_KERNEL keep_within_capacity(Backend<T>&, T* kept, int const* bins, int const* item_of_slot,
                                   T const* priority_of_slot, int items, int experts, int capacity);
// y[i] = value with probability 1 - p, else 0: a function of `random` and i alone
MOENDA_KERNEL draw_mask(Backend<T>&, T* y, Random random, double p, T value, std::ptrdiff_t n);

// Cross entropy of softmax(x w^T) against targets, in chunks of rows; rows with target -1 count
// nothing. loss_sum: the summed loss. With dx: dx[rows, cols] = scale * gradient, dw += scale *
// gradient; both null: loss only. losses (may be null): [rows] the loss of every row
MOENDA_KERNEL cross_entropy(Backend<T>&, double* loss_sum, T* losses, T* dx, T* dw, T const* x,
                            T const* w, int const* targets, T scale, int rows, int vocab_size,
                            int cols, Precision);

// One row for the item_rows rows of item i, and back. Rows from lengths[i] on are padding (null:
// there is none), which is not read and gets 0. y[i] = mean of the rows
MOENDA_KERNEL mean_pool_forward(Backend<T>&, T* y, T const* x, int const* lengths, int items,
                                int item_rows, int cols);
MOENDA_KERNEL mean_pool_backward(Backend<T>&, T* dx, T const* dy, int const* lengths, int items,
                                 int item_rows, int cols);
// y of every row of item i = x[i]
MOENDA_KERNEL repeat_rows_forward(Backend<T>&, T* y, T const* x, int const* lengths, int items,
                                  int item_rows, int cols);
MOENDA_KERNEL repeat_rows_backward(Backend<T>&, T* dx, T const* dy, int const* lengths, int items,
                                   int item_rows, int cols);
// y[i] = lengths[item_of_slot[i]]
MOENDA_KERNEL gather_lengths(Backend<T>&, int* y, int const* lengths, int const* item_of_slot,
                             int slots);
// y[b * stride + positions[b] + t] = x[b, t] for t < lengths[b] (null: all seq_len)
MOENDA_KERNEL place_rows(Backend<T>&, T* y, T const* x, int const* positions, int const* lengths,
                         int position, int batch_size, int seq_len, int stride, int cols);
// ids[b, t] = positions[b] + t, in padding at most table_rows - 1
MOENDA_KERNEL row_positions(Backend<T>&, int* ids, int const* positions, int const* lengths,
                            int batch_size, int seq_len, int table_rows);
// y[b] = x[b, lengths[b] - 1]; of a sequence without rows its first row of padding
MOENDA_KERNEL last_rows(Backend<T>&, T* y, T const* x, int const* lengths, int batch_size,
                        int seq_len, int cols);
// y[rows, cols] = features, 0 in padding
MOENDA_KERNEL read_features(Backend<T>&, T* y, float const* features, int const* lengths,
                            int batch_size, int seq_len, int cols);

// Step `step` of a gated recurrent unit, for the sequences that are not over: gates [batch_size *
// seq_len, 3 hidden] hold the input's part and then r, z and n, recurrent [batch_size, 3 hidden]
// the product with previous [batch_size, hidden]. Formulas: cpu/kernels/gru.hpp
MOENDA_KERNEL gru_step_forward(Backend<T>&, T* next, T* gates, T* recurrent, T const* bias,
                               T const* previous, int const* lengths, int step, int batch_size,
                               int seq_len, int hidden);
MOENDA_KERNEL gru_step_backward(Backend<T>&, T* dprevious, T* dgates, T* drecurrent, T const* dnext,
                                T const* dstate, T const* gates, T const* recurrent,
                                T const* previous, int const* lengths, int step, int batch_size,
                                int seq_len, int hidden);

// sum of (values - targets)^2; NaN targets count nothing. With dvalues: scale * its gradient.
// losses (may be null): [rows]
MOENDA_KERNEL squared_error(Backend<T>&, double* loss_sum, T* losses, T* dvalues, T const* values,
                            float const* targets, T scale, int rows);

// y = x in the top_groups groups of columns of largest sum of their `best` largest entries,
// -infinity elsewhere
MOENDA_KERNEL keep_best_groups(Backend<T>&, T* y, T const* x, int groups, int top_groups, int best,
                               int rows, int cols);
// kept = mask where always != 0 or x > limits[row], else 0
MOENDA_KERNEL keep_above(Backend<T>&, T* kept, T const* mask, T const* always, T const* x,
                         T const* limits, int rows, int cols);
// mask[r, c] = 1 for the k columns from (first + r % period) k on, around the end, else 0
MOENDA_KERNEL round_robin(Backend<T>&, T* mask, int first, int period, int k, int rows, int cols,
                          int const* firsts);
// bias[e] += rate where counts[e] < (1 - dead_zone) mean, -= rate where it is > (1 + dead_zone)
// mean
MOENDA_KERNEL move_balancing_bias(Backend<T>&, T* bias, T const* counts, double rate,
                                  double dead_zone, int experts);

// log_plan = logits + a number per row + a number per column, so that after enough iterations its
// exponentials sum to 1 / rows in every row and 1 / cols in every column
MOENDA_KERNEL sinkhorn_forward(Backend<T>&, T* log_plan, T const* logits, int iterations, int rows,
                               int cols);
// selected[r, c] = 1 where row r goes to column c, else 0: every row once, every column equally
// often (one more for rows % cols of them), with nearly the largest sum of affinities
MOENDA_KERNEL balanced_assignment(Backend<T>&, T* selected, T const* affinity, int rows, int cols);
// mask[r, c] = 1 for the k largest of column c within r's group (ties: lowest row), else 0. Member
// i of group g is row g * group_step + i * member_step
MOENDA_KERNEL top_k_of_columns(Backend<T>&, T* mask, T const* x, int k, int groups, int members,
                               int group_step, int member_step, int cols);
// y[rows, 2] = the upper and the lower 16 bits of every token
MOENDA_KERNEL split_tokens(Backend<T>&, T* y, int const* tokens, int rows);
// keys[rows] to hash: the token, its position, or the token before it (from split tokens; 0 for the
// first of a sequence), the latter also paired with the token
MOENDA_KERNEL token_keys(Backend<T>&, std::uint64_t* keys, int const* tokens, int rows);
MOENDA_KERNEL position_keys(Backend<T>&, std::uint64_t* keys, int first_position, int seq_len,
                            int rows, int const* positions);
MOENDA_KERNEL previous_keys(Backend<T>&, std::uint64_t* keys, T const* seen, bool with_token,
                            int first, int stride, int seq_len, int rows, int const* positions);
// keys[items] of what an item of item_rows rows is made of: the position and token (0 without
// tokens) of its first row, and all else that it holds and that is no padding
MOENDA_KERNEL item_keys(Backend<T>&, std::uint64_t* keys, int const* tokens, float const* features,
                        int channels, int const* lengths, int position, int seq_len, int item_rows,
                        int items, int const* positions);
// selected[r, c] = 1 where hash h sends row r to expert c of its own, experts / hashes each
MOENDA_KERNEL hash_experts(Backend<T>&, T* selected, std::uint64_t const* keys, std::uint64_t salt,
                           std::uint64_t first_stream, int hashes, int rows, int experts);
MOENDA_KERNEL look_up_experts(Backend<T>&, T* selected, int const* tokens, T const* table,
                              int vocab_size, int hashes, int rows, int experts);

// number i is a function of `random` and i alone: uniform in [0, 1), standard normal or Gumbel
MOENDA_KERNEL draw_uniform(Backend<T>&, T* y, Random random, std::ptrdiff_t n);
MOENDA_KERNEL draw_normal(Backend<T>&, T* y, Random random, std::ptrdiff_t n);
MOENDA_KERNEL draw_gumbel(Backend<T>&, T* y, Random random, std::ptrdiff_t n);
// y[r, c] uniform in [0, 1), a function of `random`, keys[r] and c
MOENDA_KERNEL draw_uniform_of_keys(Backend<T>&, T* y, Random random, std::uint64_t const* keys,
                                   int rows, int cols);
// every column of y[rows, cols] = the Gumbel quantiles of (i + 0.5) / rows in an order by lot
MOENDA_KERNEL draw_gumbel_strata(Backend<T>&, T* y, Random random, int rows, int cols);
MOENDA_KERNEL sigmoid_forward(Backend<T>&, T* y, T const* x, std::ptrdiff_t n);
MOENDA_KERNEL sigmoid_backward(Backend<T>&, T* dx, T const* dy, T const* y, std::ptrdiff_t n);
MOENDA_KERNEL softplus_forward(Backend<T>&, T* y, T const* x, std::ptrdiff_t n);
MOENDA_KERNEL softplus_backward(Backend<T>&, T* dx, T const* dy, T const* x, std::ptrdiff_t n);
MOENDA_KERNEL multiply_forward(Backend<T>&, T* y, T const* a, T const* b, std::ptrdiff_t n);
// y = factor x + shift
MOENDA_KERNEL scale_forward(Backend<T>&, T* y, T const* x, T factor, T shift, std::ptrdiff_t n);
// y[r, c] = x[r, c] + row[c]
MOENDA_KERNEL add_row_forward(Backend<T>&, T* y, T const* x, T const* row, int rows, int cols);
// sums[c] += sum_r x[r, c]
MOENDA_KERNEL sum_of_rows(Backend<T>&, T* sums, T const* x, int rows, int cols);

// y[r] = x[r] / |x[r]| and inverse_length[r] = 1 / |x[r]|, both 0 for a row without a direction
MOENDA_KERNEL unit_rows_forward(Backend<T>&, T* y, T* inverse_length, T const* x, int rows,
                                int cols);
MOENDA_KERNEL unit_rows_backward(Backend<T>&, T* dx, T const* dy, T const* y,
                                 T const* inverse_length, int rows, int cols);
// selected[r, c] = 1 where c is active and cosines[r, c] > thresholds[c], or for the best active c
// of a row that has none when at_least_one, else 0; weights = selected / selected of the row;
// scores = sigmoid(slope cosines) where active, else 0
MOENDA_KERNEL top_any_forward(Backend<T>&, T* selected, T* weights, T* scores, T const* cosines,
                              T const* thresholds, T const* active, T slope, bool at_least_one,
                              int rows, int cols);
// how balanced the selection is, and efficiency_weight (not multiplied by weight) * how large;
// dselected = the gradient in selected
MOENDA_KERNEL top_any_losses(Backend<T>&, double* loss, T* dselected, T const* selected,
                             T const* weights, T const* active, double efficiency_weight,
                             RoutingLoss<T> const&);
// sums[c] += sum of x[r, c] over the present rows with nothing selected, *count += how many
MOENDA_KERNEL sum_of_unrouted(Backend<T>&, T* sums, T* count, T const* x, T const* selected,
                              T const* present, int experts, int rows, int cols);
// presence: 1 added, -1 removed, 0 as at first, when the first `initial` experts were there
MOENDA_KERNEL active_experts(Backend<T>&, T* active, T const* presence, int initial, int experts);
// adds weight * |s - I| and weight * mean |w[e]|, of active experts; writes scale * the gradient
MOENDA_KERNEL gate_diversity(Backend<T>&, double* loss, T* ds, T const* s, T const* active,
                             double weight, double scale, int experts);
MOENDA_KERNEL gate_simplicity(Backend<T>&, double* loss, T* dw, T const* w, T const* unit,
                              T const* active, double weight, double scale, int experts, int cols);
// removes experts without activations, all but one; adds one towards unrouted_sum, if it has a
// direction. *removed: how many; *added: which, or -1
MOENDA_KERNEL adapt_experts(Backend<T>&, int* removed, int* added, T* presence, T* weight,
                            T* threshold, T const* activations, T const* unrouted_sum, int initial,
                            int experts, int cols);

// selected[r, c] = 1 for one column of every row, else 0: column c with probability probs[r, c]
MOENDA_KERNEL choose_by_lot(Backend<T>&, T* selected, T const* probs, T const* lots, int rows,
                            int cols);
// columns[r] = the first c with selected[r, c] != 0, else 0
MOENDA_KERNEL chosen_columns(Backend<T>&, int* columns, T const* selected, int rows, int cols);
// y[r] += table[columns[r]]; its backward is that of the embedding
MOENDA_KERNEL add_chosen_row(Backend<T>&, T* y, T const* table, int const* columns, int rows,
                             int cols);
// y[r] = factors[r, columns[r]] x[r]; dfactors[r, columns[r]] += <dy[r], x[r]>
MOENDA_KERNEL scale_by_chosen(Backend<T>&, T* y, T const* x, T const* factors, int const* columns,
                              int rows, int cols, int table_cols);
MOENDA_KERNEL scale_by_chosen_backward(Backend<T>&, T* dfactors, T const* dy, T const* x,
                                       int const* columns, int rows, int cols, int table_cols);

// mask[b, i] = 1 where window first + i of item b has a first token that is not 0, else 0
MOENDA_KERNEL mark_windows(Backend<T>&, T* mask, int const* tokens, int window_tokens,
                           WindowRange const&);
// scores[b, i] = <x[b], windows[b, first + i]>
MOENDA_KERNEL score_windows(Backend<T>&, T* scores, T const* x, T const* windows,
                            WindowRange const&, int cols);
// y[b] = sum_i weights[b, i] windows[b, first + i]
MOENDA_KERNEL mix_windows(Backend<T>&, T* y, T const* weights, T const* windows, WindowRange const&,
                          int cols);
// windows[b, first + i] += weights[b, i] x[b]
MOENDA_KERNEL add_to_windows(Backend<T>&, T* windows, T const* weights, T const* x,
                             WindowRange const&, int cols);
// y = x - log sum exp x over the columns with mask != 0 (null: all), -infinity elsewhere
MOENDA_KERNEL log_softmax_forward(Backend<T>&, T* y, T const* x, T const* mask, int rows, int cols);
MOENDA_KERNEL log_softmax_backward(Backend<T>&, T* dx, T const* dy, T const* y, int rows, int cols);
// likelihood[b, e] = log of the summed probability of the derivations of item b by expert e,
// -infinity without one; shares[d] = the share of derivation d in its sum
MOENDA_KERNEL derivation_likelihood_forward(Backend<T>&, T* likelihood, T* shares,
                                            T const* log_probs, DerivationTable const&);
MOENDA_KERNEL derivation_likelihood_backward(Backend<T>&, T* dlog_probs, T const* dlikelihood,
                                             T const* shares, DerivationTable const&);
// who is responsible for the answer: shares = softmax((prior_weight prior + likelihood) /
// temperature), loss = sum_e shares (-log_router - likelihood + temperature log shares)
MOENDA_KERNEL expectation_step(Backend<T>&, double* loss_sum, T* losses, T* shares, T const* prior,
                               T const* log_router, T const* likelihood, double prior_weight,
                               double temperature, int items, int experts);

// sum of squares in double, over blocks of fixed size
MOENDA_KERNEL sum_of_squares(Backend<T>&, double* sum, T const* x, std::ptrdiff_t n);
// decoupled weight decay, eq. and defaults as Loshchilov & Hutter 2019; gradient is multiplied by
// gradient_scale first
struct AdamWStep {
  double learning_rate, beta1, beta2, epsilon, weight_decay, correction1, correction2,
      gradient_scale;
};
MOENDA_KERNEL adamw_step(Backend<T>&, T* values, T* first_moment, T* second_moment,
                         T const* gradients, AdamWStep const&, std::ptrdiff_t n);

}  // namespace moenda::cpu
