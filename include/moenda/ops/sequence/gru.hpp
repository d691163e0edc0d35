// SPDX-License-Identifier: Apache-2.0
#pragma once
// A gated recurrent unit over the sequences of a batch. States lie step by step, [seq_len,
// batch_size, hidden], so that a step is one matrix product over all sequences.
#include "moenda/ops/elementwise/pointwise.hpp"
#include "moenda/ops/linear/matmul.hpp"
#include "moenda/ops/memory.hpp"

namespace moenda::ops {

/// What gru keeps for its backward.
template <class B>
struct GruCache {
  Tensor<B> gates;      // [batch_size * seq_len, 3 hidden] r, z, n
  Tensor<B> recurrent;  // [seq_len * batch_size, 3 hidden] what the state before a step said
  Tensor<B> states;     // [(seq_len + 1) * batch_size, hidden] before every step and at the end
};

/// The recurrence of PyTorch's GRU, after Cho et al. 2014, eq. 5-8; h_0 = 0:
///   [hr hz hn] = h W^T + bias,  [xr xz xn] = gates,
///   r = sigmoid(xr + hr),  z = sigmoid(xz + hz),  n = tanh(xn + r hn),  h' = (1 - z) n + z h
/// A sequence that is over keeps its last state, so the states after the last step are the last
/// valid ones. gates [batch_size * seq_len, 3 hidden] (overwritten) -> states [(seq_len + 1) *
/// batch_size, hidden] step by step, h_0 first.
template <class B>
Tensor<B> gru(Context<B>& ctx, Tensor<B> gates, Weight<B> const& weight, Weight<B> const& bias,
              GruCache<B>& cache) {
  using Scalar = typename B::Scalar;
  int const sequences = ctx.batch.batch_size, seq_len = ctx.batch.seq_len, hidden = weight.cols;
  require(gates.rows == ctx.batch.rows(), "gru: gates.rows must be batch_size * seq_len",
          gates.rows, ctx.batch.rows());
  require(weight.rows == 3 * hidden, "gru: weight must be [3 hidden, hidden]", weight.rows,
          3 * hidden);
  require(gates.cols == 3 * hidden, "gru: gates.cols must be 3 hidden", gates.cols, 3 * hidden);
  require(bias.size() == 3 * hidden, "gru: bias must be [1, 3 hidden]", bias.size(), 3 * hidden);
  auto recurrent = ctx.tensor(seq_len * sequences, 3 * hidden);  // [seq_len, batch_size, ..]
  auto states = ctx.tensor((seq_len + 1) * sequences, hidden);   // [seq_len + 1, batch_size, ..]
  fill(ctx.backend, states.data, Scalar(0), states.slice(0, sequences).size());
  auto const precision = precision_of(ctx.backend, weight);
  for (int t = 0; t < seq_len; ++t) {
    auto const before = states.slice(t * sequences, sequences);      // [batch_size, hidden]
    auto const product = recurrent.slice(t * sequences, sequences);  // [batch_size, 3 hidden]
    matmul_forward(ctx.backend, product.data, before.data, weight.view(), sequences, 3 * hidden,
                   hidden, precision);
    gru_step_forward(ctx.backend, states.slice((t + 1) * sequences, sequences).data, gates.data,
                     product.data, bias.plain("gru: bias"), before.data, ctx.batch.lengths, t,
                     sequences, seq_len, hidden);
  }
  cache = {gates, recurrent, states};
  return states;
}

/// Through time, last step first. dsteps: the gradient in the state after every step [seq_len *
/// batch_size, hidden], or empty; dlast [batch_size, hidden]: in the last states (overwritten).
/// Adds to dweight, unless weight is frozen, and to dbias; returns dgates [batch_size * seq_len, 3
/// hidden], 0 in padding.
template <class B>
Tensor<B> gru_backward(Context<B>& ctx, Tensor<B> dsteps, Tensor<B> dlast, Weight<B> const& weight,
                       Weight<B> const& dweight, Weight<B> const& dbias, GruCache<B> const& cache) {
  using Scalar = typename B::Scalar;
  int const sequences = ctx.batch.batch_size, seq_len = ctx.batch.seq_len, hidden = weight.cols;
  require(dlast.rows == sequences, "gru_backward: dlast.rows must be batch_size", dlast.rows,
          sequences);
  require(dsteps.data == nullptr || dsteps.rows == seq_len * sequences,
          "gru_backward: dsteps.rows must be seq_len * batch_size", dsteps.rows,
          seq_len * sequences);
  auto const* const plain = weight.plain("gru_backward: weight");
  auto dgates = ctx.tensor(cache.gates.rows, cache.gates.cols);              // as gates
  auto drecurrent = ctx.tensor(cache.recurrent.rows, cache.recurrent.cols);  // as recurrent
  auto through = ctx.tensor(sequences, hidden);                              // as dlast
  auto const precision = precision_of(ctx.backend, weight);
  for (int t = seq_len; t-- > 0;) {
    int const first = t * sequences;
    auto const dproduct = drecurrent.slice(first, sequences);  // [batch_size, 3 hidden]
    auto const* const dstate =
        dsteps.data == nullptr ? nullptr : dsteps.slice(first, sequences).data;
    gru_step_backward(ctx.backend, dlast.data, dgates.data, dproduct.data,
                      static_cast<Scalar const*>(dlast.data), static_cast<Scalar const*>(dstate),
                      static_cast<Scalar const*>(cache.gates.data),
                      static_cast<Scalar const*>(cache.recurrent.slice(first, sequences).data),
                      static_cast<Scalar const*>(cache.states.slice(first, sequences).data),
                      ctx.batch.lengths, t, sequences, seq_len, hidden);
    matmul_backward_input(ctx.backend, through.data, dproduct.data, plain, sequences, 3 * hidden,
                          hidden, precision);
    accumulate(ctx, dlast, through);
  }
  if (!weight.frozen) {
    matmul_backward_weight(ctx.backend, dweight.data, drecurrent.data, cache.states.data,
                           drecurrent.rows, 3 * hidden, hidden, precision);
  }
  add_row_backward(ctx, drecurrent, dbias);
  return dgates;
}

/// Rows that lie step by step, sequence by sequence.   x [seq_len * batch_size, cols] ->
/// [batch_size * seq_len, cols].
template <class B>
Tensor<B> sequences_of_steps(Context<B>& ctx, Tensor<B> x) {
  auto const [sequences, seq_len] = std::pair{ctx.batch.batch_size, ctx.batch.seq_len};
  auto const y = ctx.tensor(x.rows, x.cols);  // [batch_size * seq_len, cols]
  std::ptrdiff_t const width = x.cols;
  for (int t = 0; t < seq_len; ++t) {
    copy_blocks(ctx.backend, y.data + t * width, x.slice(t * sequences, sequences).data, sequences,
                width, seq_len * width, width);
  }
  return y;
}
/// The same the other way round: its backward.
template <class B>
Tensor<B> steps_of_sequences(Context<B>& ctx, Tensor<B> x) {
  auto const [sequences, seq_len] = std::pair{ctx.batch.batch_size, ctx.batch.seq_len};
  auto const y = ctx.tensor(x.rows, x.cols);  // [seq_len * batch_size, cols]
  std::ptrdiff_t const width = x.cols;
  for (int t = 0; t < seq_len; ++t) {
    copy_blocks(ctx.backend, y.slice(t * sequences, sequences).data, x.data + t * width, sequences,
                width, width, seq_len * width);
  }
  return y;
}

}  // namespace moenda::ops
