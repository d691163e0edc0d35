// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <queue>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "moenda/core/error.hpp"
#include "moenda/data/tokenizer/bpe.hpp"
#include "moenda/data/tokenizer/byte_alphabet.hpp"
#include "moenda/data/tokenizer/pretokenizer.hpp"

namespace moenda::data {

struct BpeTrainingConfig {
  int vocab_size = 8192;    ///< 256 bytes, the merges and, if wanted, <|endoftext|>
  bool end_of_text = true;  ///< the last id is <|endoftext|>
  int min_count = 2;        ///< a pair seen less often is not merged
};

/// Learns merges from word counts (Sennrich et al. 2016, algorithm 1): the most frequent pair is
/// merged, again and again. Counts are kept up to date word by word instead of counted anew.
/// Equal counts: the pair whose byte strings are smaller goes first, so the result depends on
/// nothing but the texts.
class BpeTrainer {
 public:
  /// Throws ConfigError unless 256 (257 with end_of_text) <= vocab_size <= 1,000,000 and
  /// min_count >= 1.
  explicit BpeTrainer(BpeTrainingConfig const& config) : config_(config), queue_(After{tokens_}) {
    int const least = config.end_of_text ? 257 : 256;
    if (config.vocab_size < least || config.vocab_size > 1000000)
      throw ConfigError("BpeTrainer: vocab_size must lie in " + std::to_string(least) +
                        "..1000000, got " + std::to_string(config.vocab_size));
    if (config.min_count < 1)
      throw ConfigError("BpeTrainer: min_count must be at least 1, got " +
                        std::to_string(config.min_count));
    ByteAlphabet const alphabet;
    for (unsigned char const byte : alphabet.order()) {
      byte_ids_[byte] = static_cast<int>(tokens_.size());
      tokens_.emplace_back(1, static_cast<char>(byte));
    }
  }
  BpeTrainer(BpeTrainer const&) = delete;
  BpeTrainer& operator=(BpeTrainer const&) = delete;

  /// Counts the words of a text; any bytes. Words do not cross texts. A word longer than 256 bytes
  /// counts as slices of that length, which bounds the time that one merge takes.
  void add(std::string_view text) {
    for (PieceScanner scanner(text); !scanner.done();) {
      auto piece = scanner.next();
      for (; piece.size() > max_word; piece.remove_prefix(max_word)) {
        count(piece.substr(0, max_word));
      }
      count(piece);
    }
  }

  /// The vocabulary, smaller than asked for if the texts run out of pairs. Call it once.
  [[nodiscard]] Bpe train() {
    build_words();
    count_pairs();
    auto const wanted =
        static_cast<std::size_t>(config_.vocab_size - (config_.end_of_text ? 1 : 0));
    while (tokens_.size() < wanted && !queue_.empty()) {
      Candidate const best = queue_.top();
      queue_.pop();
      auto const now = pairs_.find(key(best.left, best.right));
      if (now == pairs_.end() || now->second.count < config_.min_count) continue;
      if (now->second.count != best.count) {  // shrank since it was queued
        queue_.push({now->second.count, best.left, best.right});
        continue;
      }
      merge(best.left, best.right);
    }
    BpeVocabulary vocabulary;
    vocabulary.merges = std::move(merges_);
    vocabulary.tokens = tokens_;
    if (config_.end_of_text) vocabulary.tokens.emplace_back(end_of_text_token);
    return Bpe(std::move(vocabulary));
  }

 private:
  struct Word {
    std::vector<int> ids;
    std::int64_t count;
  };
  struct Pair {
    std::int64_t count = 0;
    std::vector<std::uint32_t> words;  // where it occurs or occurred; may name a word twice
  };
  struct Candidate {
    std::int64_t count;
    int left, right;
  };
  /// True when `a` is merged after `b`.
  struct After {
    std::vector<std::string> const& tokens;
    bool operator()(Candidate const& a, Candidate const& b) const {
      if (a.count != b.count) return a.count < b.count;
      auto const bytes = [&](int id) -> std::string const& {
        return tokens[static_cast<std::size_t>(id)];
      };
      if (a.left != b.left) return bytes(a.left) > bytes(b.left);
      return bytes(a.right) > bytes(b.right);
    }
  };
  struct StringHash : std::hash<std::string_view> {
    using is_transparent = void;
  };

  static constexpr std::size_t max_word = 256;

  void count(std::string_view word) {
    auto const found = counts_.find(word);
    if (found != counts_.end()) {
      ++found->second;
    } else {
      counts_.emplace(word, 1);
    }
  }

