// SPDX-License-Identifier: Apache-2.0
#pragma once
// What kernels are told beside arrays and plain numbers, whatever they run on.
#include "moenda/core/storage.hpp"  // of weights

namespace moenda {

/// Attention over `batch_size` sequences. Row i of the queries of a sequence stands at position
/// first + i of its keys, where first = key_len - query_len, or firsts[b] for each sequence b. It
/// sees of the keys 0 .. key_len those not behind it when `causal`, and with a window those nearer
/// than `window`. With `lengths` only the first lengths[b] queries of sequence b are present, and
/// its keys end with them, at first + lengths[b]; what the other queries get means nothing. Heads
/// are side by side in a row; query head h reads key/value head h / (num_heads / num_kv_heads).
struct AttentionShape {
  int batch_size = 0, query_len = 0;
  int key_len = 0,
      key_stride = 0;  // rows of keys of a sequence that are seen; rows between sequences
  int num_heads = 0, num_kv_heads = 0, head_dim = 0;
  bool causal = true;
  int window = 0;                // 0: none
  int const* firsts = nullptr;   // [batch_size]; with it, key_len is no more than a bound
  int const* lengths = nullptr;  // [batch_size]
};

/// What a loss on a router is told: its tables are [rows, cols]; rows with present[r] == 0 are
/// padding and count nowhere (null: all count). The loss is multiplied by weight, gradients by
/// scale too.
template <class T>
struct RoutingLoss {
  int rows = 0, cols = 0;
  T const* present = nullptr;  // [rows]
  double weight = 0, scale = 1;
};

/// Windows first .. first + count of every item, which has `windows` of them.
struct WindowRange {
  int items = 0, windows = 0, first = 0, count = 0;
};

/// Ways in which experts derive what is right for item b: derivations begin[b] .. begin[b + 1].
/// Each is a product of up to four probabilities, whose logarithms stand in columns of [items,
/// width].
struct DerivationTable {
  static constexpr int parts = 4;
  int items = 0, experts = 0, width = 0;
  int const* begin = nullptr;    // [items + 1]
  int const* expert = nullptr;   // [derivations]
  int const* columns = nullptr;  // [derivations, parts], -1: no such part
  int derivations = 0;           // of all items
};

/// One step of AdamW: learning rate, decays and corrections of the moments (correction = 1 - beta^t
/// at step t), and what gradients are multiplied by first. Loshchilov & Hutter 2019.
struct AdamWStep {
  double learning_rate, beta1, beta2, epsilon, weight_decay, correction1, correction2,
      gradient_scale;
};

}  // namespace moenda
