// SPDX-License-Identifier: Apache-2.0
#pragma once
// Which experts the tokens of a benchmark visit, so that the load is balanced or skewed as asked.
// bench/peers/moe_layer.py does the same arithmetic, so both programs serve the same load.
#include <cstddef>
#include <string>
#include <vector>

namespace moenda::bench {

/// How far a token lies along the axes of its experts: far beyond the noise of 1.
constexpr float direction = 16;

/// For every expert, the share of the tokens that visit it: they sum to top_k, none above 1.
/// balanced: all equal. zipf: expert e in proportion to 1 / (e + 1), where that stays below 1.
[[nodiscard]] inline std::vector<double> visit_shares(int experts, int top_k,
                                                      std::string const& load) {
  auto const size = static_cast<std::size_t>(experts);
  std::vector<double> weights(size, 1.0);
  if (load == "zipf") {
    for (std::size_t e = 0; e < size; ++e) weights[e] = 1.0 / static_cast<double>(e + 1);
  }
  for (std::size_t full = 0;; ++full) {  // the first `full` experts see every token
    double rest = 0;
    for (std::size_t e = full; e < size; ++e) rest += weights[e];
    double const scale = rest > 0 ? (top_k - static_cast<double>(full)) / rest : 0;
    if (full < size && weights[full] * scale > 1) continue;
    for (std::size_t e = 0; e < size; ++e) weights[e] = e < full ? 1.0 : weights[e] * scale;
    return weights;
  }
}

/// The experts of every token [tokens * top_k], by systematic sampling (Madow 1949): token t takes
/// the experts in whose intervals of the running sum of shares the numbers u, u + 1, ... lie; u
/// walks through [0, 1) by the golden ratio, so every share is met almost exactly.
[[nodiscard]] inline std::vector<int> choose_experts(int tokens, int experts, int top_k,
                                                     std::string const& load) {
  auto const shares = visit_shares(experts, top_k, load);
  std::vector<int> chosen;
  for (int t = 0; t < tokens; ++t) {
    double u = t * 0.6180339887498949;
    u -= static_cast<int>(u);
    int expert = 0;
    double end = shares[0];
    for (int j = 0; j < top_k; ++j) {
      while (u + j >= end && expert < experts - (top_k - j)) {
        end += shares[static_cast<std::size_t>(++expert)];
      }
      chosen.push_back(expert++);
      end += expert < experts ? shares[static_cast<std::size_t>(expert)] : 0.0;
    }
  }
  return chosen;
}

}  // namespace moenda::bench
