// SPDX-License-Identifier: Apache-2.0
#pragma once
// Where the queries and keys of one key/value head lie, and how a tile of them is brought close.
#include <algorithm>
#include <cmath>
#include <cstdint>

#include "moenda/cpu/declarations.hpp"
#include "moenda/cpu/kernels/attention_tile.hpp"

namespace moenda::cpu {

inline constexpr int tile_queries = 64, tile_keys = 64;

/// Throws ConfigError unless the shape is one that attention can work on.
inline void check_attention_shape(AttentionShape const& s) {
  require(s.batch_size >= 0, "attention: batch_size must be at least 0", s.batch_size, 0);
  require(s.query_len >= 0, "attention: query_len must be at least 0", s.query_len, 0);
  require(s.key_len >= 0, "attention: key_len must be at least 0", s.key_len, 0);
  require(s.key_stride >= s.key_len, "attention: key_stride must be at least key_len", s.key_stride,
          s.key_len);
  require(s.num_kv_heads >= 1, "attention: num_kv_heads must be at least 1", s.num_kv_heads, 1);
  require(s.num_heads >= 1, "attention: num_heads must be at least 1", s.num_heads, 1);
  require(s.num_heads % s.num_kv_heads == 0,
          "attention: num_heads must be a multiple of num_kv_heads", s.num_heads, s.num_kv_heads);
  require(s.head_dim >= 1 && s.head_dim <= 65536, "attention: head_dim must lie in 1..65536",
          s.head_dim, 65536);
}

/// One key/value head of one sequence. All query heads that read it are simply more queries of the
/// same keys: query f is row f / group of head f % group of the group, so that a tile of
/// consecutive queries has nearly one causal limit and a decoded token still fills `group` lanes.
class HeadQueries {
 public:
  HeadQueries(AttentionShape const& shape, std::int64_t index)
      : shape_(shape),
        sequence_(index / shape.num_kv_heads),
        kv_head_(index % shape.num_kv_heads),
        group_(shape.num_heads / shape.num_kv_heads) {}

  [[nodiscard]] static std::int64_t tiles(AttentionShape const& shape) {
    auto const queries = std::int64_t{shape.query_len} * (shape.num_heads / shape.num_kv_heads);
    return (queries + tile_queries - 1) / tile_queries;
  }
  [[nodiscard]] std::int64_t size() const { return shape_.query_len * group_; }
  /// Where query f starts in q and y.
  [[nodiscard]] std::int64_t query(std::int64_t f) const {
    return ((sequence_ * shape_.query_len + f / group_) * shape_.num_heads + kv_head_ * group_ +
            f % group_) *
           shape_.head_dim;
  }
  /// Where key j starts in k and v.
  [[nodiscard]] std::int64_t key(std::int64_t j) const {
    return ((sequence_ * shape_.key_stride + j) * shape_.num_kv_heads + kv_head_) * shape_.head_dim;
  }
  [[nodiscard]] std::int64_t key_step() const {
    return std::int64_t{shape_.num_kv_heads} * shape_.head_dim;
  }
  /// Where the logsumexp of query f lies.
  [[nodiscard]] std::int64_t statistic(std::int64_t f) const {
    return (sequence_ * shape_.num_heads + kv_head_ * group_ + f % group_) * shape_.query_len +
           f / group_;
  }
  /// How many keys query f sees.
  [[nodiscard]] std::int64_t seen(std::int64_t f) const {
    return std::max<std::int64_t>(0, f / group_ + 1 + shape_.key_len - shape_.query_len);
  }

 private:
  AttentionShape shape_;
  std::int64_t sequence_, kv_head_, group_;
};

/// Queries of a tile are padded to a multiple of this: whole registers, and whole transpose blocks.
template <class T>
inline constexpr int query_padding = std::max(4, Register<T>::lanes);

/// The queries [first, first + count) of a head, padded to `width` lanes of zeros.
struct QueryTile {
  QueryTile(HeadQueries const& of, std::int64_t tile, int padding)
      : head(of),
        first(tile * tile_queries),
        count(static_cast<int>(std::min<std::int64_t>(tile_queries, of.size() - first))),
        width((count + padding - 1) / padding * padding),
        keys(of.seen(first + count - 1)),
        keys_of_all(of.seen(first)) {}

  HeadQueries const& head;
  std::int64_t first;
  int count, width;
  std::int64_t keys;         // seen by the last query, hence by any
  std::int64_t keys_of_all;  // seen by the first query, hence by every
};

/// rows[count, padded] = scale * x, a row per query, zeros behind.
template <class T>
void pack_rows(T* rows, T const* x, QueryTile const& tile, int head_dim, T scale) {
  int const step = padded<T>(head_dim);
  for (int i = 0; i < tile.width; ++i, rows += step) {
    int const filled = i < tile.count ? head_dim : 0;
    T const* in = filled == 0 ? x : x + tile.head.query(tile.first + i);
    for (int c = 0; c < filled; ++c) rows[c] = scale * in[c];
    std::fill(rows + filled, rows + step, T(0));
  }
}

/// columns[head_dim, width] = rows[width, padded]^T, in blocks whose lines stay in the cache.
template <class T>
void transpose_rows(T* columns, T const* rows, int width, int head_dim) {
  constexpr int block = 8;
  int const step = padded<T>(head_dim);
  for (int c = 0; c < head_dim; c += block) {
    int const end = std::min(head_dim, c + block);
    for (int i = 0; i < width; i += 4) {
      for (int cc = c; cc < end; ++cc) {
        for (int ii = 0; ii < 4; ++ii) columns[cc * width + i + ii] = rows[(i + ii) * step + cc];
      }
    }
  }
}

/// rows[keys, padded] = x, a row per key, zeros behind.
template <class T>
void pack_keys(T* rows, T const* x, std::int64_t key_step, int keys, int head_dim) {
  int const step = padded<T>(head_dim);
  for (int j = 0; j < keys; ++j, rows += step, x += key_step) {
    std::copy_n(x, head_dim, rows);
    std::fill(rows + head_dim, rows + step, T(0));
  }
}

/// Sets the scores[keys, width] of keys that a query must not see to `hidden`.
template <class T>
void hide_later_keys(T* scores, QueryTile const& tile, std::int64_t key_begin, int keys, T hidden) {
  alignas(64) T seen[tile_queries];  // small whole numbers: exact, and as wide as the scores
  for (int i = 0; i < tile.width; ++i) {
    auto const last = std::min(i, tile.count - 1);
    auto const count = tile.head.seen(tile.first + last) - key_begin;
    seen[i] = static_cast<T>(std::clamp<std::int64_t>(count, 0, tile_keys));
  }
  for (int j = 0; j < keys; ++j, scores += tile.width) {
    T const key = static_cast<T>(j);
    for (int i = 0; i < tile.width; ++i) {
      T const score = scores[i];
      scores[i] = key < seen[i] ? score : hidden;
    }
  }
}

}  // namespace moenda::cpu