  static std::uint64_t key(int left, int right) {
    return std::uint64_t{static_cast<std::uint32_t>(left)} << 32 |
           static_cast<std::uint32_t>(right);
  }

  void build_words() {
    words_.reserve(counts_.size());
    for (auto const& [bytes, count] : counts_) {
      if (bytes.size() < 2) continue;
      Word word{{}, count};
      for (char const c : bytes) word.ids.push_back(byte_ids_[static_cast<unsigned char>(c)]);
      words_.push_back(std::move(word));
    }
    counts_.clear();
    if (words_.size() >= UINT32_MAX) throw DataError("BpeTrainer: too many different words");
  }

  void count_pairs() {
    for (std::uint32_t w = 0; w < words_.size(); ++w) {
      auto const& [ids, count] = words_[w];
      for (std::size_t i = 0; i + 1 < ids.size(); ++i) add_pair(ids[i], ids[i + 1], w, count);
    }
    for (auto const& [pair, entry] : pairs_) {
      queue_.push({entry.count, static_cast<int>(pair >> 32), static_cast<int>(pair)});
    }
  }

  void add_pair(int left, int right, std::uint32_t word, std::int64_t count) {
    Pair& pair = pairs_[key(left, right)];
    pair.count += count;
    if (pair.words.empty() || pair.words.back() != word) pair.words.push_back(word);
  }

  void merge(int left, int right) {
    int const product = static_cast<int>(tokens_.size());
    tokens_.push_back(tokens_[static_cast<std::size_t>(left)] +
                      tokens_[static_cast<std::size_t>(right)]);
    merges_.emplace_back(left, right);
    auto const found = pairs_.find(key(left, right));
    auto const places = std::move(found->second.words);
    pairs_.erase(found);
    grown_.clear();
    // A word named twice no longer holds the pair the second time.
    for (std::uint32_t const w : places) merge_in_word(w, left, right, product);
    std::sort(grown_.begin(), grown_.end());
    grown_.erase(std::unique(grown_.begin(), grown_.end()), grown_.end());
    for (std::uint64_t const pair : grown_) {
      auto const entry = pairs_.find(pair);
      if (entry != pairs_.end())
        queue_.push({entry->second.count, static_cast<int>(pair >> 32), static_cast<int>(pair)});
    }
  }

  /// Takes the pairs of the old word out of the counts and puts those of the new one in.
  void merge_in_word(std::uint32_t w, int left, int right, int product) {
    auto& [ids, count] = words_[w];
    std::size_t first = 0;
    while (first + 1 < ids.size() && !(ids[first] == left && ids[first + 1] == right)) ++first;
    if (first + 1 >= ids.size()) return;
    std::size_t const from = first > 0 ? first - 1 : 0;
    for (std::size_t i = from; i + 1 < ids.size(); ++i) remove_pair(ids[i], ids[i + 1], count);
    std::size_t end = first;
    for (std::size_t i = first; i < ids.size(); ++end) {
      bool const here = i + 1 < ids.size() && ids[i] == left && ids[i + 1] == right;
      ids[end] = here ? product : ids[i];
      i += here ? 2 : 1;
    }
    ids.resize(end);
    for (std::size_t i = from; i + 1 < ids.size(); ++i) {
      bool const is_new = ids[i] == product || ids[i + 1] == product;
      if (is_new) {
        add_pair(ids[i], ids[i + 1], w, count);
        grown_.push_back(key(ids[i], ids[i + 1]));
      } else {
        pairs_.at(key(ids[i], ids[i + 1])).count += count;
      }
    }
  }
  void remove_pair(int left, int right, std::int64_t count) {
    auto const found = pairs_.find(key(left, right));
    if (found != pairs_.end()) found->second.count -= count;  // the merged pair itself is gone
  }

  BpeTrainingConfig config_;
  std::array<int, 256> byte_ids_{};
  std::vector<std::string> tokens_;
  std::vector<std::pair<int, int>> merges_;
  std::unordered_map<std::string, std::int64_t, StringHash, std::equal_to<>> counts_;
  std::vector<Word> words_;
  std::unordered_map<std::uint64_t, Pair> pairs_;
  std::priority_queue<Candidate, std::vector<Candidate>, After> queue_;
  std::vector<std::uint64_t> grown_;
};

/// Learns a vocabulary from `texts` (see BpeTrainer).
[[nodiscard]] inline Bpe train_bpe(std::vector<std::string_view> const& texts,
                                   BpeTrainingConfig const& config = {}) {
  BpeTrainer trainer(config);
  for (auto const text : texts) trainer.add(text);
  return trainer.train();
}

}  // namespace moenda::data
