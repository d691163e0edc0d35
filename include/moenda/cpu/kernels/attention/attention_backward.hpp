// SPDX-License-Identifier: Apache-2.0
#pragma once
// Gradient of tiled attention: the probabilities of a tile are computed again from logsumexp
// (Dao et al. 2022, algorithm 4), so nothing of size query_len x key_len was ever saved.
#include <cmath>

#include "moenda/cpu/kernels/attention/attention_queries.hpp"
#include "moenda/cpu/kernels/attention/attention_tile.hpp"
#include "moenda/cpu/kernels/exponential.hpp"

namespace moenda::cpu::MOENDA_LEVEL {

/// What one worker keeps of a tile of queries in attention_backward.
template <class T>
struct AttentionBackwardWork {
  T *query_rows, *dy_rows, *dq_rows;  // [tile_queries, padded head_dim]
  T *query_columns, *dy_columns;      // [head_dim, tile_queries]
  T *probs, *dscores;                 // [tile_keys, tile_queries]
  T* key_rows;                        // [tile_keys, padded head_dim]
  T *logsumexp, *row_dot;             // [tile_queries]

  [[nodiscard]] static std::size_t room(int head_dim) {
    return static_cast<std::size_t>(tile_queries) *
           static_cast<std::size_t>(4 * padded<T>(head_dim) + 2 * head_dim + 2 * tile_keys + 2);
  }
  AttentionBackwardWork(T* at, int head_dim) {
    auto const next = [&at](int columns) {
      T* const begin = at;
      at += tile_queries * columns;
      return begin;
    };
    int const step = padded<T>(head_dim);
    query_rows = next(step), dy_rows = next(step), dq_rows = next(step), key_rows = next(step);
    query_columns = next(head_dim), dy_columns = next(head_dim);
    probs = next(tile_keys), dscores = next(tile_keys);
    logsumexp = next(1), row_dot = next(1);
  }
};

/// sum_c a_c b_c, over as many partial sums as a register has lanes.
template <class T>
[[nodiscard]] T dot_of_rows(T const* a, T const* b, int count) {
  constexpr int lanes = Register<T>::lanes;
  alignas(64) T parts[lanes] = {};
  int c = 0;
  for (; c + lanes <= count; c += lanes) {
    for (int lane = 0; lane < lanes; ++lane) parts[lane] += a[c + lane] * b[c + lane];
  }
  T sum = 0;
  for (; c < count; ++c) sum += a[c] * b[c];
  for (T const part : parts) sum += part;
  return sum;
}

/// Brings a tile of queries close: q scaled, dy, logsumexp and D_i = sum_c dy_ic y_ic (equation 4
/// of the paper's appendix: it equals the sum of p_ij dp_ij over the keys).
template <class T>
void load_backward_tile(AttentionBackwardWork<T> const& work, T const* dy, T const* y,
                        T const* logsumexp, T const* q, QueryTile const& tile, int head_dim,
                        T scale) {
  pack_rows(work.query_rows, q, tile, head_dim, scale);
  pack_rows(work.dy_rows, dy, tile, head_dim, T(1));
  transpose_rows(work.query_columns, work.query_rows, tile.width, head_dim);
  transpose_rows(work.dy_columns, work.dy_rows, tile.width, head_dim);
  for (int i = 0; i < tile.count; ++i) {
    auto const f = tile.first + i;
    work.logsumexp[i] = logsumexp[tile.head.statistic(f)];
    work.row_dot[i] = dot_of_rows(dy + tile.head.query(f), y + tile.head.query(f), head_dim);
  }
  std::fill(work.logsumexp + tile.count, work.logsumexp + tile.width, T(0));
  std::fill(work.row_dot + tile.count, work.row_dot + tile.width, T(0));
}

/// probs = exp(scores - logsumexp) of a tile of keys and dscores = probs * (dprobs - D).
template <class T>
void probabilities_again(AttentionBackwardWork<T> const& work, QueryTile const& tile,
                         std::int64_t begin, int keys) {
  int const width = tile.width;
  for (int j = 0; j < keys; ++j) {
    T* const row = work.probs + j * width;
    for (int i = 0; i < width; ++i) row[i] = exponential(row[i] - work.logsumexp[i]);
  }
  if (tile.hides(begin, keys)) hide_unseen_keys(work.probs, tile, begin, keys, T(0));
  for (int j = 0; j < keys; ++j) {
    T const* const row = work.probs + j * width;
    T* const drow = work.dscores + j * width;
    for (int i = 0; i < width; ++i) drow[i] = row[i] * (drow[i] - work.row_dot[i]);
  }
}

/// dq of one tile of queries, and what it adds to dk and dv. The tile is loaded already.
template <class T>
void attention_backward_tile(T* dq, T* dk, T* dv, T const* k, T const* v, QueryTile const& tile,
                             int head_dim, T scale, AttentionBackwardWork<T> const& work) {
  int const step = padded<T>(head_dim), width = tile.width;
  auto const& head = tile.head;
  auto const key_step = head.key_step();
  if (tile.keys_before >= tile.keys) std::fill_n(work.dq_rows, tile.count * step, T(0));
  for (auto begin = tile.keys_before; begin < tile.keys; begin += tile_keys) {
    int const keys = static_cast<int>(std::min<std::int64_t>(tile_keys, tile.keys - begin));
    auto const at = head.key(begin);
    tile_product<T>(work.probs, width, {k + at, key_step, 1}, work.query_columns, width, keys,
                    width, head_dim, false);
    tile_product<T>(work.dscores, width, {v + at, key_step, 1}, work.dy_columns, width, keys, width,
                    head_dim, false);
    probabilities_again(work, tile, begin, keys);
    tile_product<T>(dv + at, key_step, {work.probs, width, 1}, work.dy_rows, step, keys, head_dim,
                    tile.count, true);
    // query_rows carries the scale already
    tile_product<T>(dk + at, key_step, {work.dscores, width, 1}, work.query_rows, step, keys,
                    head_dim, tile.count, true);
    pack_keys(work.key_rows, k + at, key_step, keys, head_dim);
    tile_product<T>(work.dq_rows, step, {work.dscores, 1, width}, work.key_rows, step, tile.count,
                    step, keys, begin > tile.keys_before);
  }
  for (int i = 0; i < tile.count; ++i) {
    T* const row = dq + head.query(tile.first + i);
    for (int c = 0; c < head_dim; ++c) row[c] = scale * work.dq_rows[i * step + c];
  }
}

/// Gradient of attention_forward: dq, dk and dv are assigned. Shapes as there, dy and y like q, dk
/// and dv like k. One worker owns a key/value head of a sequence and takes all its queries in
/// order, so dk and dv need no atomics and have the same bits for any number of threads. Throws
/// ConfigError for a bad shape, and unless query_len, key_len and key_stride are equal and firsts
/// is null. Where causal attention had lengths, queries of padding add to the gradients of the keys
/// that they saw: their dy must be 0.
template <class T>
void attention_backward(Backend<T>& backend, T* dq, T* dk, T* dv, T const* dy, T const* y,
                        T const* logsumexp, T const* q, T const* k, T const* v,
                        AttentionShape const& shape) {
  check_attention_shape(shape);
  require(shape.key_len == shape.query_len, "attention_backward: key_len must equal query_len",
          shape.key_len, shape.query_len);
  require(shape.key_stride == shape.key_len, "attention_backward: key_stride must equal key_len",
          shape.key_stride, shape.key_len);
  require(shape.firsts == nullptr, "attention_backward: firsts must be null", 1, 0);
  int const head_dim = shape.head_dim;
  T const scale = T(1) / std::sqrt(static_cast<T>(head_dim));
  auto const heads = std::int64_t{shape.batch_size} * shape.num_kv_heads;
  backend.pool.parallel_for(heads, [&](std::int64_t begin, std::int64_t end) {
    AttentionBackwardWork<T> const work(
        backend.template scratch<T>(Backend<T>::attention,
                                    AttentionBackwardWork<T>::room(head_dim)),
        head_dim);
    for (auto task = begin; task < end; ++task) {
      HeadQueries const head(shape, task);
      for (int j = 0; j < shape.key_len; ++j) {
        std::fill_n(dk + head.key(j), head_dim, T(0));
        std::fill_n(dv + head.key(j), head_dim, T(0));
      }
      for (std::int64_t t = 0; t < HeadQueries::tiles(shape); ++t) {
        QueryTile const tile(head, t, query_padding<T>);
        load_backward_tile(work, dy, y, logsumexp, q, tile, head_dim, scale);
        attention_backward_tile(dq, dk, dv, k, v, tile, head_dim, scale, work);
      }
    }
  });
}

}  // namespace moenda::cpu::MOENDA_LEVEL
