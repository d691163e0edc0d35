// SPDX-License-Identifier: Apache-2.0
#pragma once
// Where the queries and keys of one key/value head lie, and how a tile of them is brought close.
#include <algorithm>
#include <cmath>
#include <cstdint>

#include "moenda/cpu/declarations.hpp"
#include "moenda/cpu/kernels/attention/attention_tile.hpp"

namespace moenda::cpu::MOENDA_LEVEL {

inline constexpr int tile_queries = 64, tile_keys = 64;

/// Throws ConfigError unless the shape is one that attention can work on.
inline void check_attention_shape(AttentionShape const& s) {
  require(s.batch_size >= 0, "attention: batch_size must be at least 0", s.batch_size, 0);
  require(s.query_len >= 0, "attention: query_len must be at least 0", s.query_len, 0);
  require(s.key_len >= 0, "attention: key_len must be at least 0", s.key_len, 0);
  require(s.key_stride >= s.key_len, "attention: key_stride must be at least key_len", s.key_stride,
          s.key_len);
  require(s.window >= 0, "attention: window must be at least 0", s.window, 0);
  for (int b = 0; b < s.batch_size && s.firsts != nullptr; ++b) {
    int const length = s.lengths == nullptr ? s.query_len : s.lengths[b];
    require(s.firsts[b] >= 0 && s.firsts[b] + length <= s.key_stride,
            "attention: the keys of a sequence must fit key_stride", s.firsts[b] + length,
            s.key_stride);
  }
  require(s.num_kv_heads >= 1, "attention: num_kv_heads must be at least 1", s.num_kv_heads, 1);
  require(s.num_heads >= 1, "attention: num_heads must be at least 1", s.num_heads, 1);
  require(s.num_heads % s.num_kv_heads == 0,
          "attention: num_heads must be a multiple of num_kv_heads", s.num_heads, s.num_kv_heads);
  require(s.head_dim >= 1 && s.head_dim <= 65536, "attention: head_dim must lie in 1..65536",
          s.head_dim, 65536);
}

/// One key/value head of one sequence. All query heads that read it are simply more queries of the
/// same keys: query f is row f / group of head f % group of the group, so that a tile of
/// consecutive queries sees nearly the same keys and a decoded token still fills `group` lanes.
class HeadQueries {
 public:
  HeadQueries(AttentionShape const& shape, std::int64_t index)
      : shape_(shape),
        sequence_(index / shape.num_kv_heads),
        kv_head_(index % shape.num_kv_heads),
        group_(shape.num_heads / shape.num_kv_heads),
        first_(shape.firsts == nullptr ? shape.key_len - shape.query_len
                                       : shape.firsts[sequence_]) {
    if (shape.lengths != nullptr) {
      keys_ = first_ + std::clamp(shape.lengths[sequence_], 0, shape.query_len);
    } else {
      keys_ = first_ + shape.query_len;
    }
  }

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
  /// Query f sees the keys from seen_from(f) on, before seen_to(f): none where that is no more.
  /// Both grow with f.
  [[nodiscard]] std::int64_t seen_from(std::int64_t f) const {
    if (shape_.window == 0) return 0;
    return std::max<std::int64_t>(0, first_ + f / group_ + 1 - shape_.window);
  }
  [[nodiscard]] std::int64_t seen_to(std::int64_t f) const {
    auto const position = first_ + f / group_;
    auto const reach = shape_.causal        ? position + 1
                       : shape_.window == 0 ? keys_
                                            : position + shape_.window;
    return std::clamp<std::int64_t>(reach, 0, std::max<std::int64_t>(0, keys_));
  }

 private:
  AttentionShape shape_;
  std::int64_t sequence_, kv_head_, group_;
  std::int64_t first_, keys_;  // the position of query row 0, and how many keys there are
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
        keys(of.seen_to(first + count - 1)),
        keys_of_all(of.seen_to(first)),
        keys_before(of.seen_from(first) / tile_keys * tile_keys),
        keys_before_all(of.seen_from(first + count - 1)) {}

  HeadQueries const& head;
  std::int64_t first;
  int count, width;
  // The keys that any query sees lie in keys_before .. keys, those that all see in keys_before_all
  // .. keys_of_all. keys_before is where a tile of keys begins.
  std::int64_t keys, keys_of_all, keys_before, keys_before_all;

  /// Whether some query does not see all of the keys begin .. begin + count.
  [[nodiscard]] bool hides(std::int64_t begin, int key_count) const {
    return begin + key_count > keys_of_all || begin < keys_before_all;
  }
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
void hide_unseen_keys(T* scores, QueryTile const& tile, std::int64_t key_begin, int keys,
                      T hidden) {
  // small whole numbers: exact, and as wide as the scores
  alignas(64) T from[tile_queries], to[tile_queries];
  auto const in_tile = [=](std::int64_t key) {
    return static_cast<T>(std::clamp<std::int64_t>(key - key_begin, 0, tile_keys));
  };
  for (int i = 0; i < tile.width; ++i) {
    auto const f = tile.first + std::min(i, tile.count - 1);
    from[i] = in_tile(tile.head.seen_from(f));
    to[i] = in_tile(tile.head.seen_to(f));
  }
  for (int j = 0; j < keys; ++j, scores += tile.width) {
    T const key = static_cast<T>(j);
    for (int i = 0; i < tile.width; ++i) {
      T const score = scores[i];
      bool const seen = (key >= from[i]) & (key < to[i]);
      scores[i] = seen ? score : hidden;
    }
  }
}

}  // namespace moenda::cpu::MOENDA_LEVEL
