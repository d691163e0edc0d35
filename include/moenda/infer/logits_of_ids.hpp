// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <cstddef>
#include <span>
#include <vector>

#include "moenda/model/network.hpp"

namespace moenda {

/// The logits of every id of one text, [ids, vocab_size]: of the text at once, or with `cached` of
/// one id after the other, each seeing the keys and values remembered from before. Throws
/// ConfigError for a text longer than the context, DataError for ids outside the vocabulary.
template <class Network>
[[nodiscard]] std::vector<typename Network::Scalar> logits_of_ids(Network& network,
                                                                  std::span<int const> ids,
                                                                  bool cached) {
  using B = std::remove_reference_t<decltype(network.backend)>;
  using Scalar = typename Network::Scalar;
  std::vector<Scalar> logits, copied;
  auto const take = [&](Tensor<B> rows) {
    auto const on_host = network.on_host(rows, copied);
    logits.insert(logits.end(), on_host.begin(), on_host.end());
  };
  int const length = int(ids.size());
  if (!cached || length == 0) {
    take(network.logits(Batch{ids.data(), 1, length}));
    return logits;
  }
  Memory<B> memory{.batch_size = 1, .max_seq_len = length};
  for (int i = 0; i < length; ++i) take(network.logits(Batch{ids.data() + i, 1, 1, i}, &memory));
  return logits;
}

}  // namespace moenda
