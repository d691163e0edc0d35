// SPDX-License-Identifier: Apache-2.0
#pragma once
// What the CPU offers: plain declarations, size-erased, outputs first. No Eigen, no intrinsics
// here.
#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <new>
#include <type_traits>
#include <vector>

#include "moenda/config.hpp"
#include "moenda/core/error.hpp"
#include "moenda/core/parallel.hpp"
#include "moenda/core/precision.hpp"
#include "moenda/core/random.hpp"

namespace moenda::cpu {

/// Which matrix product runs: our packed kernel, or Eigen's as the reference to compare with.
enum class MatmulKernel { packed, eigen };
constexpr auto enum_names(MatmulKernel) { return std::array{"packed", "eigen"}; }

/// Working memory of one worker, kept between calls so that a steady step allocates nothing.
class Scratch {
 public:
  /// At least `bytes`, aligned to 64. What it held before is lost.
  [[nodiscard]] void* take(std::size_t bytes) {
    if (bytes > size_) {
      data_.reset();
      size_ = 0;  // should the allocation fail
      data_.reset(static_cast<std::byte*>(::operator new (bytes, std::align_val_t{64})));
      size_ = bytes;
    }
    return data_.get();
  }

 private:
  struct Free {
    void operator()(std::byte* p) const { ::operator delete (p, std::align_val_t{64}); }
  };
  std::unique_ptr<std::byte, Free> data_;
  std::size_t size_ = 0;
};

/// Runs models on this machine's processors. T is float for use, double for gradient checks.
template <class T>
class Backend {
  static_assert(std::is_same_v<T, float> || std::is_same_v<T, double>,
                "cpu::Backend: the scalar must be float or double");

 public:
  using Scalar = T;

  /// `threads` = 0 takes every processor. Throws ConfigError unless 0 <= threads <= 1024, and for
  /// bf16 in double: gradient checks need every digit.
  explicit Backend(int threads = 0, MatmulKernel matmul = MatmulKernel::packed,
                   Precision matmul_precision = Precision::fp32)
      : matmul_kernel(matmul),
        precision(matmul_precision),
        pool(threads),
        scratch_(static_cast<std::size_t>(pool.threads()) * num_uses) {
    if (std::is_same_v<T, double> && precision == Precision::bf16) {
      throw ConfigError("cpu::Backend: precision must be fp32 when the scalar is double, got bf16");
    }
  }

  /// What a kernel keeps in its scratch. Kernels that call each other use different ones.
  enum Use { matmul_left, matmul_right, attention, reduction, num_uses };
  /// Working memory of the calling worker, for one use.
  template <class S = T>
  [[nodiscard]] S* scratch(Use use, std::size_t count) {
    auto const slot = static_cast<std::size_t>(pool.worker()) * num_uses + use;
    return static_cast<S*>(scratch_[slot].take(count * sizeof(S)));
  }

  MatmulKernel matmul_kernel;
  Precision precision;  ///< of matrix products; a router's are always fp32
  ThreadPool pool;

 private:
  std::vector<Scratch> scratch_;
};

/// Causal attention over `batch_size` sequences. Query row i of a sequence sees the keys
/// 0 .. i + key_len - query_len. Heads are side by side in a row; query head h reads key/value head
/// h / (num_heads / num_kv_heads).
struct AttentionShape {
  int batch_size = 0, query_len = 0;
  int key_len = 0,
      key_stride = 0;  // rows of keys of a sequence that are seen; rows between sequences
  int num_heads = 0, num_kv_heads = 0, head_dim = 0;
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
// sign -1 undoes it. Row r stands at position first_position + r % seq_len
MOENDA_KERNEL rope_rotate(Backend<T>&, T* x, int rows, int num_heads, int head_dim, int seq_len,
                          int first_position, double base, int sign);

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

// adds weight * num_experts * sum_e f_e P_e to *loss and its gradient times `scale` to dprobs
MOENDA_KERNEL load_balancing_forward(Backend<T>&, double* loss, T* dprobs, T const* probs,
                                     T const* selected, double weight, double scale, int rows,
                                     int cols);
// adds weight * mean_t logsumexp(z_t)^2 to *loss and its gradient times `scale` to dlogits
MOENDA_KERNEL router_z_forward(Backend<T>&, double* loss, T* dlogits, T const* logits,
                               double weight, double scale, int rows, int cols);

// Cross entropy of softmax(x w^T) against targets, in chunks of rows; rows with target -1 count
// nothing. loss_sum: the summed loss. With dx: dx[rows, cols] = scale * gradient, dw += scale *
// gradient; both null: loss only. losses (may be null): [rows] the loss of every row
MOENDA_KERNEL cross_entropy(Backend<T>&, double* loss_sum, T* losses, T* dx, T* dw, T const* x,
                            T const* w, int const* targets, T scale, int rows, int vocab_size,
                            int cols, Precision);

// y[i] = mean of the item_rows rows of item i
MOENDA_KERNEL mean_pool_forward(Backend<T>&, T* y, T const* x, int items, int item_rows, int cols);
MOENDA_KERNEL mean_pool_backward(Backend<T>&, T* dx, T const* dy, int items, int item_rows,
                                 int cols);

// number i is a function of `random` and i alone: uniform in [0, 1), or standard normal
MOENDA_KERNEL draw_uniform(Backend<T>&, T* y, Random random, std::ptrdiff_t n);
MOENDA_KERNEL draw_normal(Backend<T>&, T* y, Random random, std::ptrdiff_t n);
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
