// SPDX-License-Identifier: Apache-2.0
#pragma once
#include "moenda/core/weights.hpp"
#include "moenda/table/choose_window.hpp"
#include "moenda/table/score_table.hpp"

namespace moenda::expert::tab {

/// What a functional expert learns: which column, which rows and which direction a question means.
/// Rows are chosen by a condition, so that the most probable choice is an exact mask. What is done
/// with the selection is not learnt: operations.hpp.
struct Selector {
  template <class B>
  struct Params {
    ChooseWindow::Params<B> column, shown, condition;
    Weight<B> direction;  // [2, d_model]: the smallest, the largest
    MOENDA_FIELDS(Params, column, shown, condition, direction);
  };
  template <class B>
  struct Cache {
    ChooseWindow::Cache<B> column, shown, condition;
    Tensor<B> question;   // [questions, d_model]
    Tensor<B> direction;  // [questions, 2] log probabilities
  };
  /// The ranges of a layout, and which of their windows are there.
  template <class B>
  struct Windows {
    ops::Range columns, conditions, pairs;
    Tensor<B> columns_present, conditions_present, pairs_present;  // [questions, count]
  };

  template <class B>
  static constexpr Params<B> params(Parts parts, int d_model) {
    return {ChooseWindow::params<B>(parts.column, d_model),
            ChooseWindow::params<B>(parts.shown, d_model), ChooseWindow::params<B>(true, d_model),
            weights::matrix(parts.direction ? 2 : 0, d_model)};
  }
  /// Writes the log probabilities of the parts into their columns of `table` [questions, width].
  template <class B>
  static void forward(Context<B>& ctx, Parts parts, ScoreTable::Columns const& columns,
                      Params<B> const& p, Cache<B>& cache, Reading<B> reading,
                      Windows<B> const& windows, Tensor<B> table) {
    if (parts.column) {
      write(ctx, table, columns.column,
            ChooseWindow::forward(ctx, p.column, cache.column, reading, windows.columns_present,
                                  windows.columns));
    }
    if (parts.shown) {
      write(ctx, table, columns.shown,
            ChooseWindow::forward(ctx, p.shown, cache.shown, reading, windows.columns_present,
                                  windows.columns));
    }
    write(ctx, table, columns.condition,
          ChooseWindow::forward(ctx, p.condition, cache.condition, reading,
                                parts.pair ? windows.pairs_present : windows.conditions_present,
                                parts.pair ? windows.pairs : windows.conditions));
    if (!parts.direction) return;
    cache.question = reading.question;
    cache.direction = ops::log_softmax(ctx, ops::matmul(ctx, reading.question, p.direction));
    write(ctx, table, columns.direction, cache.direction);
  }
  /// Adds to d.question and d.windows.   dtable [questions, width].
  template <class B>
  static void backward(Context<B>& ctx, Parts parts, ScoreTable::Columns const& columns,
                       Params<B> const& p, Params<B> const& grads, Cache<B>& cache,
                       Tensor<B> dtable, Reading<B> d) {
    auto const choose = [&](auto const& of, auto const& its_grads, auto& its_cache, int first) {
      auto const dlog_probs = read(ctx, dtable, first, its_cache.range.count);
      ChooseWindow::backward(ctx, of, its_grads, its_cache, dlog_probs, d);
    };
    if (parts.column) choose(p.column, grads.column, cache.column, columns.column);
    if (parts.shown) choose(p.shown, grads.shown, cache.shown, columns.shown);
    choose(p.condition, grads.condition, cache.condition, columns.condition);
    if (!parts.direction) return;
    auto const dlog_probs = read(ctx, dtable, columns.direction, 2);  // [questions, 2]
    auto const dlogits = ops::log_softmax_backward(ctx, dlog_probs, cache.direction);
    ops::accumulate(
        ctx, d.question,
        ops::matmul_backward(ctx, dlogits, cache.question, p.direction, grads.direction));
  }

  /// Columns first .. first + part.cols of `table` = part.
  template <class B>
  static void write(Context<B>& ctx, Tensor<B> table, int first, Tensor<B> part) {
    copy_blocks(ctx.backend, table.data + first, part.data, part.rows, std::ptrdiff_t(part.cols),
                std::ptrdiff_t(table.cols), std::ptrdiff_t(part.cols));
  }

 private:
  template <class B>
  static Tensor<B> read(Context<B>& ctx, Tensor<B> table, int first, int count) {
    auto part = ctx.tensor(table.rows, count);  // [questions, count]
    copy_blocks(ctx.backend, part.data, table.data + first, part.rows, std::ptrdiff_t(count),
                std::ptrdiff_t(count), std::ptrdiff_t(table.cols));
    return part;
  }
};

}  // namespace moenda::expert::tab
