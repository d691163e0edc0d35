// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <algorithm>
#include <vector>

#include "moenda/data/text/windows.hpp"
#include "moenda/model/network.hpp"

namespace moenda {

/// What a model gains from tokens that it cannot have when it writes: the same predictions from
/// whole windows, and from nothing but the tokens before. They agree for a causal model; a router
/// that chooses among all tokens of a window flatters itself (Zhou et al. 2022, section 4.1, leave
/// this to future work).
struct FutureLeak {
  double loss_of_windows = 0;   ///< nats per token, all tokens of a window at once
  double loss_of_prefixes = 0;  ///< nats per token, every token from its prefix alone
  std::int64_t tokens = 0;

  [[nodiscard]] double nats() const { return loss_of_prefixes - loss_of_windows; }
};

/// Measures on the first `count` windows, one at a time. It costs context_length passes a window.
template <class Network>
[[nodiscard]] FutureLeak future_leak(Network& network, data::Windows const& windows,
                                     std::int64_t count) {
  int const length = windows.context_length();
  std::vector<int> inputs(static_cast<std::size_t>(length)), targets(inputs.size());
  std::vector<int> last_only(inputs.size());
  FutureLeak leak;
  for (std::int64_t w = 0; w < std::min(count, windows.count()); ++w) {
    windows.fill(w, inputs, targets);
    leak.loss_of_windows +=
        double(length) * network.evaluate({inputs.data(), 1, length}, targets).mean;
    for (int seen = 1; seen <= length; ++seen) {
      auto const last = static_cast<std::size_t>(seen - 1);
      std::fill_n(last_only.begin(), seen, -1);
      last_only[last] = targets[last];
      leak.loss_of_prefixes +=
          network
              .evaluate({inputs.data(), 1, seen},
                        std::span<int const>(last_only).first(static_cast<std::size_t>(seen)))
              .mean;
    }
    leak.tokens += length;
  }
  double const tokens = double(std::max<std::int64_t>(1, leak.tokens));
  leak.loss_of_windows /= tokens;
  leak.loss_of_prefixes /= tokens;
  return leak;
}

}  // namespace moenda
