// SPDX-License-Identifier: Apache-2.0
#pragma once
// Exact attention in tiles: no more than 64 x 64 scores exist at a time, whatever the length.
// Online softmax: Milakov & Gimelshein 2018, algorithm 3. Tiles and the recomputing backward pass:
// Dao et al. 2022 (FlashAttention), algorithms 1 and 4.
// Scores are kept transposed, [keys, queries]: softmax then works down columns, all queries of a
// register at once, and the keys are read where they lie, without a transposed copy.
#include <cmath>
#include <limits>

#include "moenda/cpu/kernels/attention/attention_queries.hpp"
#include "moenda/cpu/kernels/attention/attention_tile.hpp"
#include "moenda/cpu/kernels/exponential.hpp"

namespace moenda::cpu::MOENDA_LEVEL {

/// The running softmax of a tile of queries: after every tile of keys, `sum` is the sum of
/// exp(score - max) over the keys so far.
template <class T>
struct OnlineSoftmax {
  alignas(64) T max[tile_queries], sum[tile_queries], rescale[tile_queries];
  int width;

  explicit OnlineSoftmax(int lanes) : width(lanes) {
    std::fill_n(max, lanes, -std::numeric_limits<T>::infinity());
    std::fill_n(sum, lanes, T(0));
  }

  /// scores[keys, width] become exp(score - new max); `rescale` is what earlier sums and outputs
  /// must be multiplied by. A query that has seen no key yet keeps sum 0.
  void update(T* scores, int keys) {
    alignas(64) T top[tile_queries], total[tile_queries];
    std::copy_n(max, width, top);
    for (int j = 0; j < keys; ++j) {
      T const* row = scores + j * width;
      for (int i = 0; i < width; ++i) top[i] = row[i] > top[i] ? row[i] : top[i];
    }
    for (int i = 0; i < width; ++i) {
      // exp(-inf - -inf) would be NaN
      T const old = max[i];
      max[i] = top[i];
      top[i] = top[i] == -std::numeric_limits<T>::infinity() ? T(0) : top[i];
      rescale[i] = exponential(old - top[i]);
      total[i] = sum[i] * rescale[i];
    }
    for (int j = 0; j < keys; ++j) {
      T* row = scores + j * width;
      for (int i = 0; i < width; ++i) {
        T const p = exponential(row[i] - top[i]);
        row[i] = p;
        total[i] += p;
      }
    }
    std::copy_n(total, width, sum);
  }
};

/// y = out / sum and logsumexp = max + log(sum) of every query of the tile.
template <class T>
void write_outputs(T* y, T* logsumexp, T const* out, OnlineSoftmax<T> const& softmax,
                   QueryTile const& tile, int head_dim) {
  int const step = padded<T>(head_dim);
  for (int i = 0; i < tile.count; ++i) {
    T const sum = softmax.sum[i], factor = sum == T(0) ? T(0) : T(1) / sum;
    T* const row = y + tile.head.query(tile.first + i);
    for (int c = 0; c < head_dim; ++c) row[c] = factor * out[i * step + c];
    logsumexp[tile.head.statistic(tile.first + i)] = softmax.max[i] + std::log(sum);
  }
}

/// y and logsumexp of one tile of queries. `work`: see attention_forward.
template <class T>
void attention_forward_tile(T* y, T* logsumexp, T const* q, T const* k, T const* v,
                            QueryTile const& tile, int head_dim, T* work) {
  int const step = padded<T>(head_dim);
  auto const& head = tile.head;
  T* const queries = work;                              // [head_dim, width]
  T* const scores = queries + head_dim * tile_queries;  // [tile_keys, width]
  T* const values = scores + tile_keys * tile_queries;  // [tile_keys, step]
  T* const out = values + tile_keys * step;             // [tile_queries, step]
  pack_rows(out, q, tile, head_dim, T(1) / std::sqrt(static_cast<T>(head_dim)));
  transpose_rows(queries, out, tile.width, head_dim);
  std::fill_n(out, tile_queries * step, T(0));

  OnlineSoftmax<T> softmax(tile.width);
  for (auto begin = tile.keys_before; begin < tile.keys; begin += tile_keys) {
    int const keys = static_cast<int>(std::min<std::int64_t>(tile_keys, tile.keys - begin));
    tile_product<T>(scores, tile.width, {k + head.key(begin), head.key_step(), 1}, queries,
                    tile.width, keys, tile.width, head_dim, false);
    if (tile.hides(begin, keys)) {
      hide_unseen_keys(scores, tile, begin, keys, -std::numeric_limits<T>::infinity());
    }
    softmax.update(scores, keys);
    for (int i = 0; i < tile.count; ++i) {
      T const factor = softmax.rescale[i];
      for (int c = 0; c < step; ++c) out[i * step + c] *= factor;
    }
    pack_keys(values, v + head.key(begin), head.key_step(), keys, head_dim);
    tile_product<T>(out, step, {scores, 1, tile.width}, values, step, tile.count, step, keys, true);
  }

  write_outputs(y, logsumexp, out, softmax, tile, head_dim);
}

/// Attention; shapes and rules at AttentionShape.
///   y, q [batch_size * query_len, num_heads * head_dim]
///   k, v [batch_size * key_stride, num_kv_heads * head_dim]
///   logsumexp [batch_size, num_heads, query_len], of the scaled scores
/// A query that sees no key gives 0 and logsumexp -infinity. Throws ConfigError for a bad shape.
template <class T>
void attention_forward(Backend<T>& backend, T* y, T* logsumexp, T const* q, T const* k, T const* v,
                       AttentionShape const& shape) {
  check_attention_shape(shape);
  auto const tiles = HeadQueries::tiles(shape);
  auto const heads = std::int64_t{shape.batch_size} * shape.num_kv_heads;
  auto const room = static_cast<std::size_t>(
      tile_queries * (shape.head_dim + tile_keys + 2 * padded<T>(shape.head_dim)));
  backend.pool.parallel_for(heads * tiles, [&](std::int64_t begin, std::int64_t end) {
    T* const work = backend.template scratch<T>(Backend<T>::attention, room);
    for (auto task = begin; task < end; ++task) {
      HeadQueries const head(shape, task / tiles);
      // Later tiles see more keys: short and long ones alternate, so that every worker's
      // contiguous part of the tasks is about as much work.
      auto const turn = task % tiles;
      auto const tile = turn % 2 == 0 ? turn / 2 : tiles - 1 - turn / 2;
      attention_forward_tile(y, logsumexp, q, k, v, QueryTile(head, tile, query_padding<T>),
                             shape.head_dim, work);
    }
  });
}

}  // namespace moenda::cpu::MOENDA_LEVEL

#include "moenda/cpu/kernels/attention/attention_backward.hpp"
