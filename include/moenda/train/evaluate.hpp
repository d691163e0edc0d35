// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <algorithm>
#include <cmath>
#include <cstdint>
#include <functional>
#include <vector>

#include "moenda/data/text/windows.hpp"
#include "moenda/model/network.hpp"

namespace moenda {

/// The loss on held-out text.
struct Evaluation {
  double loss =
      0;  ///< mean cross entropy per predicted token, in nats; auxiliary losses never count
  std::int64_t tokens = 0;
  [[nodiscard]] double perplexity() const { return std::exp(loss); }
};

/// Mean loss over the windows in the order of the text, the last batch possibly smaller.
/// `max_batches` = 0 takes all of them. `progress(done, all)` is called after every batch.
template <class Network>
[[nodiscard]] Evaluation evaluate(
    Network& network, data::Windows const& windows, int batch_size, std::int64_t max_batches = 0,
    std::function<void(std::int64_t, std::int64_t)> const& progress = {},
    RoutingHook<std::remove_reference_t<decltype(network.backend)>>* hook = nullptr) {
  require(batch_size >= 1, "evaluate: batch_size must be at least 1", batch_size, 1);
  auto const length = std::size_t(windows.context_length());
  auto const all = (windows.count() + batch_size - 1) / batch_size;
  auto const batches = max_batches > 0 ? std::min(max_batches, all) : all;
  std::vector<int> inputs(std::size_t(batch_size) * length), targets(inputs.size());
  double sum = 0;
  std::int64_t tokens = 0;
  for (std::int64_t b = 0; b < batches; ++b) {
    auto const rows = int(std::min<std::int64_t>(batch_size, windows.count() - b * batch_size));
    for (int row = 0; row < rows; ++row) {
      auto const begin = std::size_t(row) * length;
      windows.fill(b * batch_size + row, std::span(inputs).subspan(begin, length),
                   std::span(targets).subspan(begin, length));
    }
    auto const used = std::size_t(rows) * length;
    auto const loss = network.evaluate({inputs.data(), rows, int(length)},
                                       std::span<int const>(targets).first(used), {}, hook);
    sum += loss.mean * double(loss.tokens);
    tokens += loss.tokens;
    if (progress) progress(b + 1, batches);
  }
  return {tokens == 0 ? 0 : sum / double(tokens), tokens};
}

}  // namespace moenda
