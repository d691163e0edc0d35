// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <algorithm>
#include <cstdint>
#include <span>
#include <vector>

#include "moenda/core/routing_hook.hpp"
#include "moenda/data/text/windows.hpp"

namespace moenda::probe {

/// A hook that looks on, and also knows the tokens that are routed.
template <class B>
class BatchProbe : public RoutingHook<B> {
 public:
  /// Called before every pass. The tokens stay until the pass is over.
  virtual void begin(Batch const& batch) = 0;
  /// Called after it, with the loss of every token's prediction.
  virtual void end(std::span<typename B::Scalar const>) {}
};

/// Shows a text to the network, without training, and to the probe what the network does with it:
/// the windows in the order of the text, at most `max_batches` of them (0: all). Returns the number
/// of tokens.
template <class Network, class B>
std::int64_t watch(Network& network, data::Windows const& windows, int batch_size,
                   std::int64_t max_batches, BatchProbe<B>& probe) {
  require(batch_size >= 1, "watch: batch_size must be at least 1", batch_size, 1);
  auto const length = std::size_t(windows.context_length());
  std::vector<int> inputs(std::size_t(batch_size) * length), targets(inputs.size());
  std::vector<typename B::Scalar> losses(inputs.size());
  auto const all = (windows.count() + batch_size - 1) / batch_size;
  auto const batches = max_batches > 0 ? std::min(max_batches, all) : all;
  std::int64_t tokens = 0;
  for (std::int64_t b = 0; b < batches; ++b) {
    auto const first = b * batch_size;
    auto const rows = int(std::min<std::int64_t>(batch_size, windows.count() - first));
    for (int row = 0; row < rows; ++row) {
      auto const begin = std::size_t(row) * length;
      windows.fill(first + row, std::span(inputs).subspan(begin, length),
                   std::span(targets).subspan(begin, length));
    }
    Batch const batch{inputs.data(), rows, int(length)};
    probe.begin(batch);
    auto const used = std::span(losses).first(std::size_t(batch.rows()));
    network.evaluate(batch, std::span<int const>(targets).first(used.size()), used, &probe);
    probe.end(used);
    tokens += batch.rows();
  }
  return tokens;
}

}  // namespace moenda::probe
