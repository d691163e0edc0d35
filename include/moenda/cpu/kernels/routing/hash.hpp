// SPDX-License-Identifier: Apache-2.0
#pragma once
// Routes that are a function of what the batch holds and of positions alone.
#include <algorithm>
#include <bit>
#include <cstdint>
#include <string>

#include "moenda/cpu/kernels/elementwise/activations.hpp"

namespace moenda::cpu::MOENDA_LEVEL {

// y[r] = the two halves of token r: a float cannot hold every id, but it holds 16 bits
template <class T>
void split_tokens(Backend<T>& backend, T* y, int const* tokens, int rows) {
  detail::for_scalars(backend, rows, [=](std::ptrdiff_t r) {
    auto const id = static_cast<std::uint32_t>(tokens[r]);
    y[2 * r] = static_cast<T>(id >> 16);
    y[2 * r + 1] = static_cast<T>(id & 0xffff);
  });
}

// keys[r] = token r
template <class T>
void token_keys(Backend<T>& backend, std::uint64_t* keys, int const* tokens, int rows) {
  detail::for_scalars(backend, rows,
                      [=](std::ptrdiff_t r) { keys[r] = static_cast<std::uint32_t>(tokens[r]); });
}

// keys[r] = the position of row r in its sequence
template <class T>
void position_keys(Backend<T>& backend, std::uint64_t* keys, int first_position, int seq_len,
                   int rows, int const* positions) {
  detail::for_scalars(backend, rows, [=](std::ptrdiff_t r) {
    int const first = positions == nullptr ? first_position : positions[r / seq_len];
    keys[r] = static_cast<std::uint64_t>(first + r % seq_len);
  });
}

// keys[b, t] = 1 + the id before token t of sequence b, 0 for the first of the sequence; with
// `with_token` times 2^32, plus the token. seen: split tokens, those of sequence b from row
// b * stride on; token t is number first + t of them, or positions[b] + t
template <class T>
void previous_keys(Backend<T>& backend, std::uint64_t* keys, T const* seen, bool with_token,
                   int first, int stride, int seq_len, int rows, int const* positions) {
  detail::for_scalars(backend, rows, [=](std::ptrdiff_t r) {
    int const from = positions == nullptr ? first : positions[r / seq_len];
    auto const t = std::min<std::ptrdiff_t>(from + r % seq_len, stride - 1);  // padding may go on
    T const* const at = seen + 2 * (r / seq_len * stride + t);
    auto const id = [](T const* halves) {
      return static_cast<std::uint64_t>(halves[0]) << 16 | static_cast<std::uint64_t>(halves[1]);
    };
    std::uint64_t const own = id(at), before = id(t == 0 ? at : at - 2);
    std::uint64_t const previous = t == 0 ? 0 : 1 + before;
    keys[r] = with_token ? previous << 32 | own : previous;
  });
}

// keys[i] = the position and token (0 without tokens) of the first of the item_rows rows of item i,
// and, folded in as in FNV-1a, the tokens of its other rows and the bits of all its channels.
// Whole sequences leave out their padding
template <class T>
void item_keys(Backend<T>& backend, std::uint64_t* keys, int const* tokens, float const* features,
               int channels, int const* lengths, int position, int seq_len, int item_rows,
               int items, int const* positions) {
  std::ptrdiff_t const width = features == nullptr ? 0 : channels;
  auto const body = [=](std::ptrdiff_t begin, std::ptrdiff_t end) {
    auto const id_of = [=](std::ptrdiff_t row) {
      return tokens == nullptr ? 0u : static_cast<std::uint32_t>(tokens[row]);
    };
    auto const fold = [](std::uint64_t& key, std::uint32_t word) {
      key = (key ^ word) * 0x100000001b3;
    };
    for (std::ptrdiff_t i = begin; i < end; ++i) {
      std::ptrdiff_t const first = i * item_rows;
      int const start = positions == nullptr ? position : positions[first / seq_len];
      auto key = static_cast<std::uint64_t>(start + first % seq_len) << 32 | id_of(first);
      bool const padded = lengths != nullptr && item_rows == seq_len;
      int const rows = padded ? std::clamp(lengths[i], 1, item_rows) : item_rows;
      for (std::ptrdiff_t row = first; row < first + rows; ++row) {
        if (row > first) fold(key, id_of(row));
        for (std::ptrdiff_t c = 0; c < width; ++c) {
          fold(key, std::bit_cast<std::uint32_t>(features[row * width + c]));
        }
      }
      keys[i] = key;
    }
  };
  auto const words = item_rows * std::max<std::ptrdiff_t>(1, width);  // of an item
  detail::for_blocks(backend, items, detail::rows_per_block(words), body);
}

// selected[r, c] = 1 where hash h sends row r to expert c of its own, the experts h * size ..
// (h + 1) * size with size = experts / hashes; else 0. Hash h draws from stream first_stream + h.
template <class T>
void hash_experts(Backend<T>& backend, T* selected, std::uint64_t const* keys, std::uint64_t salt,
                  std::uint64_t first_stream, int hashes, int rows, int experts) {
  int const size = experts / hashes;
  auto const body = [=](std::ptrdiff_t begin, std::ptrdiff_t end) {
    std::fill(selected + begin * experts, selected + end * experts, T(0));
    for (std::ptrdiff_t r = begin; r < end; ++r) {
      for (int h = 0; h < hashes; ++h) {
        Random const random(salt, first_stream + static_cast<std::uint64_t>(h));
        auto const expert = random.bits(keys[r]) % static_cast<std::uint64_t>(size);
        selected[r * experts + h * size + static_cast<std::ptrdiff_t>(expert)] = T(1);
      }
    }
  };
  detail::for_blocks(backend, rows, detail::rows_per_block(experts), body);
}

// The same from a table [hashes, vocab_size] of expert numbers, from 1. Throws DataError for an id
// outside the table and for an entry that is no expert of its hash, such as 0.
template <class T>
void look_up_experts(Backend<T>& backend, T* selected, int const* tokens, T const* table,
                     int vocab_size, int hashes, int rows, int experts) {
  int const size = experts / hashes;
  auto const body = [=](std::ptrdiff_t begin, std::ptrdiff_t end) {
    std::fill(selected + begin * experts, selected + end * experts, T(0));
    for (std::ptrdiff_t r = begin; r < end; ++r) {
      int const token = tokens[r];
      if (token < 0 || token >= vocab_size) {
        throw DataError("Hash: token ids must lie in 0.." + std::to_string(vocab_size - 1) +
                        ", below vocab_size, got " + std::to_string(token));
      }
      for (int h = 0; h < hashes; ++h) {
        T const entry = table[std::ptrdiff_t{h} * vocab_size + token];
        if (!(entry >= T(1) && entry < T(size + 1))) {
          throw DataError("Hash: the balanced table holds no expert for token " +
                          std::to_string(token) + "; it must be fitted to the training text");
        }
        selected[r * experts + h * size + static_cast<std::ptrdiff_t>(entry) - 1] = T(1);
      }
    }
  };
  detail::for_blocks(backend, rows, detail::rows_per_block(experts), body);
}

}  // namespace moenda::cpu::MOENDA_LEVEL
