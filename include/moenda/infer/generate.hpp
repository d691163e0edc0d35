// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <algorithm>
#include <functional>
#include <span>
#include <vector>

#include "moenda/infer/sampler.hpp"
#include "moenda/model/network.hpp"

namespace moenda {

/// Continues `prompt` by up to `max_tokens` ids, each seeing keys and values remembered from
/// before. When the context is full, the window slides: its later half is read again and the rest
/// forgotten. `stop_at` >= 0 ends the text at that id. `on_token` sees each id as it comes. Throws
/// ConfigError for an empty prompt, DataError for ids outside the vocabulary.
template <class Network>
[[nodiscard]] std::vector<int> generate(Network& network, std::span<int const> prompt,
                                        int max_tokens, Sampler::Config const& sampling,
                                        int stop_at = -1,
                                        std::function<void(int)> const& on_token = {}) {
  using B = std::remove_reference_t<decltype(network.backend)>;
  using Scalar = typename Network::Scalar;
  if (prompt.empty()) throw ConfigError("generate: the prompt must hold at least one token");
  int const context_length = network.config.context_length;
  Sampler sampler(sampling);
  std::vector<int> text(prompt.begin(), prompt.end());
  Memory<B> memory{.batch_size = 1, .max_seq_len = context_length};
  std::vector<Scalar> copied;  // logits, where the host cannot read them
  int remembered = 0;          // tokens of the present window that the memory holds
  auto const keep = [&](int longest) {
    return std::min<std::ptrdiff_t>(std::ptrdiff_t(text.size()), longest);
  };
  auto window = text.end() - keep(context_length);
  std::vector<int> now(window, text.end());
  for (int i = 0; i < max_tokens; ++i) {
    if (remembered + int(now.size()) > context_length) {
      now.assign(text.end() - keep(std::max(1, context_length / 2)), text.end());
      remembered = 0;
    }
    auto const logits = network.last_logits({now.data(), 1, int(now.size()), remembered}, &memory);
    remembered += int(now.size());
    int const id = sampler.pick(network.on_host(logits, copied), text.size());
    if (id == stop_at) break;
    text.push_back(id);
    now.assign(1, id);
    if (on_token) on_token(id);
  }
  return text;
}

}  // namespace moenda
