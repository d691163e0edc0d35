// SPDX-License-Identifier: Apache-2.0
#pragma once
#include "moenda/core/fields.hpp"
#include "moenda/core/weights.hpp"
#include "moenda/ops/elementwise/pointwise.hpp"
#include "moenda/ops/linear/matmul.hpp"
#include "moenda/ops/memory.hpp"
#include "moenda/ops/norm/log_softmax.hpp"
#include "moenda/ops/table/windows.hpp"

namespace moenda::expert::tab {

/// What the experts see of a batch of questions.
template <class B>
struct Reading {
  Tensor<B> question;  // [questions, d_model]
  Tensor<B> windows;   // [questions * windows, d_model]
};

/// A choice among the windows of a range, by a query made of the question.
///   query = question query_weight^T + bias;   log p(i) = log_softmax_i <query, window_i>
struct ChooseWindow {
  template <class B>
  struct Params {
    Weight<B> query;  // [d_model, d_model]
    Weight<B> bias;   // [1, d_model]
    MOENDA_FIELDS(Params, query, bias);
  };
  template <class B>
  struct Cache {
    Reading<B> reading;
    ops::Range range;
    Tensor<B> query;      // [questions, d_model]
    Tensor<B> log_probs;  // [questions, count]
  };

  /// Without rows where an expert needs no such choice.
  template <class B>
  static constexpr Params<B> params(bool needed, int d_model) {
    return {weights::matrix(needed ? d_model : 0, d_model), weights::bias(d_model, needed)};
  }
  /// present [questions, count] -> log_probs [questions, count].
  template <class B>
  static Tensor<B> forward(Context<B>& ctx, Params<B> const& p, Cache<B>& cache, Reading<B> reading,
                           Tensor<B> present, ops::Range range) {
    auto query = ops::matmul(ctx, reading.question, p.query);  // [questions, d_model]
    query = ops::add_row(ctx, query, p.bias);                  // [questions, d_model]
    auto const scores =
        ops::score_windows(ctx, query, reading.windows, range);  // [questions, count]
    cache = {reading, range, query, ops::log_softmax(ctx, scores, present)};
    return cache.log_probs;
  }
  /// Adds to d.question and d.windows.
  template <class B>
  static void backward(Context<B>& ctx, Params<B> const& p, Params<B> const& grads, Cache<B>& cache,
                       Tensor<B> dlog_probs, Reading<B> d) {
    auto const dscores = ops::log_softmax_backward(ctx, dlog_probs, cache.log_probs);
    auto const dquery =
        ops::score_windows_backward(ctx, dscores, cache.query, cache.reading.windows, d.windows,
                                    cache.range);  // [questions, d_model]
    ops::add_row_backward(ctx, dquery, grads.bias);
    ops::accumulate(
        ctx, d.question,
        ops::matmul_backward(ctx, dquery, cache.reading.question, p.query, grads.query));
  }
};

}  // namespace moenda::expert::tab
