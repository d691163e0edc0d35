// SPDX-License-Identifier: Apache-2.0
#pragma once
// Some of the windows of every item: scored by a row, or summed up into one.
#include "moenda/core/context.hpp"
#include "moenda/kernels/shapes.hpp"
#include "moenda/ops/shapes.hpp"

namespace moenda::ops {

/// Windows first .. first + count of every item.
struct Range {
  int first = 0, count = 0;
};

/// The range as kernels want it. `windows` [items * per_item, cols].
template <class B>
auto window_range(Tensor<B> windows, int items, Range range) {
  require(items >= 1 && windows.rows % items == 0, "windows: the items must divide the rows", items,
          windows.rows);
  int const per_item = windows.rows / items;
  require(range.first >= 0 && range.count >= 0 && range.first + range.count <= per_item,
          "windows: a range must end within an item", range.first + range.count, per_item);
  return WindowRange{items, per_item, range.first, range.count};
}

/// 1 for every window that is there, 0 for padding: its first token is 0.   -> [items, count].
template <class B>
Tensor<B> present_windows(Context<B>& ctx, int windows, int window_tokens, Range range) {
  int const items = ctx.batch.batch_size;
  require(ctx.batch.seq_len == windows * window_tokens,
          "present_windows: seq_len must be windows * window_tokens", ctx.batch.seq_len,
          windows * window_tokens);
  auto mask = ctx.tensor(items, range.count);  // [items, count]
  mark_windows(ctx.backend, mask.data, ctx.batch.tokens, window_tokens,
               WindowRange{items, windows, range.first, range.count});
  return mask;
}

/// scores[b, i] = <x[b], windows[b, first + i]>.   x [items, cols], windows [items * per_item,
/// cols]
/// -> scores [items, count].
template <class B>
Tensor<B> score_windows(Context<B>& ctx, Tensor<B> x, Tensor<B> windows, Range range) {
  require(x.cols == windows.cols, "score_windows: x.cols must equal windows.cols", x.cols,
          windows.cols);
  auto scores = ctx.tensor(x.rows, range.count);  // [items, count]
  score_windows(ctx.backend, scores.data, x.data, windows.data,
                window_range(windows, x.rows, range), x.cols);
  return scores;
}
/// dwindows += dscores x, and returns dx = sum_i dscores[b, i] windows[b, first + i].
template <class B>
Tensor<B> score_windows_backward(Context<B>& ctx, Tensor<B> dscores, Tensor<B> x, Tensor<B> windows,
                                 Tensor<B> dwindows, Range range) {
  require_same_shape(dwindows, windows, "score_windows_backward: dwindows and windows");
  auto const kernel_range = window_range(windows, x.rows, range);
  add_to_windows(ctx.backend, dwindows.data, dscores.data, x.data, kernel_range, x.cols);
  auto dx = ctx.tensor(x.rows, x.cols);  // [items, cols]
  mix_windows(ctx.backend, dx.data, dscores.data, windows.data, kernel_range, x.cols);
  return dx;
}

/// y[b] = sum_i weights[b, i] windows[b, first + i].   weights [items, count], windows [items *
/// per_item, cols] -> y [items, cols].
template <class B>
Tensor<B> mix_windows(Context<B>& ctx, Tensor<B> weights, Tensor<B> windows, Range range) {
  require(weights.cols == range.count, "mix_windows: there must be a weight for each window",
          weights.cols, range.count);
  auto y = ctx.tensor(weights.rows, windows.cols);  // [items, cols]
  mix_windows(ctx.backend, y.data, weights.data, windows.data,
              window_range(windows, weights.rows, range), windows.cols);
  return y;
}
/// dwindows += weights dy, and returns dweights[b, i] = <dy[b], windows[b, first + i]>.
template <class B>
Tensor<B> mix_windows_backward(Context<B>& ctx, Tensor<B> dy, Tensor<B> weights, Tensor<B> windows,
                               Tensor<B> dwindows, Range range) {
  require_same_shape(dwindows, windows, "mix_windows_backward: dwindows and windows");
  auto const kernel_range = window_range(windows, dy.rows, range);
  add_to_windows(ctx.backend, dwindows.data, weights.data, dy.data, kernel_range, dy.cols);
  auto dweights = ctx.tensor(weights.rows, weights.cols);  // [items, count]
  score_windows(ctx.backend, dweights.data, dy.data, windows.data, kernel_range, dy.cols);
  return dweights;
}

}  // namespace moenda::ops
