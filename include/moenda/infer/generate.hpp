// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <algorithm>
#include <functional>
#include <span>
#include <string>
#include <vector>

#include "moenda/infer/sampler.hpp"
#include "moenda/model/network.hpp"

namespace moenda {

/// How many rows of prompts a pass reads at most, of all prompts together: a prompt is read in
/// pieces, so that memory for what lies between the layers does not grow with its length. Products
/// of so many rows are about as quick as those of more (docs/performance.md), since each weight is
/// read for 512 of them, and the widest results of a block of 7 billion weights in 32 layers, 512
/// rows of 14,336, take 29 MB.
inline constexpr int rows_of_a_pass = 512;

namespace detail {

/// Prompts that are continued together: what each must still read, and where. A prompt whose text
/// has ended stays in the batch as a sequence without rows.
class Continuations {
 public:
  /// A pass reads at most `rows` rows of all prompts together, but at least one of each.
  Continuations(std::span<std::vector<int> const> prompts, int context_length, int rows)
      : texts(prompts.begin(), prompts.end()),
        context_length_(context_length),
        longest_piece_(std::max(1, rows / std::max(1, int(prompts.size())))),
        unread_(prompts.size()),
        lengths_(prompts.size(), 0),
        positions_(prompts.size(), 0) {
    for (std::size_t b = 0; b < texts.size(); ++b) {
      if (texts[b].empty()) {
        throw ConfigError("generate: prompt " + std::to_string(b) +
                          " must hold at least one token");
      }
      unread_[b] = last(b, context_length);
    }
  }

  /// What the network reads next. Where a window is full, its later half is read again.
  [[nodiscard]] Batch batch() {
    for (std::size_t b = 0; b < texts.size(); ++b) {
      if (positions_[b] + unread_[b] > context_length_) {
        unread_[b] = last(b, std::max(1, context_length_ / 2));
        positions_[b] = 0;
      }
      lengths_[b] = piece_of(unread_[b]);
    }
    auto const [least, most] = std::minmax_element(lengths_.begin(), lengths_.end());
    tokens_.assign(texts.size() * std::size_t(*most), 0);
    for (std::size_t b = 0; b < texts.size(); ++b) {
      std::copy_n(texts[b].end() - unread_[b], lengths_[b],
                  tokens_.begin() + std::ptrdiff_t(b) * *most);
    }
    Batch batch{tokens_.data(), int(texts.size()), *most};
    batch.positions = positions_.data();
    if (*least < *most) batch.lengths = lengths_.data();
    return batch;
  }
  /// The batch was read.
  void advance() {
    for (std::size_t b = 0; b < texts.size(); ++b) {
      positions_[b] += lengths_[b], unread_[b] -= lengths_[b];
    }
  }
  /// Whether the batch has read text b to its end, so that it goes on.
  [[nodiscard]] bool goes_on(std::size_t b) const { return lengths_[b] > 0 && unread_[b] == 0; }
  void append(std::size_t b, int id) {
    unread_[b] = 1;
    texts[b].push_back(id);
  }

  std::vector<std::vector<int>> texts;

 private:
  [[nodiscard]] int last(std::size_t b, int longest) const {
    return int(std::min(texts[b].size(), std::size_t(longest)));
  }
  /// Pieces are of nearly equal length, none so short that its products would add up in another
  /// order than those of the whole.
  [[nodiscard]] int piece_of(int unread) const {
    int const pieces = (unread + longest_piece_ - 1) / longest_piece_;
    return pieces == 0 ? 0 : (unread + pieces - 1) / pieces;
  }

  int context_length_, longest_piece_;
  std::vector<int> unread_;               // the last unread_[b] ids of a text
  std::vector<int> lengths_, positions_;  // of what the batch reads of each
  std::vector<int> tokens_;
};

}  // namespace detail

/// Continues every prompt by up to `max_tokens` ids, all of them together, each seeing keys and
/// values remembered from before. When a context is full, its window slides: its later half is read
/// again and the rest forgotten. `stop_at` >= 0 ends a text at that id. `on_token` sees each id as
/// it comes, and of which prompt it is. A text is what its prompt would get alone, up to the last
/// bits of its logits: a product of more than 8 rows adds up in another order. Equal prompts get
/// equal texts. Ids from `num_ids` on, which a model may have and its tokenizer not, are never
/// drawn; 0: all may be. A pass reads at most `rows` rows of prompts. Throws ConfigError for an
/// empty prompt, DataError for ids outside the vocabulary.
template <class Network>
[[nodiscard]] std::vector<std::vector<int>> generate(
    Network& network, std::span<std::vector<int> const> prompts, int max_tokens,
    Sampler::Config const& sampling, int stop_at = -1,
    std::function<void(std::size_t, int)> const& on_token = {}, int num_ids = 0,
    int rows = rows_of_a_pass) {
  using B = std::remove_reference_t<decltype(network.backend)>;
  using Scalar = typename Network::Scalar;
  detail::Continuations all(prompts, network.config.context_length, rows);
  Sampler sampler(sampling);
  Memory<B> memory{.batch_size = int(prompts.size()), .max_seq_len = network.config.context_length};
  std::vector<Scalar> copied;                            // logits, where the host cannot read them
  std::vector<int> to_draw(prompts.size(), max_tokens);  // for each text
  auto left = max_tokens > 0 ? prompts.size() : 0;       // texts that go on
  while (left > 0) {
    auto const logits = network.last_logits(all.batch(), &memory);  // [prompts, vocab_size]
    auto const on_host = network.on_host(logits, copied);
    all.advance();
    for (std::size_t b = 0; b < prompts.size(); ++b) {
      if (!all.goes_on(b)) continue;
      auto const size = std::size_t(logits.cols);
      auto const drawn_from = num_ids > 0 ? std::min(size, std::size_t(num_ids)) : size;
      auto const of_prompt = on_host.subspan(b * size, drawn_from);
      int const id = sampler.pick(of_prompt, all.texts[b].size());
      if (id == stop_at) {
        left -= 1;
        continue;
      }
      to_draw[b] -= 1;
      if (to_draw[b] == 0) {
        all.texts[b].push_back(id);
        left -= 1;
      } else {
        all.append(b, id);
      }
      if (on_token) on_token(b, id);
    }
  }
  return std::move(all.texts);
}

/// The same for one prompt.
template <class Network>
[[nodiscard]] std::vector<int> generate(Network& network, std::span<int const> prompt,
                                        int max_tokens, Sampler::Config const& sampling,
                                        int stop_at = -1,
                                        std::function<void(int)> const& on_token = {},
                                        int num_ids = 0, int rows = rows_of_a_pass) {
  std::vector<int> const text(prompt.begin(), prompt.end());
  std::function<void(std::size_t, int)> each;
  if (on_token) each = [&](std::size_t, int id) { on_token(id); };
  return generate(network, std::span(&text, 1), max_tokens, sampling, stop_at, each, num_ids, rows)
      .front();
}

}  // namespace moenda
